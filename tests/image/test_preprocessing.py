"""Preprocessing equals transformers' and reads whatever Pillow opens."""

import io
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from clipbook.image import Preprocessing, normalise, open_picture, preprocess
from clipbook.image.preprocessing import MEAN, STD, _resize_and_crop
from tests.plain import plain_python

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


@pytest.mark.parametrize("none", [[], (), iter(()), {}.values(), np.zeros((0, 8, 8, 3), np.uint8)])
def test_no_pictures_are_refused(none):
    with pytest.raises(ValueError, match="pictures is empty.*at least one"):
        preprocess(none)


@pytest.mark.parametrize("size", [0, -1, 2.5, 32.0, True, "32", None, 10**6, float("nan")])
def test_a_size_that_is_none_is_refused(size):
    told = rf"size={size!r} is not a whole number from 1 to 4,096; try 32"
    with plain_python(), pytest.raises(ValueError, match=told):
        preprocess(noise(), size)


def test_a_size_may_be_numpys():
    with plain_python():
        assert preprocess(noise(), np.int64(8)).shape == (1, 3, 8, 8)


def test_several_pictures_come_in_whatever_gives_them_one_by_one():
    arrays = np.random.default_rng(0).integers(0, 256, (3, 9, 12, 3), dtype=np.uint8)
    images = [Image.fromarray(one) for one in arrays]
    expected = torch.cat([preprocess(image, 8) for image in images])
    named = dict(enumerate(images))
    for several in (
        images, tuple(images), iter(images), (one for one in arrays), named.values(), arrays,
        list(arrays), torch.tensor(arrays), [images[0], arrays[1], torch.tensor(arrays[2])],
    ):  # fmt: skip
        assert torch.equal(preprocess(several, 8), expected)
    assert torch.equal(preprocess(arrays[0], 8), expected[:1])


def test_an_open_file_is_one_picture():
    assert torch.equal(preprocess(io.BytesIO(encoded("png"))), preprocess(noise()))


NO_PICTURES = {
    "nothing": (None, "^None, a NoneType, is not a picture; give"),
    "a number": (3, "^3, a int, is not a picture"),
    "bytes": (b"GIF89a", "a bytes, is not a picture; give"),
    "names": ({"a": "a.png"}, "a dict, is not a picture"),
    "a set": ({3}, "a set, is not a picture"),
    "pixels": (
        torch.zeros(1, 3, 8, 8),
        r"^pictures\[0\]: Tensor of shape \(3, 8, 8\) and type float",
    ),
    "one's pixels": (torch.zeros(3, 8, 8), r"^Tensor of shape \(3, 8, 8\) and type float32"),
    "in [0, 1]": (np.zeros((8, 8, 3)), r"type float64 is not a picture.*\(255 \* values\)"),
    "channels first": (np.zeros((3, 8, 9), np.uint8), r"try .transpose\(1, 2, 0\)"),
    "a hole": ([noise(), None], r"^pictures\[1\]: None, a NoneType, is not a picture"),
    "no pixels": ([noise(), noise().crop((1, 1, 1, 5))], r"^pictures\[1\]: .* 0 × 4 px is empty"),
    "rows of numbers": ([[0, 0], [0, 0]], r"^pictures\[0\]: \[0, 0\], a list, is not"),
}


@pytest.mark.parametrize("what", NO_PICTURES)
def test_what_is_no_picture_is_told_and_of_several_which(what):
    pictures, told = NO_PICTURES[what]
    with pytest.raises(ValueError, match=told):
        preprocess(pictures)


