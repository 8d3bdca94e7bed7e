"""Pictures of every kind, each beside the RGB levels that one should see.

The levels are computed here, by numpy, from what the picture is made of.
"""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageCms

HEIGHT, WIDTH = 8, 12  # px; patches of 2 or 4 px fill it
Kind = tuple[Any, np.ndarray]

_draw = np.random.default_rng(0)
GREY = _draw.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
COLOUR = _draw.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
ALPHA = _draw.choice(np.array([0, 51, 128, 255], np.uint8), (HEIGHT, WIDTH))


def rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def on_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(colour * share + 255 * (1 - share)).astype(np.uint8)


def chunk(name: bytes, content: bytes) -> bytes:
    whole = name + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def png(levels: np.ndarray, depth: int, transparent: Any = None) -> bytes:
    """A PNG of grey (height, width) or RGB (height, width, 3) levels with so many bits each."""
    height, width = levels.shape[:2]
    kind = 2 if levels.ndim == 3 else 0
    numbers = levels.reshape(height, -1).astype(">u2")
    if depth == 16:
        rows = [row.tobytes() for row in numbers]
    else:
        bits = (numbers[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        rows = [np.packbits(row).tobytes() for row in bits.reshape(height, -1).astype(np.uint8)]
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (b"" if transparent is None else chunk(b"tRNS", np.array(transparent, ">u2").tobytes()))
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        + chunk(b"IEND", b"")
    )


def exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF notes, each of a tag, a type, a count and what stands in the four bytes of its value."""
    body = b"".join(struct.pack("<HHI", *one[:3]) + one[3].ljust(4, b"\0") for one in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


def orientation(value: int) -> tuple[int, int, int, bytes]:
    return 0x0112, 3, 1, struct.pack("<H", value)


def encoded(image: Image.Image, form: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **how)
    return file.getvalue()


def _palette() -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """An image of four colours that knows their numbers only, the colours, and the numbers."""
    colours = np.array([[250, 10, 20], [3, 200, 90], [0, 0, 255], [120, 120, 0]], np.uint8)
    places = GREY % 4
    image = Image.fromarray(places, "L")
    image.putpalette(colours.tobytes())
    return image, colours, places


def _palette_with_alpha() -> Kind:
    image, colours, places = _palette()
    alphas = np.array([255, 0, 128, 51], np.uint8)
    file = encoded(image, "PNG", transparency=alphas.tobytes())
    return Image.open(io.BytesIO(file)), on_white(colours[places], alphas[places])


def _palette_with_a_transparent_colour() -> Kind:
    image, colours, places = _palette()
    image.info["transparency"] = 2
    return image, on_white(colours[places], np.where(places == 2, 0, 255))


def _palette_with_an_alpha_channel() -> Kind:
    image, colours, places = _palette()
    image = Image.merge("PA", (image.convert("L"), Image.fromarray(ALPHA)))
    image.putdata(list(zip(places.ravel().tolist(), ALPHA.ravel().tolist(), strict=True)))
    image.putpalette(colours.tobytes())
    return image, on_white(colours[places], ALPHA)


def _sixteen(mode: str, numpy_type: str) -> Kind:
    values = GREY.astype(numpy_type) * 257
    return Image.frombytes(mode, (WIDTH, HEIGHT), values.tobytes()), rgb(GREY)


def _cmyk() -> Kind:
    inks = np.concatenate([COLOUR, GREY[..., None]], axis=2)
    seen = (255.0 - inks[..., :3]) * (255 - inks[..., 3:]) / 255
    return Image.fromarray(inks, "CMYK"), np.rint(seen).astype(np.uint8)


def _transparent_png(levels: np.ndarray, depth: int, transparent: Any) -> Kind:
    """Levels from 0 to 2**depth - 1; Pillow gives the upper 8 bits of 16-bit colours."""
    wide = levels.astype(int)
    seen = wide // 256 if depth == 16 and levels.ndim == 3 else np.rint(wide * 255 / (2**depth - 1))
    hidden = wide == transparent
    if levels.ndim == 3:
        hidden = hidden.all(axis=2)
    else:
        seen = rgb(seen)
    file = io.BytesIO(png(levels, depth, transparent))
    return Image.open(file), np.where(hidden[..., None], 255, seen).astype(np.uint8)


def _turned(form: str, **how: Any) -> Kind:
    stored = Image.fromarray(COLOUR).transpose(Image.Transpose.ROTATE_90)
    notes = Image.Exif()
    notes[0x0112] = 6
    return Image.open(io.BytesIO(encoded(stored, form, exif=notes, **how))), COLOUR


def _frames(form: str, **how: Any) -> Kind:
    first, second = Image.fromarray(GREY).convert("RGB"), Image.new("RGB", (WIDTH, HEIGHT), "red")
    file = encoded(first, form, save_all=True, append_images=[second], **how)
    return Image.open(io.BytesIO(file)), rgb(GREY)


def _with_a_profile() -> Kind:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    return Image.open(
        io.BytesIO(encoded(Image.fromarray(COLOUR), "PNG", icc_profile=profile))
    ), COLOUR


def _in(mode: str, levels: np.ndarray) -> Kind:
    return Image.fromarray(levels).convert(mode), levels if levels.ndim == 3 else rgb(levels)


KINDS: dict[str, Callable[[], Kind]] = {
    "RGB": lambda: _in("RGB", COLOUR),
    "RGBX": lambda: _in("RGBX", COLOUR),
    "YCbCr": lambda: _in("YCbCr", COLOUR),
    "HSV": lambda: _in("HSV", COLOUR),
    "LAB": lambda: _in("LAB", rgb(GREY)),
    "CMYK": _cmyk,
    "L": lambda: _in("L", GREY),
    "1": lambda: _in("1", np.where(GREY > 127, 255, 0).astype(np.uint8)),
    "I": lambda: _sixteen("I", "<i4"),
    "I;16": lambda: _sixteen("I;16", "<u2"),
    "I;16B": lambda: _sixteen("I;16B", ">u2"),
    "F": lambda: _in("F", GREY),
    "P": lambda: (_palette()[0], _palette()[1][_palette()[2]]),
    "P, alphas": _palette_with_alpha,
    "P, a transparent colour": _palette_with_a_transparent_colour,
    "PA": _palette_with_an_alpha_channel,
    "LA": lambda: (
        Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(ALPHA))),
        on_white(rgb(GREY), ALPHA),
    ),
    "La": lambda: (
        Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(ALPHA))).convert("La"),
        on_white(rgb(GREY), ALPHA),
    ),
    "RGBA": lambda: (
        Image.merge("RGBA", (*Image.fromarray(COLOUR).split(), Image.fromarray(ALPHA))),
        on_white(COLOUR, ALPHA),
    ),
    "RGBa": lambda: (
        Image.merge("RGBA", (*Image.fromarray(COLOUR).split(), Image.fromarray(ALPHA))).convert(
            "RGBa"
        ),
        on_white(COLOUR, ALPHA),
    ),
    "array of RGB": lambda: (COLOUR, COLOUR),
    "array that is mirrored": lambda: (COLOUR[:, ::-1], COLOUR[:, ::-1]),
    "array of greys": lambda: (GREY, rgb(GREY)),
    "array of one channel": lambda: (GREY[..., None], rgb(GREY)),
    "array of grey and alpha": lambda: (
        np.stack([GREY, ALPHA], axis=2),
        on_white(rgb(GREY), ALPHA),
    ),
    "array of RGB and alpha": lambda: (
        np.concatenate([COLOUR, ALPHA[..., None]], axis=2),
        on_white(COLOUR, ALPHA),
    ),
    "tensor": lambda: (torch.tensor(COLOUR), COLOUR),
    "PNG, grey, 1 bit, transparent": lambda: _transparent_png(GREY >> 7, 1, 1),
    "PNG, grey, 2 bits, transparent": lambda: _transparent_png(GREY >> 6, 2, 1),
    "PNG, grey, 4 bits, transparent": lambda: _transparent_png(GREY >> 4, 4, 5),
    "PNG, grey, 8 bits, transparent": lambda: _transparent_png(GREY, 8, GREY[2, 3]),
    "PNG, grey, 16 bits": lambda: _transparent_png(GREY * np.uint16(257), 16, 1),
    "PNG, grey, 16 bits, transparent": lambda: _transparent_png(
        GREY * np.uint16(257), 16, GREY[2, 3] * np.uint16(257)
    ),
    "PNG, RGB, 8 bits, transparent": lambda: _transparent_png(COLOUR, 8, COLOUR[2, 3]),
    "PNG, RGB, 16 bits, transparent": lambda: _transparent_png(
        COLOUR * np.uint16(256) + 7, 16, COLOUR[2, 3] * np.uint16(256) + 7
    ),
    "PNG with a colour profile": _with_a_profile,
    "PNG that lies on its side": lambda: _turned("PNG"),
    "TIFF that lies on its side": lambda: _turned("TIFF"),
    "WebP that lies on its side": lambda: _turned("WEBP", lossless=True),
    "TIFF, grey, 16 bits": lambda: (
        Image.open(io.BytesIO(encoded(_sixteen("I;16", "<u2")[0], "TIFF"))),
        rgb(GREY),
    ),
    "TIFF of two pages": lambda: _frames("TIFF"),
    "GIF that moves": lambda: _frames("GIF"),
    "PNG that moves": lambda: _frames("PNG"),
    "WebP that moves": lambda: _frames("WEBP", lossless=True),
}
ARRAYS = [kind for kind in KINDS if kind.startswith(("array", "tensor"))]
COARSE = {"YCbCr": 3, "HSV": 8, "LAB": 2}
"""Levels by which a mode of 8 bits a channel may miss, where it is another space of colours."""
