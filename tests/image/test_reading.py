"""Every kind of picture becomes the RGB levels that one should see, or one clear error."""

import io
import os
import struct
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clipbook.image import open_picture
from tests.pictures import (
    ARRAYS,
    COARSE,
    COLOUR,
    GREY,
    HEIGHT,
    KINDS,
    WIDTH,
    chunk,
    encoded,
    exif,
    orientation,
    png,
    rgb,
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_seen_as_the_levels_that_it_is_made_of(kind):
    picture, expected = KINDS[kind]()
    seen = open_picture(picture)
    assert (seen.mode, seen.size) == ("RGB", (WIDTH, HEIGHT))
    difference = np.asarray(seen).astype(int) - expected
    assert np.abs(difference).max() <= COARSE.get(kind, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_seen_holds_nothing_but_pixels_and_is_seen_the_same_again(kind):
    seen = open_picture(KINDS[kind]()[0])
    assert seen.info == {} and not seen.getexif() and not seen.has_transparency_data
    assert open_picture(seen).tobytes() == seen.tobytes()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ARRAYS])
def test_a_picture_is_left_as_it_was(kind):
    picture = KINDS[kind]()[0]
    picture.load()
    before = picture.mode, picture.size, picture.info.copy(), np.asarray(picture).tolist()
    open_picture(picture)
    assert (picture.mode, picture.size, picture.info, np.asarray(picture).tolist()) == before


@given(
    st.sampled_from([1, 2, 4, 8, 16]),
    st.integers(0, 2**16 - 1),
    st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=9),
)
def test_a_transparent_grey_of_any_depth_is_white_and_no_other(depth, transparent, greys):
    most = 2**depth - 1
    levels = np.array([[*greys, transparent]], np.uint16) & most
    file = io.BytesIO(png(levels, depth, transparent & most))
    expected = np.where(levels == levels[0, -1], 255, np.rint(levels * np.float64(255) / most))
    assert np.asarray(open_picture(file))[..., 0].tolist() == expected.tolist()


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=20))
def test_a_grey_of_16_bits_is_its_nearest_of_8(values):
    seen = open_picture(io.BytesIO(png(np.array([values], np.uint16), 16)))
    assert np.asarray(seen)[0, :, 1].tolist() == [round(value / 257) for value in values]


