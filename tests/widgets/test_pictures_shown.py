"""Every widget, and what stands in for it in print, shows what the model sees of a picture."""

import base64
import io
import re
import struct

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import torch

from clipbook.image import open_picture
from clipbook.widgets import AttentionExplorer, PatchExplorer, SimilarityMatrix
from clipbook.widgets.encoding import picture_uri
from clipbook.widgets.static_picture import _strip
from tests.pictures import COLOUR, HEIGHT, KINDS, WIDTH

PNG = "data:image/png;base64,"


def patches(picture) -> PatchExplorer:
    return PatchExplorer(picture, patch_size=4)


def attention(picture) -> AttentionExplorer:
    keys = HEIGHT * WIDTH // 4**2
    return AttentionExplorer(torch.full((1, 1, keys, keys), 1 / keys), image=picture)


def matrix(picture) -> SimilarityMatrix:
    return SimilarityMatrix(np.zeros((1, 1)), [picture], ["a picture"])


def uris(widget) -> list[str]:
    """Every PNG that a page gets: in the widget's state, and inside its drawing for print."""
    found = widget.images if isinstance(widget, SimilarityMatrix) else [widget.image]
    if widget.picture.startswith("data:image/svg"):
        drawing = base64.b64decode(widget.picture.partition(",")[2]).decode()
        found = found + re.findall(rf'href="({PNG}[^"]*)"', drawing)
    return found


def content(uri: str) -> bytes:
    assert uri.startswith(PNG)
    return base64.b64decode(uri.removeprefix(PNG))


def chunks(png: bytes) -> set[bytes]:
    names, place = set(), 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        names.add(png[place + 4 : place + 8])
        place += length + 12
    return names


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("widget", [patches, attention, matrix])
def test_a_page_gets_the_pixels_that_the_model_sees_and_nothing_that_changes_them(kind, widget):
    seen = open_picture(KINDS[kind]()[0])
    sent = [content(uri) for uri in uris(widget(KINDS[kind]()[0]))]
    assert len(sent) == {patches: 2, attention: 3, matrix: 1}[widget]
    for png in sent:
        # a colour profile, a gamma, an orientation or a transparent colour would be chunks beside
        assert chunks(png) <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
        image = PIL.Image.open(io.BytesIO(png))
        assert image.mode in ("RGB", "L")  # in grey, under the weights of attention
        assert image.tobytes() == seen.convert(image.mode).tobytes()


def test_a_picture_may_be_a_path(tmp_path):
    path = tmp_path / "some.png"
    PIL.Image.fromarray(COLOUR).save(path)
    for widget in (patches, attention, matrix):
        png = content(uris(widget(path))[0])
        assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(png))), COLOUR)
    with pytest.raises(ValueError, match=r"images\[0\]: .*gone\.png can't be read as a picture"):
        matrix(tmp_path / "gone.png")


def test_a_large_picture_is_only_made_smaller():
    noise = np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint16) * 257
    expected = open_picture(PIL.Image.fromarray(noise))
    expected.thumbnail((192, 192))
    png = content(picture_uri(PIL.Image.fromarray(noise)))
    assert PIL.Image.open(io.BytesIO(png)).tobytes() == expected.tobytes()


def test_patches_fill_a_large_picture_that_is_not_square():
    weights = torch.full((1, 1, 140, 140), 1 / 140)
    widget = AttentionExplorer(weights, image=np.zeros((160, 224, 3), np.uint8))
    assert widget.grid == [10, 14]


@pytest.mark.parametrize("sides", [(90, 30), (30, 90), (32, 32)])
def test_in_print_a_picture_loses_its_ends_as_on_the_page_and_is_not_squeezed(sides):
    width, height = sides
    picture = PIL.Image.new("RGB", sides, "red")
    side = min(sides)
    middle = PIL.Image.new("RGB", (side, side), "blue")
    picture.paste(middle, ((width - side) // 2, (height - side) // 2))
    shown = _strip((picture_uri(picture),), 1.0)
    assert shown[..., 2].min() > 200  # a trace of red may blend in at the edges
    assert np.median(shown, axis=(0, 1)).tolist() == [0, 0, 255]
