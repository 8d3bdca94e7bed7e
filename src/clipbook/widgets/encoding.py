"""How numbers and pictures travel into a page: few bytes, no other file."""

import base64
import io
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
import PIL.Image

from clipbook.image import open_picture
from clipbook.validation import excerpt

LARGEST_SIDE = 192  # px; a picture is shown at most half as large on a page


def quantise(values: np.ndarray, *, signed: bool) -> bytes:
    """Values in [-1, 1], or in [0, 1] if unsigned, as 16-bit integers, little endian.

    The largest integer stands for 1. Rounding moves a value by at most 1 / 65534 = 1.6e-5, or by
    1 / 131070 = 7.7e-6 if unsigned.
    """
    largest, dtype = (32_767, "<i2") if signed else (65_535, "<u2")
    return np.rint(values * largest).astype(dtype).tobytes()


def float_array(name: str, values: Any) -> np.ndarray:
    """A float32 copy of an array or a tensor, of any precision and with or without gradients.

    Raises ValueError for what is none, such as rows of different lengths.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu().float().numpy()
    try:
        return np.array(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}={excerpt(values)} can't be made an array of numbers; give a tensor, an array, "
            "or rows that are all as long"
        ) from error


def picture_uris(images: Any, name: str = "images") -> list[str]:
    """`picture_uri` of each. Raises ValueError for what is no list of pictures."""
    return [picture_uri(image, f"{name}[{k}]") for k, image in enumerate(listed(name, images))]


def listed(name: str, values: Any) -> list[Any]:
    """Raises ValueError for what has no order: a value alone, a text, a set, a mapping."""
    alone = not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0
    if alone or isinstance(values, str | bytes | Mapping | Set):
        raise ValueError(f"{name}={excerpt(values)} is no list; try [{excerpt(values)}]")
    return list(values)


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