# How a camera that was held so stores an upright picture.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def with_notes(form: str, notes: bytes, upright: Image.Image, turned: int = 1) -> bytes:
    stored = upright.transpose(STORED[turned]) if turned in STORED else upright
    if form != "JPEG":
        return encoded(stored, form, exif=b"Exif\0\0" + notes, **LOSSLESS[form])
    file = encoded(stored, form, quality=100, subsampling=0)
    segment = b"Exif\0\0" + notes
    return file[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + file[2:]


LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True, "exact": True}}
PLAIN = Image.fromarray(np.kron(COLOUR[:2, :3] // 8 * 8, np.ones((16, 16, 1), np.uint8)))


def as_stored(file: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of the notes
        with Image.open(io.BytesIO(file)) as opened:
            return opened.convert("RGB")


ODD = {
    "strips that are a text": [(0x0111, 2, 4, b"abc\0")],
    "a text that lies beyond the end": [(0x010F, 2, 100, struct.pack("<I", 9999))],
    "a type that there isn't": [(0x010F, 99, 1, b"abc\0")],
    "more notes beyond the end": [(0x8769, 4, 1, struct.pack("<I", 9999))],
    "more notes that are the same": [(0x8769, 4, 1, struct.pack("<I", 8))],
    "a resolution that is a text": [(0x011A, 2, 4, b"abc\0")],
    "a resolution of zero over zero": [(0x011A, 5, 1, struct.pack("<I", 38)), (0x0128, 3, 1, b"2")],
    "no value": [(0x0100, 3, 0, b"")],
}


@pytest.mark.parametrize("turned", [6, 8, 3])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_odd_notes_beside_the_orientation_change_nothing(form, odd, turned):
    for notes in ([*ODD[odd], orientation(turned)], [orientation(turned), *ODD[odd]]):
        file = with_notes(form, exif(*notes), PLAIN, turned)
        seen = open_picture(io.BytesIO(file))
        back = seen.transpose(STORED[turned])
        assert back.tobytes() == as_stored(file).tobytes()
        assert seen.size == PLAIN.size


UNREADABLE = {
    "nothing": b"",
    "a header alone": b"II*\0",
    "noise": bytes(range(7, 67)),
    "orientation 0": exif(orientation(0)),
    "orientation 9": exif(orientation(9)),
    "orientation 65535": exif(orientation(65_535)),
    "a text": exif((0x0112, 2, 2, b"6\0")),
    "bytes": exif((0x0112, 7, 1, b"\6")),
    "no number": exif((0x0112, 3, 0, b"\6")),
    "a fraction over zero": exif((0x0112, 5, 1, struct.pack("<I", 8))),
}


@pytest.mark.parametrize("notes", UNREADABLE)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_that_cannot_be_read_turns_nothing(form, notes):
    file = with_notes(form, UNREADABLE[notes], PLAIN)
    assert open_picture(io.BytesIO(file)).tobytes() == as_stored(file).tobytes()


@given(st.binary(max_size=80), st.sampled_from(["PNG", "WEBP"]), st.booleans())
def test_no_notes_hide_the_pixels(noise, form, headed):
    file = with_notes(form, (b"MM\0*" if headed else b"") + noise, PLAIN)
    seen = open_picture(io.BytesIO(file))
    ways = [PLAIN, *(PLAIN.transpose(method) for method in STORED.values())]
    assert seen.tobytes() in [way.tobytes() for way in ways]


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"iCCP", b"profile\0\0noise"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<no xml \xff"),
        chunk(b"gAMA", struct.pack(">I", 100_000)),
        chunk(b"pHYs", bytes(9)),
    ],
    ids=["profile", "XMP", "gamma", "resolution"],
)
def test_broken_and_odd_metadata_change_no_pixel(extra):
    file = encoded(Image.fromarray(COLOUR), "PNG")
    assert np.array_equal(open_picture(io.BytesIO(file[:33] + extra + file[33:])), COLOUR)


def test_orientation_in_xmp_alone_is_followed():
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    stored = Image.fromarray(COLOUR).transpose(Image.Transpose.ROTATE_90)
    file = encoded(stored, "WEBP", lossless=True, xmp=xmp)
    assert np.array_equal(open_picture(io.BytesIO(file)), COLOUR)


RAISED = [
    struct.error, TypeError, AttributeError, RuntimeError, NotImplementedError, RecursionError,
    KeyError, IndexError, EOFError, OverflowError, MemoryError, ZeroDivisionError, SyntaxError,
    AssertionError, UnicodeError, OSError, ValueError, UserWarning, Image.DecompressionBombError,
    Image.DecompressionBombWarning,
]  # fmt: skip


@pytest.mark.parametrize("error", RAISED)
@pytest.mark.parametrize("where", ["open", "load", "convert"])
def test_whatever_pillow_raises_becomes_one_error_that_names_the_file(
    tmp_path, monkeypatch, error, where
):
    path = tmp_path / "some.png"
    Image.fromarray(GREY).save(path)

    def fail(*_, **__):
        raise error("of Pillow's own")

    with Image.open(path) as opened:
        monkeypatch.setattr(Image if where == "open" else Image.Image, where, fail)
        monkeypatch.setattr(type(opened), "load", fail if where == "load" else type(opened).load)
        for picture in [path] if where == "open" else [path, opened]:
            with pytest.raises(ValueError, match=r"some\.png can't be read as a picture.*own") as e:
                open_picture(picture)
            assert isinstance(e.value.__cause__, error)


def test_an_interrupt_is_no_broken_picture(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image, "open", interrupt)
    with pytest.raises(KeyboardInterrupt):
        open_picture("some.png")


@given(st.data())
def test_changed_bytes_give_a_picture_or_one_error(data):
    form = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "TGA"]))
    file = bytearray(encoded(Image.fromarray(COLOUR), form))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, min(len(file), 400) - 1))
        file[place] = data.draw(st.integers(0, 255))
    try:
        seen = open_picture(io.BytesIO(bytes(file)))
    except ValueError as error:
        assert "can't be read as a picture" in str(error)
    else:
        assert seen.mode == "RGB" and min(seen.size) > 0


