"""Pictures beside one another, with titles or captions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from clipbook.figures.card import INK, Card, check_some, fit, numbers, plain
from clipbook.image import open_picture
from clipbook.text.texts import checked_texts
from clipbook.validation import whole_number

MOST_IN_A_ROW = 40
"""Pictures side by side, with room between them, on a card as wide as a page."""


def levels(picture: Any) -> UInt8[np.ndarray, "height width 3"]:
    """What to draw of a picture: what the model sees, as `open_picture` gives it.

    Arrays and tensors of one channel, (height, width), may be of any type of number, such as
    feature maps: they stand for greys from 0 to 255. Raises ValueError for what is no picture.
    """
    if isinstance(picture, np.ndarray | Tensor) and picture.ndim == 2:
        picture = _greys(picture)
    return np.asarray(open_picture(picture))


def _greys(values: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Numbers as levels in uint8; what is of another type stays, to be refused."""
    if not str(values.dtype).removeprefix("torch.").startswith(("uint", "int", "float", "bfloat")):
        return values
    greys = numbers(values)
    if np.isnan(greys).any():
        row, column = np.argwhere(np.isnan(greys))[0].tolist()
        raise ValueError(
            f"the picture's grey in row {row}, column {column} is nan; give numbers from 0 to 255, "
            "and look for a division by zero before"
        )
    return greys.round().clip(0, 255).astype(np.uint8)


def pairs_strip(pictures: Sequence[Any], captions: Sequence[str], *, across: int = 4) -> Card:
    """Pictures I₁ to Iₙ, each above its caption.

    pictures: what `open_picture` takes, drawn as the model sees it. across: pictures to a line.
    Raises ValueError where there are not as many captions as pictures, where they are no list of
    texts, and for another number across than 1 to 100.
    """
    across = whole_number("across", across, 4, most=100)
    captions = checked_texts(captions, "captions")
    if len(pictures) != len(captions):
        raise ValueError(
            f"{len(pictures)} pictures and {len(captions)} captions; give each picture its own"
        )
    lines = -(-len(pictures) // across)
    texts = [plain(caption, 24, lines=6) for caption in captions]
    longest = max((caption.count("\n") + 1 for caption in texts), default=0)
    card = Card(1.75 * across, max(2.6, 2.2 + 0.2 * longest) * lines)
    grid = card.subplots(lines, across, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for k, (axes, picture, caption) in enumerate(zip(grid.flat, pictures, texts, strict=False)):
        axes.imshow(levels(picture))
        axes.set_title(f"$I_{{{k + 1}}}$", color=INK, fontsize=11)
        below = f"$T_{{{k + 1}}}$\n{caption}"
        fit(axes.set_xlabel(below, color=INK, fontsize=9), 120)
    for axes in grid.flat[len(pictures) :]:
        axes.set_visible(False)
    return card


def picture_grid(rows: Mapping[str, Sequence[Any]], columns: Sequence[str]) -> Card:
    """Pictures in rows with a name each, under columns with a name each; None leaves a place empty.

    rows: name → what `open_picture` takes, drawn as the model sees it. Raises ValueError for a row
    that is not as long as the columns, and for no rows.
    """
    columns = checked_texts(columns, "columns")
    if not rows:
        raise ValueError("rows is empty; give at least one row of pictures")
    for name, pictures in rows.items():
        if len(pictures) != len(columns):
            raise ValueError(
                f"row {name!r} has {len(pictures)} pictures and there are {len(columns)} columns; "
                "write None where there is no picture"
            )
    card = Card(1.1 + 0.62 * len(columns), 0.55 + 0.66 * len(rows))
    grid = card.subplots(len(rows), len(columns), squeeze=False)
    for axes_row, (name, pictures) in zip(grid, rows.items(), strict=True):
        for axes, picture in zip(axes_row, pictures, strict=True):
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            axes.set_box_aspect(1)
            if picture is None:
                axes.set_facecolor("none")
            else:
                axes.imshow(levels(picture))
        label = axes_row[0].set_ylabel(
            plain(name, 14, lines=2), rotation=0, ha="right", va="center", fontsize=9, color=INK
        )
        fit(label, 76)
    for axes, name in zip(grid[0], columns, strict=True):
        fit(axes.set_title(plain(name, 12, lines=2), fontsize=8, color=INK), 42)
    return card


def picture_row(pictures: Mapping[str, Any]) -> Card:
    """Pictures side by side, each under its title, with pixels as hard squares.

    pictures: title → what `open_picture` takes, drawn as the model sees it; or an array or tensor
    (height, width) of numbers of any type, drawn in greys from 0 to 255. Raises ValueError for no
    pictures, more than 40, and what is none.
    """
    check_some("pictures", pictures)
    if len(pictures) > MOST_IN_A_ROW:
        raise ValueError(
            f"{len(pictures)} pictures are more than the {MOST_IN_A_ROW} that a row has room for; "
            "draw fewer, or several rows, as picture_grid does"
        )
    images = [levels(image) for image in pictures.values()]
    ratios = [image.shape[1] / image.shape[0] for image in images]
    gap = 0.1  # inches
    height = min(3.0, (7.0 - gap * (len(images) + 1)) / sum(ratios))
    widths = [72 * height * ratio for ratio in ratios]  # points
    most = [max(1, int(width / (0.6 * 11))) for width in widths]  # letters of 11 points
    titles = [plain(title, n, lines=3) for title, n in zip(pictures, most, strict=True)]
    longest = [max(1, *map(len, title.split("\n"))) for title in titles]
    room = min(width / (0.6 * n) for width, n in zip(widths, longest, strict=True))
    letters = min(max(room, 11), 16)  # as large as every title allows, for phones
    lines = max(title.count("\n") + 1 for title in titles)
    whole = height + (1.25 * letters * lines + 9) / 72 + gap
    card = Card(7.0, whole)
    card.set_layout_engine("none")
    left = (7.0 - height * sum(ratios) - gap * (len(images) - 1)) / 2
    for picture, title, width in zip(images, titles, widths, strict=True):
        axes = card.add_axes((left / 7.0, gap / whole, width / 72 / 7.0, height / whole))
        axes.imshow(picture, interpolation="nearest", aspect="auto")
        fit(axes.set_title(title, fontsize=letters, color=INK), width)
        axes.set_axis_off()
        left += width / 72 + gap
    return card
