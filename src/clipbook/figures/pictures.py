"""Pictures beside one another, with titles or captions."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from clipbook.figures.card import INK, Card
from clipbook.image import open_picture


def levels(picture: Any) -> UInt8[np.ndarray, "height width 3"]:
    """What to draw of a picture: what the model sees, as `open_picture` gives it.

    Arrays and tensors of one channel, (height, width), may be of any type of number, such as
    feature maps: they stand for greys from 0 to 255. Raises ValueError for what is no picture.
    """
    if isinstance(picture, np.ndarray | Tensor) and picture.ndim == 2:
        picture = _greys(picture)
    return np.asarray(open_picture(picture))


def _greys(values: np.ndarray | Tensor) -> np.ndarray:
    if isinstance(values, Tensor):
        floats = values.dtype.is_floating_point  # among them bfloat16, unknown to numpy
        values = (values.double() if floats else values).detach().cpu().numpy()
    if values.dtype.kind not in "uif":
        return values
    if np.isnan(values).any():
        row, column = np.argwhere(np.isnan(values))[0].tolist()
        raise ValueError(
            f"the picture's grey in row {row}, column {column} is nan; give numbers from 0 to 255, "
            "and look for a division by zero before"
        )
    return np.rint(values).clip(0, 255).astype(np.uint8)


def pairs_strip(pictures: Sequence[Any], captions: Sequence[str], *, across: int = 4) -> Card:
    """Pictures I₁ to Iₙ, each above its caption.

    pictures: what `open_picture` takes, drawn as the model sees it. across: pictures to a line.
    Raises ValueError where there are not as many captions as pictures.
    """
    if len(pictures) != len(captions):
        raise ValueError(
            f"{len(pictures)} pictures and {len(captions)} captions; give each picture its own"
        )
    lines = -(-len(pictures) // across)
    card = Card(1.75 * across, 2.6 * lines)
    grid = card.subplots(lines, across, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for k, (axes, picture, caption) in enumerate(zip(grid.flat, pictures, captions, strict=False)):
        axes.imshow(levels(picture))
        axes.set_title(f"$I_{{{k + 1}}}$", color=INK, fontsize=11)
        below = "\n".join([f"$T_{{{k + 1}}}$", *wrap(caption, 24)])
        axes.set_xlabel(below, color=INK, fontsize=9)
    for axes in grid.flat[len(pictures) :]:
        axes.set_visible(False)
    return card


def picture_row(pictures: Mapping[str, Any]) -> Card:
    """Pictures side by side, each under its title, with pixels as hard squares.

    pictures: title → what `open_picture` takes, drawn as the model sees it; or an array or tensor
    (height, width) of numbers of any type, drawn in greys from 0 to 255.
    """
    drawn = [levels(one) for one in pictures.values()]
    shapes = [one.shape for one in drawn]
    ratios = [shape[1] / shape[0] for shape in shapes]
    card = Card(7.0, min(3.0, 6.6 / sum(ratios)) + 0.5)
    panels = card.subplots(1, len(shapes), squeeze=False, width_ratios=ratios)[0]
    points = 72 * 6.6 / sum(ratios)  # the width of a square picture
    lengths = [max(1, len(title)) for title in pictures]
    room = min(ratio * points / (0.6 * n) for ratio, n in zip(ratios, lengths, strict=True))
    letters = min(max(room, 11), 16)  # as large as every title allows, for phones
    for axes, title, picture in zip(panels, pictures, drawn, strict=True):
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(title, fontsize=letters, color=INK)
        axes.set_axis_off()
    return card