@pytest.mark.parametrize(
    "name", ["gone.png", "", ".", "nul\0.png", "n" * 300, "a\nb.png", "\udc80"]
)
def test_a_path_that_leads_to_no_file_is_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="can't be read as a picture") as error:
        open_picture(name)
    told = str(error.value).partition(" can't")[0]
    assert told == (name if name and name.isprintable() else repr(name))
    assert told.isprintable()


def test_a_file_that_is_open_is_read_from_its_beginning_and_stays_open(tmp_path):
    path = tmp_path / "some.png"
    Image.fromarray(COLOUR).save(path)
    with path.open("rb") as file:
        file.read(5)
        assert np.array_equal(open_picture(file), COLOUR)
        assert np.array_equal(open_picture(file), COLOUR)
    path.write_bytes(b"no picture")
    with path.open("rb") as file, pytest.raises(ValueError, match=r"some\.png can't be read"):
        open_picture(file)
    with pytest.raises(ValueError, match="BytesIO object .*can't be read"):
        open_picture(io.BytesIO(b"no picture"))


def test_a_picture_without_a_name_is_told_by_its_size_and_mode():
    with Image.open(io.BytesIO(encoded(Image.fromarray(GREY), "PNG")[:-30])) as opened:
        told = f"the picture of {WIDTH} × {HEIGHT} px in mode L can't be read as a picture"
        with pytest.raises(ValueError, match=told):
            open_picture(opened)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1", "I", "I;16", "F", "CMYK"])
@pytest.mark.parametrize("box", [(5, 2, 5, 6), (3, 4, 9, 4), (0, 0, 0, 0)])
def test_a_picture_without_pixels_is_refused_by_its_size(mode, box):
    empty = Image.new(mode, (10, 10)).crop(box)
    told = f"{empty.width} × {empty.height} px is empty; each side needs 1 px.*edges lie beyond"
    with pytest.raises(ValueError, match=told):
        open_picture(empty)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0, 3), (0, 0, 3)])
def test_an_array_without_pixels_is_refused_by_its_size(shape):
    for values in (np.zeros(shape, np.uint8), torch.zeros(shape, dtype=torch.uint8)):
        with pytest.raises(ValueError, match=f"{shape[1]} × {shape[0]} px is empty"):
            open_picture(values)


NO_PICTURE = {
    "floats": (np.zeros((8, 8, 3)), r"shape \(8, 8, 3\) and type float64.*uint8"),
    "channels first": (np.zeros((3, 8, 9), np.uint8), r"\(3, 8, 9\).*\.transpose\(1, 2, 0\)"),
    "16 bits": (np.zeros((8, 8), np.uint16), "type uint16 is not a picture"),
    "five channels": (np.zeros((8, 8, 5), np.uint8), r"\(8, 8, 5\)"),
    "no channels": (np.zeros((8, 8, 0), np.uint8), r"\(8, 8, 0\)"),
    "a batch": (np.zeros((2, 8, 8, 3), np.uint8), r"\(2, 8, 8, 3\)"),
    "one number": (np.uint8(3), "uint8"),
    "objects": (np.array([None, "a.png"]), "type object"),
    "pixels": (torch.zeros(3, 8, 8), r"Tensor of shape \(3, 8, 8\) and type float32"),
    "half precision": (torch.zeros(8, 8, 3, dtype=torch.bfloat16), "type bfloat16"),
    "nothing": (None, "None, a NoneType, is not a picture; give a Pillow image, a path"),
    "a number": (7, "7, a int, is not a picture"),
    "bytes": (b"\x89PNG", "a bytes, is not a picture; give .* an open file"),
    "a list": ([[[0, 0, 0]]], "a list, is not a picture"),
    "a table": ({"picture": "a.png"}, "a dict, is not a picture"),
}


@pytest.mark.parametrize("what", NO_PICTURE)
def test_what_is_no_picture_is_told_with_what_to_give(what):
    value, told = NO_PICTURE[what]
    with pytest.raises(ValueError, match=told):
        open_picture(value)


def test_a_path_may_be_anything_that_the_system_takes_for_one(tmp_path):
    class Place(os.PathLike):
        def __fspath__(self) -> str:
            return str(tmp_path / "some.png")

    Image.fromarray(GREY).save(tmp_path / "some.png")
    assert np.array_equal(open_picture(Place()), rgb(GREY))
