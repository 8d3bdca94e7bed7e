"""How numbers and pictures travel into a page: few bytes, no other file."""

import base64
import io
from typing import Any

import numpy as np
import PIL.Image

from clipbook.image import open_picture

LARGEST_SIDE = 192  # px; a picture is shown at most half as large on a page


def quantise(similarities: np.ndarray) -> bytes:
    """Values in [-1, 1] as 16-bit integers, little endian, 32767 standing for 1.

    Rounding moves a value by at most 1 / 65534 = 1.6e-5.
    """
    return np.rint(similarities * 32767).astype("<i2").tobytes()


def picture_uri(image: Any, name: str = "image") -> str:
    """What the model sees of a picture, as the data URI of a PNG.

    image: what ``open_picture`` takes. Pictures with a side above 192 px are made smaller. ``name``
    is what errors call it.

    Raises:
        ValueError: if it is no picture, or can't be read.
    """
    seen = seen_picture(image, name)
    seen.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    return png_uri(seen)


def seen_picture(image: Any, name: str = "image") -> PIL.Image.Image:
    """What ``open_picture`` gives; its errors begin with the picture's name."""
    try:
        return open_picture(image)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def png_uri(image: PIL.Image.Image) -> str:
    """The data URI of a PNG."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def picture_of_uri(uri: str) -> PIL.Image.Image:
    """The inverse of :func:`png_uri`."""
    return PIL.Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
