"""From any picture to what the model sees of it: upright, opaque, RGB in 8 bits a channel.

The one way there, for preprocessing, figures and widgets alike. Built in:
book/image/preprocessing.
"""

import os
import warnings
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from torch import Tensor

from clipbook.validation import excerpt

_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright again, by the orientation that EXIF notes."""
_WITH_ALPHA = ("LA", "La", "P", "PA", "RGBA", "RGBa")


def open_picture(picture: Any) -> Image.Image:
    """What the model sees of a picture: upright by its EXIF orientation, opaque, and in RGB.

    picture: a Pillow image in any mode, a file's path, a file open for reading bytes, or an array
    or tensor of levels 0 to 255 in uint8: (height, width) or (height, width, channels), with 1 to 4
    channels: grey, grey and alpha, RGB, RGB and alpha.

    What is transparent lies on white, as in transformers 5.23; OpenAI's own code drops transparency
    and shows what lies under it. 16-bit greys, 0 to 65,535, are scaled to 0 to 255; floats are
    levels from 0 to 255. Of an animation it is the first frame, or the one to
    which a Pillow image was turned. Metadata that can't be read are
    left out, and colour profiles always: the result has none.

    Raises ValueError, naming the file or what was given, where nothing can be read, the data end
    too early or there is no pixel.
    """
    if isinstance(picture, np.ndarray | Tensor):
        picture = _of_array(picture)
    if not (isinstance(picture, Image.Image | str | os.PathLike) or hasattr(picture, "read")):
        raise ValueError(
            f"{excerpt(picture)}, a {type(picture).__name__}, is not a picture; give a Pillow "
            "image, a path, an open file, or a uint8 array of shape (height, width, 3), 0 to 255"
        )
    if isinstance(picture, Image.Image):
        _refuse_empty(*picture.size)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of metadata that nobody needs here
            if isinstance(picture, Image.Image):
                return _in_rgb(picture)
            with Image.open(picture) as file:  # and close it, whatever it holds
                return _in_rgb(file)
    except Exception as error:  # a broken file makes Pillow raise any of a dozen kinds
        raise ValueError(
            f"{_name(picture)} can't be read as a picture ({error}); it may be truncated or of a "
            "format that Pillow doesn't know: save it again as PNG or JPEG"
        ) from error


def _refuse_empty(width: int, height: int) -> None:
    if not (width and height):
        raise ValueError(
            f"a picture of {width} × {height} px is empty; each side needs 1 px at least: cut out "
            "a box whose right and lower edges lie beyond the left and upper ones"
        )


def _of_array(values: np.ndarray | Tensor) -> Image.Image:
    shape, kind = tuple(values.shape), str(values.dtype).removeprefix("torch.")
    if len(shape) in (2, 3):
        _refuse_empty(shape[1], shape[0])
    channels = shape[2] if len(shape) == 3 else 1
    if kind != "uint8" or len(shape) not in (2, 3) or not 1 <= channels <= 4:
        raise ValueError(
            f"{type(values).__name__} of shape {shape} and type {kind} is not a picture; give "
            "levels 0 to 255 in uint8, of shape (height, width, 3): try .transpose(1, 2, 0) if "
            "channels come first, (255 * values).round() for values in [0, 1]"
        )
    array = np.asarray(values.cpu() if isinstance(values, Tensor) else values)
    return Image.fromarray(array[..., 0] if shape[2:] == (1,) else array)


def _in_rgb(image: Image.Image) -> Image.Image:
    colour = _transparent_colour(image)
    image.load()
    image = _upright(image)
    if image.mode != "P":  # whose colours are transparent each to its own degree
        image.info.pop("transparency", None)
    if image.mode in _WITH_ALPHA:
        image = image.convert("LA") if image.mode == "La" else image
        white = Image.new("RGBA", image.size, "white")
        rgb = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    else:
        levels = np.asarray(image)
        if image.mode.startswith("I"):  # 16 bits, which Pillow would clip rather than scale
            grey = (levels.astype(np.int32).clip(0, 65_535) + 128) // 257
            image = Image.fromarray(grey.astype(np.uint8))
        rgb = image.convert("RGB")
        if colour is not None:
            transparent = levels == colour
            mask = transparent.all(axis=2) if transparent.ndim == 3 else transparent
            rgb.paste("white", mask=Image.fromarray(mask))
    rgb.info = {}  # a colour profile would change what a browser makes of the same pixels
    return rgb


def _transparent_colour(image: Image.Image) -> Any:
    """The level, or the three, that a PNG calls transparent, on the scale of Pillow's pixels.

    The file writes it in its own bit depth, of which Pillow knows only until it has loaded the
    pixels. None where there is no such colour.
    """
    colour: Any = image.info.get("transparency")
    tile = getattr(image, "tile", None)
    stored = tile[0][3] if tile else ""  # such as "L;4", for 4 bits a pixel
    if image.mode == "RGB" and isinstance(colour, tuple) and len(colour) == 3:
        wide = stored == "RGB;16B" or max(colour) > 255
        return tuple(level >> 8 for level in colour) if wide else colour
    if isinstance(colour, int):
        if image.mode == "1":
            return bool(colour)
        if image.mode == "L":
            return colour * {"L;2": 85, "L;4": 17}.get(str(stored), 1)
        if image.mode.startswith("I"):
            return colour
    return None


def _upright(image: Image.Image) -> Image.Image:
    try:
        method = _METHODS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # notes that can't be read turn nothing
        method = None
    return image.copy() if method is None else image.transpose(method)


def _name(picture: Any) -> str:
    """Which picture it is: its file's name or, if it has none, its size and mode."""
    for name in (picture, getattr(picture, "filename", ""), getattr(picture, "name", "")):
        if isinstance(name, str | bytes | os.PathLike) and name:
            name = os.fsdecode(name)
            return name if name.isprintable() else repr(name)
    if isinstance(picture, Image.Image):
        return f"the picture of {picture.width} × {picture.height} px in mode {picture.mode}"
    return repr(picture)
