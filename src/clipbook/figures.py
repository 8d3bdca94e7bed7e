"""Still figures, all in one style: dark ink on a light card, so that they read in both modes.

`cividis` shows magnitudes, `RdBu_r` centred on 0 shows signed similarities, and matrices carry
their values. Each function returns a matplotlib figure, which a notebook shows where it ends a
cell. Figures that answer back are in `clipbook.widgets`.
"""

import io
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import PIL.Image
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

CARD = "#fafaf7"
INK = "#1d2025"
CELL = 0.55
"""Side of a matrix's cell, in inches."""
PIXELS_PER_INCH = 100
SHARPNESS = 2
"""Pixels of the file for each pixel on the page, for screens that show more of them."""


class Card(Figure):
    """A figure that notebooks show sharply and at its own size."""

    def __init__(self, width: float, height: float) -> None:
        """width, height: inches."""
        super().__init__(
            figsize=(width, height), dpi=PIXELS_PER_INCH, facecolor=CARD, layout="constrained"
        )
        FigureCanvasAgg(self)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        drawn, small = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png", dpi=PIXELS_PER_INCH * SHARPNESS)
        _with_few_colours(PIL.Image.open(drawn)).save(small, "PNG", optimize=True)
        # no height: a narrow page makes the width smaller, and the height must follow
        return small.getvalue(), {"width": round(self.get_figwidth() * PIXELS_PER_INCH)}


def _with_few_colours(drawing: PIL.Image.Image) -> PIL.Image.Image:
    """The same with its 256 most frequent colours, in a third of the bytes.

    Areas keep their colour to within a few levels (Pillow's own choice of colours turns a small
    yellow star orange); only the smoothed edges of letters change more.
    """
    drawing = drawing.convert("RGB")
    counted = sorted(drawing.getcolors(drawing.width * drawing.height), reverse=True)[:256]
    palette = PIL.Image.new("P", (1, 1))
    palette.putpalette([channel for _, colour in counted for channel in colour])
    return drawing.quantize(palette=palette, dither=PIL.Image.Dither.NONE)


def pairs_strip(pictures: Sequence[PIL.Image.Image], captions: Sequence[str]) -> Card:
    """Pictures I₁ to Iₙ, four to a line, each above its caption.

    Raises ValueError where there are not as many captions as pictures.
    """
    if len(pictures) != len(captions):
        raise ValueError(
            f"{len(pictures)} pictures and {len(captions)} captions; give each picture its own"
        )
    lines = -(-len(pictures) // 4)
    card = Card(7.0, 2.6 * lines)
    grid = card.subplots(lines, 4, squeeze=False)
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


def similarity_heatmap(
    similarities: Any, pictures: Sequence[PIL.Image.Image], captions: Sequence[str] | None = None
) -> Card:
    """A matrix of cosines from -1 (blue) over 0 (white) to 1 (red); rows are pictures.

    similarities: (images, texts), an array or a tensor. captions: what to write above the columns
    besides T₁ to Tₘ. Raises ValueError where pictures or captions don't fit the matrix.
    """
    return _heatmap(similarities, pictures, captions, colours="RdBu_r", low=-1.0)


def probability_heatmap(
    probabilities: Any, pictures: Sequence[PIL.Image.Image], captions: Sequence[str] | None = None
) -> Card:
    """The same for probabilities, from 0 (dark) to 1 (bright)."""
    return _heatmap(probabilities, pictures, captions, colours="cividis", low=0.0)


def temperature_bars(choices: Mapping[float, Any], own: int) -> Card:
    """How one picture chooses among the captions at several temperatures, a panel for each.

    choices: temperature → probabilities, (texts,). own: the place of the picture's own caption.
    """
    card = Card(7.0, 2.4)
    panels = card.subplots(1, len(choices), sharey=True, squeeze=False)[0]
    for axes, (temperature, row) in zip(panels, choices.items(), strict=True):
        row = np.asarray(row, dtype=float)
        bright, dark = colormaps["cividis"](0.9), colormaps["cividis"](0.3)
        bars = axes.bar(
            range(len(row)), row, color=[bright if k == own else dark for k in range(len(row))]
        )
        axes.bar_label(bars, [f"{value:.2f}" for value in row], fontsize=7, color=INK)
        axes.set_title(f"temperature {temperature:g}", fontsize=10, color=INK)
        axes.set_xticks(range(len(row)), [f"$T_{{{k + 1}}}$" for k in range(len(row))])
        axes.tick_params(colors=INK, labelsize=8, length=0)
        axes.set_facecolor(CARD)
        axes.set_ylim(0, 1.1)
        axes.set_yticks([0, 0.5, 1])
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(INK)
    panels[0].set_ylabel("probability", fontsize=9, color=INK)
    return card


def _heatmap(
    values: Any,
    pictures: Sequence[PIL.Image.Image],
    captions: Sequence[str] | None,
    *,
    colours: str,
    low: float,
) -> Card:
    values = np.asarray(values, dtype=float)
    columns = values.shape[-1] if captions is None else len(captions)
    if values.shape != (len(pictures), columns):
        raise ValueError(
            f"a matrix of shape {values.shape} does not fit {len(pictures)} pictures and {columns} "
            "captions; rows are pictures, columns are captions"
        )
    rows = len(pictures)
    left, right, bottom, top = 0.9, 0.15, 0.15, 1.9 if captions else 0.45  # inches
    card = Card(left + columns * CELL + right, bottom + rows * CELL + top)
    card.set_layout_engine("none")
    width, height = card.get_size_inches() / CELL
    axes = card.add_axes(
        (left / CELL / width, bottom / CELL / height, columns / width, rows / height)
    )
    cells = axes.imshow(values, cmap=colours, vmin=low, vmax=1)
    axes.set_axis_off()
    for edge in range(1, rows):
        axes.axhline(edge - 0.5, color=CARD, linewidth=2)
    for edge in range(1, columns):
        axes.axvline(edge - 0.5, color=CARD, linewidth=2)
    for row, picture in enumerate(pictures):
        axes.text(-1.75, row, f"$I_{{{row + 1}}}$", color=INK, ha="center", va="center")
        thumbnail = axes.inset_axes((-1.4, row - 0.4, 0.8, 0.8), transform=axes.transData)
        thumbnail.imshow(picture)
        thumbnail.set_axis_off()
    for column in range(columns):
        axes.text(column, -0.6, f"$T_{{{column + 1}}}$", color=INK, ha="center", va="bottom")
    for column, caption in enumerate(captions or ()):
        axes.text(
            column, -1.0, "\n".join(wrap(caption, 24)), rotation=90, fontsize=8, color=INK,
            ha="center", va="bottom",
        )  # fmt: skip
    for row, column in np.ndindex(rows, columns):
        value = values[row, column]
        axes.text(
            column, row, f"{value:z.2f}".replace("-", "−"), fontsize=9, ha="center", va="center",
            color=_ink(cells.cmap(cells.norm(value))),
        )  # fmt: skip
    return card


def _ink(colour: tuple[float, float, float, float]) -> str:
    """Black or white, whichever stands out more from a colour (WCAG's relative luminance)."""
    linear = [k / 12.92 if k <= 0.04045 else ((k + 0.055) / 1.055) ** 2.4 for k in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"
