"""Pictures beside one another, with titles or captions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import PIL.Image

from clipbook.figures.card import INK, Card, fit, plain
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
    written = [plain(caption, 24, lines=6) for caption in captions]
    longest = max((caption.count("\n") + 1 for caption in written), default=0)
    card = Card(1.75 * across, max(2.6, 2.2 + 0.2 * longest) * lines)
    grid = card.subplots(lines, across, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for k, (axes, picture, caption) in enumerate(zip(grid.flat, pictures, written, strict=False)):
        axes.imshow(picture)
        axes.set_title(f"$I_{{{k + 1}}}$", color=INK, fontsize=11)
        below = f"$T_{{{k + 1}}}$\n{caption}"
        fit(axes.set_xlabel(below, color=INK, fontsize=9), 120)
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
    widths = [72 * 6.6 * ratio / sum(ratios) for ratio in ratios]  # points
    most = [max(1, int(width / (0.6 * 11))) for width in widths]  # letters of 11 points
    titles = [plain(title, n, lines=3) for title, n in zip(pictures, most, strict=True)]
    longest = [max(1, *map(len, title.split("\n"))) for title in titles]
    room = min(width / (0.6 * n) for width, n in zip(widths, longest, strict=True))
    letters = min(max(room, 11), 16)  # as large as every title allows, for phones
    drawn = zip(panels, pictures.values(), titles, widths, strict=True)
    for axes, picture, title, width in drawn:
        axes.imshow(np.asarray(picture), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        fit(axes.set_title(title, fontsize=letters, color=INK), width)
        axes.set_axis_off()
    return card
