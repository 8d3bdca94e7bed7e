"""Whatever lies in a file: an upright RGB picture, or a ValueError that names the file."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes
from PIL import Image

from clipbook.image import preprocess
from clipbook.image.preprocessing import open_picture
from tests.fuzz.strategies import damaged, exif, picture_files, pictures, with_right_sums

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:::PIL")]


def check_file(path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        opened = open_picture(path)
    except ValueError as error:
        assert path.name in str(error)
        with pytest.raises(ValueError, match=path.name):
            preprocess(path, 8)
    else:
        assert opened.mode == "RGB"
        assert min(opened.size) > 0
        check_pixels(path)


def check_pixels(picture) -> None:
    pixels = preprocess(picture, 8)
    assert pixels.shape == (1, 3, 8, 8)
    assert pixels.isfinite().all()


@given(damaged(picture_files()))
def test_damaged_files(folder, clock, data):
    with clock:
        check_file(folder / "picture.bin", data)


@given(damaged([one for one in picture_files() if one.startswith(b"\x89PNG")]))
def test_damaged_png_whose_checksums_fit(folder, clock, data):
    with clock:
        check_file(folder / "picture.png", with_right_sums(data))


@given(exif(), st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]))
def test_odd_exif_costs_no_picture(folder, clock, odd, form):
    file = io.BytesIO()
    Image.new("RGB", (6, 4), "red").save(file, form)
    plain = file.getvalue()
    if form == "JPEG":
        data = plain[:2] + b"\xff\xe1" + (len(odd) + 2).to_bytes(2, "big") + odd + plain[2:]
    elif form == "PNG":
        chunk = (len(odd) - 6).to_bytes(4, "big") + b"eXIf" + odd[6:] + b"\0" * 4
        data = with_right_sums(plain[:33] + chunk + plain[33:])
    elif form == "WEBP":
        file = io.BytesIO()
        Image.new("RGB", (6, 4), "red").save(file, form, exif=odd)
        data = file.getvalue()
    else:
        data = odd[6:] + plain
    with clock:
        check_file(folder / "picture.bin", data)
        if form != "TIFF":  # where they are the file's own directory
            assert sorted(open_picture(folder / "picture.bin").size) == [4, 6]


@given(pictures())
def test_pillow_images_of_any_mode(clock, picture):
    with clock:
        assert open_picture(picture).mode == "RGB"
        check_pixels(picture)


@given(pictures(["L", "RGB", "RGBA"], largest=3), st.integers(1, 30_000), st.booleans())
def test_long_and_thin_pictures(clock, picture, length, tall):
    size = (picture.width, length) if tall else (length, picture.height)
    with clock:
        check_pixels(picture.resize(size))


@given(arrays(scalar_dtypes(), array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)))
def test_arrays_of_grey_levels_are_taken_and_others_refused(clock, array):
    one = array.shape[-3:] if array.ndim > 2 else array.shape
    levels = array.dtype == np.uint8 and 2 <= array.ndim <= 4 and array.size
    with clock:
        if levels and (len(one) == 2 or one[2] <= 4):
            assert preprocess(array, 8).shape[1:] == (3, 8, 8)
        else:
            with pytest.raises(ValueError, match="array|picture"):
                preprocess(array, 8)
