"""Pictures beside one another, with titles or captions."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import PIL.Image

from clipbook.figures.card import INK, Card
from clipbook.text.texts import checked_texts


def pairs_strip(
    pictures: Sequence[PIL.Image.Image], captions: Sequence[str], *, across: int = 4
) -> Card:
    """Pictures I₁ to Iₙ, each above its caption.

    across: pictures to a line. Raises ValueError where there are not as many captions as pictures,
    or where they are no list of texts.
    """
    captions = checked_texts(captions, "captions")
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
        axes.imshow(picture)
        axes.set_title(f"$I_{{{k + 1}}}$", color=INK, fontsize=11)
        below = "\n".join([f"$T_{{{k + 1}}}$", *wrap(caption, 24)])
        axes.set_xlabel(below, color=INK, fontsize=9)
    for axes in grid.flat[len(pictures) :]:
        axes.set_visible(False)
    return card


def picture_row(pictures: Mapping[str, Any]) -> Card:
    """Pictures side by side, each under its title, with pixels as hard squares.

    pictures: title → a Pillow image or an array, (height, width) or (height, width, 3). A picture
    of one channel is drawn in greys from 0 to 255.
    """
    shapes = [np.asarray(one).shape for one in pictures.values()]
    ratios = [shape[1] / shape[0] for shape in shapes]
    card = Card(7.0, min(3.0, 6.6 / sum(ratios)) + 0.5)
    panels = card.subplots(1, len(shapes), squeeze=False, width_ratios=ratios)[0]
    points = 72 * 6.6 / sum(ratios)  # the width of a square picture
    lengths = [max(1, len(title)) for title in pictures]
    room = min(ratio * points / (0.6 * n) for ratio, n in zip(ratios, lengths, strict=True))
    letters = min(max(room, 11), 16)  # as large as every title allows, for phones
    for axes, (title, picture) in zip(panels, pictures.items(), strict=True):
        axes.imshow(np.asarray(picture), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, fontsize=letters, color=INK)
        axes.set_axis_off()
    return card
