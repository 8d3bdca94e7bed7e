"""Every widget shows what the model sees of a picture."""

import base64
import io
import struct

import numpy as np
import PIL.Image
import pytest
import torch

from clipbook.image import open_picture
from clipbook.widgets import AttentionExplorer, PatchExplorer, SimilarityMatrix
from clipbook.widgets.encoding import picture_uri
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
    """Every PNG that a page gets."""
    return widget.images if isinstance(widget, SimilarityMatrix) else [widget.image]


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
    (uri,) = uris(widget(KINDS[kind]()[0]))
    # a colour profile, a gamma, an orientation or a transparent colour would be chunks beside
    assert chunks(content(uri)) <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
    image = PIL.Image.open(io.BytesIO(content(uri)))
    assert image.mode == "RGB"
    assert image.tobytes() == seen.tobytes()


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
