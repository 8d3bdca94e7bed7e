"""Preprocessing equals transformers' and reads whatever Pillow opens."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from clipbook.image import normalise, open_picture, preprocess
from clipbook.image.preprocessing import MEAN, STD

SIZES = {
    "landscape": (97, 40),
    "portrait": (40, 97),
    "square": (64, 64),
    "of the size itself": (32, 32),
    "odd": (33, 35),
    "smaller": (9, 7),
    "one pixel": (1, 1),
    "a line": (200, 3),
}
MODES = ["RGB", "L", "P", "RGBA", "1", "CMYK", "LA"]


def noise(size: tuple[int, int] = (60, 40), mode: str = "RGB", seed: int = 0) -> Image.Image:
    width, height = size
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 256, (height, width, 4), dtype=np.uint8)
    if mode in ("RGBA", "LA"):
        return Image.fromarray(values).convert(mode)  # with all degrees of transparency
    return Image.fromarray(values[..., :3]).convert(mode)


def grey_levels(pixels: torch.Tensor) -> torch.Tensor:
    """Undo the normalisation: (batch, 3, height, width) from 0 to 255."""
    return (pixels * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]) * 255


def theirs(picture: Image.Image, size: int) -> torch.Tensor:
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size}
    )
    return torch.as_tensor(np.stack(processor(picture)["pixel_values"]))


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("size", [32, 33, 64])
def test_equals_transformers_to_one_grey_level(shape, size):
    picture = noise(SIZES[shape])
    ours, expected = preprocess(picture, size), theirs(picture, size)
    assert ours.shape == expected.shape == (1, 3, size, size)
    assert (grey_levels(ours) - grey_levels(expected)).abs().max() < 1.01


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_equals_transformers(mode):
    picture = noise(mode=mode)
    difference = grey_levels(preprocess(picture)) - grey_levels(theirs(picture, 32))
    assert difference.abs().max() < 1.01


@pytest.mark.parametrize("mode", [*MODES, "PA", "YCbCr", "HSV", "LAB", "I", "F", "I;16", "I;16B"])
def test_every_mode_becomes_rgb(mode):
    picture = Image.new(mode, (60, 40))
    assert open_picture(picture).mode == "RGB"
    assert preprocess(picture).isfinite().all()


def test_normalising_is_clips_formula():
    pictures = torch.tensor([0, 51, 255], dtype=torch.uint8).expand(1, 2, 2, 3)
    pixels = normalise(pictures)
    expected = [(0 - 0.48145466) / 0.26862954, (0.2 - 0.4578275) / 0.26130258]
    expected.append((1 - 0.40821073) / 0.27577711)
    torch.testing.assert_close(pixels[0, :, 1, 1], torch.tensor(expected))
    assert pixels.shape == (1, 3, 2, 2)
    assert pixels.is_contiguous()


def test_the_middle_is_kept():
    picture = Image.new("RGB", (96, 32), "black")
    picture.paste((255, 0, 0), (32, 0, 64, 32))
    levels = grey_levels(preprocess(picture))[0]
    assert (levels[0] - 255).abs().max() < 0.01
    assert levels[1:].abs().max() < 0.01


# How a camera that was held so stores an upright picture.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["png", "tiff", "webp"])
def test_pictures_are_turned_upright(tmp_path, orientation, kind):
    upright, method = noise(), STORED[orientation]
    stored = upright if method is None else upright.transpose(method)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"picture.{kind}"
    stored.save(path, exif=exif, **({"lossless": True} if kind == "webp" else {}))
    assert open_picture(path).tobytes() == upright.tobytes()
    with Image.open(path) as opened:
        assert torch.equal(preprocess(opened), preprocess(upright))


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_sixteen_bits_are_scaled_not_clipped(mode):
    greys = np.array([[0, 257, 25_700, 65_535]])
    kind = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[mode]
    picture = Image.frombytes(mode, (4, 1), greys.astype(kind).tobytes())
    assert np.asarray(open_picture(picture))[0, :, 0].tolist() == [0, 1, 100, 255]


def test_a_sixteen_bit_file_is_scaled(tmp_path):
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((40, 40), 25_700, dtype=np.uint16)).save(path)
    assert set(np.asarray(open_picture(path)).ravel().tolist()) == {100}


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_lies_on_white_as_in_transformers(tmp_path, mode):
    path, picture = tmp_path / "picture.png", noise(mode=mode)
    picture.save(path, transparency=picture.getpixel((30, 20)))
    assert open_picture(path).getpixel((30, 20)) == (255, 255, 255)
    with Image.open(path) as opened:
        difference = grey_levels(preprocess(opened)) - grey_levels(theirs(opened, 32))
    assert difference.abs().max() < 1.01


def test_degrees_of_transparency_blend_with_white():
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 51))
    assert open_picture(picture).getpixel((0, 0)) == (255, 204, 204)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "tiff", "webp"])
def test_a_file_its_path_and_the_opened_picture_agree(tmp_path, kind):
    path = tmp_path / f"picture.{kind}"
    noise().save(path)
    from_path = preprocess(path)
    assert torch.equal(from_path, preprocess(str(path)))
    with Image.open(path) as opened:
        assert torch.equal(from_path, preprocess(opened))
    assert torch.equal(preprocess([path, noise(seed=1)])[:1], from_path)


def test_a_picture_is_not_changed_by_being_preprocessed():
    picture = noise()
    before = picture.tobytes()
    preprocess(picture)
    assert picture.tobytes() == before


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    noise().save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "tiff", "webp"])
def test_a_truncated_file_is_refused_by_name(tmp_path, kind):
    path, whole = tmp_path / f"cut.{kind}", encoded(kind)
    for share in (0.02, 0.2, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match=rf"cut\.{kind} can't be read as a picture.*save"):
            preprocess(path)
        with pytest.raises(ValueError, match="can't be read as a picture"):
            preprocess([noise(), path])


def test_a_truncated_picture_that_is_already_open_is_refused(tmp_path):
    path = tmp_path / "cut.png"
    path.write_bytes(encoded("png")[:2_000])
    with (
        Image.open(path) as opened,
        pytest.raises(ValueError, match=r"cut\.png can't be read"),
    ):
        preprocess(opened)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused_by_name(tmp_path, content):
    path = tmp_path / "notes.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.png can't be read as a picture"):
        preprocess(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.png can't be read.*No such file"):
        preprocess(tmp_path / "gone.png")


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "huge.png"
    noise().save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=re.escape("huge.png can't be read as a picture")):
        preprocess(path)


def test_no_pictures_and_no_size_are_refused():
    with pytest.raises(ValueError, match="pictures is empty.*at least one"):
        preprocess([])
    with pytest.raises(ValueError, match="size=0 px is no picture; try 32"):
        preprocess(noise(), 0)