def by_the_letter(image: Image.Image, size: int) -> Image.Image:
    """Resize the whole, whatever it costs, then crop."""
    short = min(image.size)
    whole = image.resize([int(size * side / short) for side in image.size], Image.BICUBIC)
    left, top = [(side - size) // 2 for side in whole.size]
    return whole.crop((left, top, left + size, top + size))


def strip(generator: np.random.Generator, long: int, short: int, upright: bool) -> Image.Image:
    levels = generator.choice(np.array([0, 255], np.uint8), (short, long, 3))
    return Image.fromarray(levels.transpose(1, 0, 2) if upright else levels)


@given(
    short=st.integers(1, 40), ratio=st.floats(1, 100), size=st.integers(1, 64),
    upright=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_no_pixel_of_an_ordinary_picture_depends_on_the_cut(short, ratio, size, upright, seed):
    picture = strip(np.random.default_rng(seed), int(short * ratio), short, upright)
    assert _resize_and_crop(picture, size).tobytes() == by_the_letter(picture, size).tobytes()


@given(
    short=st.integers(1, 12), ratio=st.floats(100, 400), size=st.integers(2, 64),
    upright=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_the_cut_of_a_strip_moves_no_level_unless_the_scale_is_rounded(
    short, ratio, size, upright, seed
):
    long = int(short * ratio)
    picture = strip(np.random.default_rng(seed), long, short, upright)
    cut, whole = _resize_and_crop(picture, size), by_the_letter(picture, size)
    difference = np.abs(np.asarray(cut).astype(int) - np.asarray(whole)).max()
    assert difference <= (0 if size * long % short == 0 else 2)


@pytest.mark.parametrize("sides", [(65_535, 1), (1, 65_535), (30_000, 2), (7, 50_001)])
@pytest.mark.parametrize("size", [32, 224])
def test_a_strip_is_cut_before_it_grows(monkeypatch, sides, size):
    grown, resize = [], Image.Image.resize

    def watched(image: Image.Image, to: tuple[int, int], *how) -> Image.Image:
        grown.append(to[0] * to[1])
        return resize(image, to, *how)

    monkeypatch.setattr(Image.Image, "resize", watched)
    assert preprocess(noise(sides), size).shape == (1, 3, size, size)
    assert 0 < max(grown) <= 102 * size**2  # 4 bytes each, 20 MB at 224 px; whole it were 13 GB


def test_a_strip_keeps_its_middle():
    picture = Image.new("RGB", (65_535, 1), "black")
    picture.putpixel((32_767, 0), (255, 0, 0))
    levels = grey_levels(preprocess(picture, 33))[0]
    assert levels[0, 16, 16] > 254  # the middle's middle
    assert levels[1:].abs().max() < 0.01


@pytest.mark.parametrize("over", range(65))
def test_the_crop_begins_where_transformers_begins_and_torchvision_one_further_for_3_of_4(over):
    size = 16
    levels = np.arange(size + over, dtype=np.uint8)  # each column is its own number
    picture = Image.fromarray(np.tile(levels[None, :, None], (size, 1, 3)))
    begins = round(grey_levels(preprocess(picture, size))[0, 0, 0, 0].item())
    assert begins == round(grey_levels(theirs(picture, size))[0, 0, 0, 0].item())
    assert begins == over // 2
    torchvision = round(over / 2.0)  # its CenterCrop's own formula; Python rounds halves to even
    assert torchvision - begins == (1 if over % 4 == 3 else 0)


HALVES = Preprocessing("stretch", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("size", [32, 33, 64])
def test_stretching_equals_transformers_siglip(shape, size):
    picture = noise(SIZES[shape])
    ours = preprocess(picture, size, HALVES)
    processor = SiglipImageProcessorPil(size={"height": size, "width": size})
    expected = torch.as_tensor(np.stack(processor(picture)["pixel_values"]))
    assert ours.shape == expected.shape == (1, 3, size, size)
    assert (ours - expected).abs().max() * 127.5 < 1.01


def test_stretching_keeps_all_of_a_picture_and_cropping_its_middle():
    picture = Image.new("RGB", (96, 32), "black")
    picture.paste((255, 0, 0), (32, 0, 64, 32))
    red = (preprocess(picture, 33, HALVES)[0, 0] + 1) / 2
    assert red[:, 0].max() < 0.01
    assert red[:, -1].max() < 0.01
    assert red[:, 16].min() > 0.99
    assert red.mean().item() == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fit": "pad"}, "fit='pad'; try crop or stretch"),
        ({"mean": (0.5, 0.5)}, r"mean=\(0.5, 0.5\) is not three numbers"),
        ({"mean": 0.5}, "mean=0.5 is not three numbers"),
        ({"std": "123"}, "std='123' is not three numbers"),
        ({"std": (0.5, 0, 0.5)}, r"std\[1\]=0 is not a finite number above 0"),
        ({"mean": (0.5, 0.5, None)}, r"mean\[2\]=None is not a finite number"),
    ],
)
def test_preprocessing_that_makes_no_sense_is_refused(change, message):
    with plain_python(), pytest.raises(ValueError, match=message):
        Preprocessing(**change)


def test_preprocessing_begins_with_clips():
    assert Preprocessing() == Preprocessing("crop", MEAN, STD)
    with plain_python():
        assert Preprocessing(mean=[0, 1, 0.5]).mean == (0.0, 1.0, 0.5)


@pytest.mark.parametrize(
    "pictures",
    [
        torch.ones(1, 4, 4, 3),  # in [0, 1] already
        torch.zeros(1, 4, 4, 4, dtype=torch.uint8),
        torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
        torch.zeros(4, 4, 3, dtype=torch.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        None,
    ],
)
def test_what_are_no_levels_is_refused_and_not_normalised(pictures):
    with plain_python(), pytest.raises(ValueError, match="give levels 0 to 255 in torch.uint8"):
        normalise(pictures)


def test_a_mean_of_levels_up_to_255_is_refused():
    with pytest.raises(ValueError, match=r"^mean\[0\]=123.7 .*to 1.*try 0.5"):
        Preprocessing(mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4))
