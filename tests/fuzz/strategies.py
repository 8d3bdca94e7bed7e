"""What the entry points are given: damaged files, odd JSON, any text."""

import io
import json
import struct
import zlib
from functools import cache

from hypothesis import strategies as st
from PIL import Image

WORDS = ["a red circle", "Pepper the aussie pup", "", " ", "<script>", "<!--", "$", r"\frac", "\0"]
TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=60),
    st.text(st.characters(), max_size=20),  # half characters (surrogates) too
    st.text(st.sampled_from("$\\_^{}%#&~<>\"'\n\r\t\ud83d\ude00\u202e\u0301\ufeff,;"), max_size=30),
    st.builds(str.__mul__, st.text(max_size=3), st.integers(50, 400)),
)
NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2, 3, 96, 10**4, 10**12, 10**400, 2**31, 2**63, -(10**30)]),
    st.integers(),
    st.floats(),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed(draw: st.DrawFn, value: object) -> object:
    """A value as JSON has it, in which some parts have become others, gone, or come in."""
    if draw(st.integers(0, 5)) == 0:
        return draw(JSON)
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if draw(st.integers(0, 15))}
        if kept:
            at = draw(st.sampled_from(sorted(kept)))
            kept[at] = draw(changed(kept[at]))
        if draw(st.integers(0, 15)) == 0:
            kept[draw(TEXTS)] = draw(JSON)
        return kept
    if isinstance(value, list) and value:
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(changed(value[at])), *value[at + 1 :]]
    return draw(JSON)


def written(value: object) -> bytes:
    """JSON as Python writes it, NaN and half characters included."""
    return json.dumps(value).encode()


@st.composite
def damaged(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """A file in which a few bytes were changed, cut out, put in or doubled; now and then, noise."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    data = draw(st.sampled_from(files))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, 80) | st.integers(0, len(data)))  # headers decide most
        length = draw(st.integers(0, 8))
        new = draw(
            st.one_of(
                st.binary(min_size=length, max_size=length),
                st.sampled_from([b"", b"\0", b"\xff\xff\xff\xff", data[at : at + 40] * 2]),
            )
        )
        data = data[:at] + new + data[at + length :]
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 5)) == 0 else data


def with_right_sums(data: bytes) -> bytes:
    """A PNG whose checksums are made to fit again, so that what was changed is read at all."""
    made, at = data[:8], 8
    while at + 8 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        made += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return made


@st.composite
def exif(draw: st.DrawFn) -> bytes:
    """Any entries beside an orientation, of any type, count and value."""
    field = st.tuples(
        st.one_of(
            st.sampled_from([0x0111, 0x0117, 0x8769, 0x8825, 0xA005, 0x010F, 0x0112]),
            st.integers(0, 0xFFFF),
        ),
        st.integers(0, 14),
        st.sampled_from([0, 1, 2, 5, 2**31]),
        st.integers(0, 2**32 - 1) | st.integers(0, 60),
    )
    fields = [(0x0112, 3, 1, draw(st.integers(0, 9))), *draw(st.lists(field, max_size=4))]
    entries = b"".join(struct.pack("<HHII", *one) for one in fields)
    end = struct.pack("<I", draw(st.sampled_from([0, 8, 99])))
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + end


MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]
MODES += ["I", "F", "I;16", "I;16L", "I;16B", "La", "RGBa"]
BYTES = {"I": 4, "F": 4, "I;16": 2, "I;16L": 2, "I;16B": 2, "LA": 2, "PA": 2, "La": 2}
BYTES |= dict.fromkeys(["RGB", "YCbCr", "LAB", "HSV"], 3)
BYTES |= dict.fromkeys(["RGBA", "RGBX", "CMYK", "RGBa"], 4)


@st.composite
def pictures(draw: st.DrawFn, modes: list[str] = MODES, largest: int = 12) -> Image.Image:
    """A Pillow image in any mode, with any pixels, and perhaps a transparent colour."""
    mode = draw(st.sampled_from(modes))
    width, height = draw(st.tuples(*[st.integers(1, largest)] * 2))
    count = -(-width // 8) * height if mode == "1" else width * height * BYTES.get(mode, 1)
    image = Image.frombytes(mode, (width, height), draw(st.binary(min_size=count, max_size=count)))
    if mode == "P":
        image.putpalette(draw(st.binary(min_size=3, max_size=768)))
    if draw(st.booleans()):
        level = st.integers(0, 255)
        colour = level if mode == "P" else level | st.tuples(level, level, level)
        image.info["transparency"] = draw(colour | st.binary(max_size=8))
    return image


@cache
def picture_files() -> list[bytes]:
    """Small files in the formats that people have, in most of the modes that each knows."""
    made = []
    ramp = Image.linear_gradient("L").resize((9, 7))
    for mode in MODES:
        try:
            image = ramp.convert(mode)
        except ValueError:
            image = ramp.convert("RGBA").convert(mode) if mode in ("PA", "RGBa") else ramp
        for form, options in [
            ("PNG", {}),
            ("JPEG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"}),
            ("JPEG", {"progressive": True}),
            ("GIF", {"save_all": True, "append_images": [ramp]}),
            ("TIFF", {}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("WEBP", {}),
            ("BMP", {}),
            ("PPM", {}),
            ("ICO", {}),
        ]:
            file = io.BytesIO()
            try:
                image.save(file, form, **options)
            except (OSError, ValueError, KeyError):  # this format has no such mode
                continue
            made.append(file.getvalue())
    return made
