"""How numbers and pictures travel into a page: few bytes, no other file."""

import base64
import io
from typing import Any

import numpy as np
import PIL.Image

LARGEST_SIDE = 192  # px; a picture is shown at most half as large on a page


def quantise(similarities: np.ndarray) -> bytes:
    """Values in [-1, 1] as 16-bit integers, little endian, 32767 standing for 1.

    Rounding moves a value by at most 1 / 65534 = 1.6e-5.
    """
    return np.rint(similarities * 32767).astype("<i2").tobytes()


def picture_uri(image: Any, place: int = 0) -> str:
    """A PIL image, or a uint8 array (height, width, 3), as the data URI of a PNG.

    Pictures with a side above 192 px are made smaller. ``place`` is named in errors.

    Raises:
        ValueError: if it is neither.
    """
    if not isinstance(image, PIL.Image.Image):
        array = np.asarray(image)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
            raise ValueError(
                f"images[{place}] of shape {array.shape} and type {array.dtype} is not a picture; "
                "give a PIL image or a uint8 array of shape (height, width, 3), 0 to 255"
            )
        image = PIL.Image.fromarray(array)
    image = image.convert("RGB")
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    return png_uri(image)


def png_uri(image: PIL.Image.Image) -> str:
    """The data URI of a PNG."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def picture_of_uri(uri: str) -> PIL.Image.Image:
    """The inverse of :func:`png_uri`."""
    return PIL.Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
