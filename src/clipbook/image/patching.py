"""Cutting pictures into patches, and putting them together again.

Source: Dosovitskiy et al. 2021, §3.1. Built in: book/image/patching.
"""

from math import isqrt

from jaxtyping import Float
from torch import Tensor

from clipbook.validation import check_axes, whole_number


def patchify(
    pixels: Float[Tensor, "batch channels height width"], patch_size: int
) -> Float[Tensor, "batch patches values"]:
    """Square patches of patch_size pixels, row by row, each flattened to channels·patch_size²
    values in the order channel, row, column: the order in which a Conv2d keeps its weights.

    Raises ValueError for one picture outside a batch, and if the patch size is no whole number that
    divides height and width.
    """
    check_axes("pixels", pixels, "batch channels height width")
    patch_size = whole_number("patch_size", patch_size, 8)
    b, c, height, width = pixels.shape
    for name, side in (("height", height), ("width", width)):
        if side % patch_size:
            divisors = [str(p) for p in range(1, side + 1) if side % p == 0]
            raise ValueError(
                f"{name}={side} px is not a multiple of patch_size={patch_size} px; "
                f"try a patch_size of {', '.join(divisors)}"
            )
    p = patch_size
    grid = pixels.reshape(b, c, height // p, p, width // p, p)
    patches = (height // p) * (width // p)  # told, since -1 can't be found out of no pictures
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(b, patches, c * p * p)


def unpatchify(
    patches: Float[Tensor, "batch patches values"], patch_size: int, rows: int | None = None
) -> Float[Tensor, "batch channels height width"]:
    """The inverse of `patchify`; rows of patches in the picture, as many as columns by default.

    Raises ValueError where the patches make no rectangle or their values no whole channels, for
    those of one picture outside a batch, and for numbers that are no sizes.
    """
    check_axes("patches", patches, "batch patches values")
    b, n, values = patches.shape
    p = whole_number("patch_size", patch_size, 8)
    if rows is None:
        rows = isqrt(n)
        if rows * rows != n:
            raise ValueError(f"{n} patches make no square picture; say how many rows= it has")
    rows = whole_number("rows", rows, f"one that divides {n}")
    if n % rows:
        raise ValueError(f"{n} patches don't fill rows={rows}; try a number that divides {n}")
    if values % (p * p):
        raise ValueError(
            f"{values} values a patch are not a multiple of patch_size² = {p * p}; "
            "try the patch_size that they were cut with"
        )
    grid = patches.reshape(b, rows, n // rows, values // (p * p), p, p)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(b, values // (p * p), rows * p, n // rows * p)
