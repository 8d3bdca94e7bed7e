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
from matplotlib.ticker import MaxNLocator, NullFormatter

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
    yellow star orange); only the smoothed edges of letters change more. A photograph has too many
    colours for that, and gets Pillow's choice, dithered.
    """
    drawing = drawing.convert("RGB")
    pixels = drawing.width * drawing.height
    counted = sorted(drawing.getcolors(pixels), reverse=True)[:256]
    if sum(count for count, _ in counted) < 0.8 * pixels:
        return drawing.quantize(256)
    palette = PIL.Image.new("P", (1, 1))
    palette.putpalette([channel for _, colour in counted for channel in colour])
    return drawing.quantize(palette=palette, dither=PIL.Image.Dither.NONE)


def pairs_strip(
    pictures: Sequence[PIL.Image.Image], captions: Sequence[str], *, across: int = 4
) -> Card:
    """Pictures I₁ to Iₙ, each above its caption.

    across: pictures to a line. Raises ValueError where there are not as many captions as pictures.
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
    """How one picture chooses among the captions at several temperatures, one below the other.

    choices: temperature → probabilities, (texts,). own: the place of the picture's own caption.
    """
    card = Card(4.4, 1.4 * len(choices))  # no wider: letters stay large on phones
    panels = card.subplots(len(choices), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (temperature, row) in zip(panels, choices.items(), strict=True):
        row = np.asarray(row, dtype=float)
        bright, dark = colormaps["cividis"](0.9), colormaps["cividis"](0.3)
        bars = axes.bar(
            range(len(row)), row, color=[bright if k == own else dark for k in range(len(row))]
        )
        axes.bar_label(bars, [f"{value:.2f}" for value in row], fontsize=8, color=INK)
        axes.set_title(f"temperature {temperature:g}", fontsize=10, color=INK)
        axes.set_xticks(range(len(row)), [f"$T_{{{k + 1}}}$" for k in range(len(row))])
        axes.tick_params(colors=INK, labelsize=9, length=0)
        axes.set_facecolor(CARD)
        axes.set_ylim(0, 1.25)
        axes.set_yticks([0, 0.5, 1])
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(INK)
    card.supylabel("probability", fontsize=9, color=INK)
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
            color=ink(cells.cmap(cells.norm(value))),
        )  # fmt: skip
    return card


def ink(colour: tuple[float, float, float, float]) -> str:
    """Black or white, whichever stands out more from a colour (WCAG's relative luminance)."""
    linear = [k / 12.92 if k <= 0.04045 else ((k + 0.055) / 1.055) ** 2.4 for k in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def token_heatmap(
    values: Any, rows: Sequence[str], columns: Sequence[str], *, signed: bool = False
) -> Card:
    """A matrix with names beside its rows and above its columns, such as attention weights.

    values: (rows, columns); nan is what may not be looked at, a cell left empty but for a dot.
    signed: cosines from -1 to 1 rather than magnitudes from 0 to 1. Raises ValueError where the
    names don't fit.
    """
    values = np.asarray(values, dtype=float)
    if values.shape != (len(rows), len(columns)):
        raise ValueError(
            f"a matrix of shape {values.shape} does not fit {len(rows)} rows and {len(columns)} "
            "columns; give each its name"
        )
    left = 0.25 + 0.085 * max(map(len, rows))  # inches
    top = 0.2 + 0.075 * max(map(len, columns))
    right = max(0.15, 0.045 * len(columns[-1]) - CELL / 2 + 0.1)  # its name leans over the edge
    width, height = left + len(columns) * CELL + right, top + len(rows) * CELL + 0.15
    card = Card(width, height)
    card.set_layout_engine("none")
    axes = card.add_axes(
        (left / width, 0.15 / height, len(columns) * CELL / width, len(rows) * CELL / height)
    )
    colours = colormaps["RdBu_r" if signed else "cividis"].with_extremes(bad=CARD)
    cells = axes.imshow(np.ma.masked_invalid(values), colours, vmin=-1 if signed else 0, vmax=1)
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="left", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(colors=INK, labelsize=9, length=0, top=False, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        empty = np.isnan(value)
        axes.text(
            column, row, "·" if empty else f"{value:z.2f}".replace("-", "−"), fontsize=9,
            ha="center", va="center", color=INK if empty else ink(colours(cells.norm(value))),
        )  # fmt: skip
    return card


def curves(
    lines: Mapping[str, tuple[Any, Any]], across: str, up: str, *, log: Sequence[str] = ()
) -> Card:
    """Lines with markers, each named at its right end.

    lines: name → the numbers across and up. across, up: what the axes are called, with the unit.
    log: which axes are logarithmic, "x", "y" or both.
    """
    card = Card(5.0, 3.0)  # no wider: letters stay large on phones
    axes = card.subplots()
    shades = colormaps["cividis"](np.linspace(0.05, 0.75, len(lines)))
    for (x, y), shade, marker in zip(lines.values(), shades, "osD^v*" * 9, strict=False):
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        axes.plot(x, y, color=shade, marker=marker, markersize=4, linewidth=1.5)
    if all((np.asarray(x, float) % 1 == 0).all() for x, _ in lines.values()):
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 4, 5, 10]))
    if "x" in log:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
    if "y" in log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        low, high = axes.get_ylim()
        axes.yaxis.set_minor_formatter("{x:g}" if high < 10 * low else NullFormatter())
    axes.set_xlabel(across, fontsize=10, color=INK)
    axes.set_ylabel(up, fontsize=10, color=INK)
    axes.tick_params(colors=INK, labelsize=9, which="both")
    axes.set_facecolor(CARD)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    _name_lines(axes, list(lines))
    return card


def _name_lines(axes: Any, names: Sequence[str]) -> None:
    """Write each line's name at its end, moved up where it would lie on another's."""
    axes.figure.draw_without_rendering()  # only now do the axes have their size
    ends = [(line.get_xydata()[-1], name) for line, name in zip(axes.lines, names, strict=True)]
    points = 72 / axes.figure.dpi
    lowest = -np.inf
    for end, name in sorted(ends, key=lambda one: one[0][1]):
        height = axes.transData.transform(end)[1] * points
        lowest = max(height, lowest + 11)
        axes.annotate(
            name, end, (8, lowest - height), textcoords="offset points", color=INK, fontsize=9,
            va="center",
        )  # fmt: skip


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


def number_grid(values: Any, lines: int | None = None) -> Card:
    """The numbers of a small grey picture, each on a square as bright as it is.

    values: (height, width). lines: the patch size, to draw the patches' borders.
    """
    values = np.asarray(values, dtype=float)
    height, width = values.shape
    card = Card(width * CELL + 0.3, height * CELL + 0.3)
    axes = card.subplots()
    cells = axes.imshow(values, cmap="gray", vmin=min(0, values.min()))
    axes.set_axis_off()
    for row, column in np.ndindex(values.shape):
        label = f"{values[row, column]:g}".replace("-", "−")
        on = cells.cmap(cells.norm(values[row, column]))
        axes.text(column, row, label, fontsize=9, color=ink(on), ha="center", va="center")
    for edge in range(lines or height + width, height, lines or 1):
        axes.axhline(edge - 0.5, color="#e69f00", linewidth=3)
    for edge in range(lines or height + width, width, lines or 1):
        axes.axvline(edge - 0.5, color="#e69f00", linewidth=3)
    return card


def channel_histograms(panels: Mapping[str, Any]) -> Card:
    """How often each value occurs in red, green and blue; a panel for each title.

    panels: title → values, (3, …). The dashed line is the mean over all three channels.
    """
    card = Card(7.0, 2.5)
    styles = (("red", "#b2182b", "-"), ("green", "#1b7837", "--"), ("blue", "#2166ac", ":"))
    for axes, (title, values) in zip(
        card.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        channels = np.asarray(values, dtype=float).reshape(3, -1)
        edges = np.linspace(channels.min(), channels.max(), 41)
        for channel, (name, colour, line) in zip(channels, styles, strict=True):
            counts, _ = np.histogram(channel, edges)
            axes.stairs(counts, edges, color=colour, linestyle=line, linewidth=1.5, label=name)
        axes.axvline(channels.mean(), color=INK, linestyle="--", linewidth=1)
        axes.set_title(f"{title}: mean {channels.mean():.2f}, deviation {channels.std():.2f}",
                       fontsize=13, color=INK)  # fmt: skip
        axes.set_yticks([])
        axes.tick_params(colors=INK, labelsize=13)
        axes.set_facecolor(CARD)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(INK)
    card.axes[-1].legend(fontsize=12, frameon=False, labelcolor=INK)
    return card


def signed_maps(panels: Mapping[str, Any], across: str, up: str) -> Card:
    """Matrices side by side, too large for printed values: red above zero, blue below.

    panels: title → matrix; all are coloured on one scale, that of their largest value.
    across, up: what the axes of every panel count.
    """
    values = {title: np.asarray(matrix, dtype=float) for title, matrix in panels.items()}
    largest = max(np.abs(matrix).max() for matrix in values.values())
    colours = colormaps["RdBu_r"].resampled(101)  # few enough that the file keeps each of them
    card = Card(min(7.0, 1.4 + 2.1 * len(values)), 2.9)  # no wider: letters stay large on phones
    drawn = card.subplots(1, len(values), squeeze=False)[0]
    letters = 11 if len(values) < 3 else 14  # a wide card shrinks more
    for axes, (title, matrix) in zip(drawn, values.items(), strict=True):
        cells = axes.imshow(matrix, colours, vmin=-largest, vmax=largest, aspect="auto")
        axes.set_title(title, fontsize=letters, color=INK)
        axes.set_xlabel(across, fontsize=letters, color=INK)
        axes.tick_params(colors=INK, labelsize=letters - 1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
        axes.spines[:].set_visible(False)
    drawn[0].set_ylabel(up, fontsize=letters, color=INK)
    bar = card.colorbar(cells, ax=list(drawn))
    bar.ax.tick_params(colors=INK, labelsize=letters - 1)
    bar.outline.set_visible(False)
    return card


def interval_chart(shares: Mapping[str, tuple[float, float, float]], across: str) -> Card:
    """Shares from 0 to 1, a line for each name, with the interval that each may lie in.

    shares: name → lowest, measured, highest. across: what the axis is called.
    """
    card = Card(4.6, 0.8 + 0.34 * len(shares))
    axes = card.subplots()
    for row, (low, share, high) in enumerate(shares.values()):
        axes.plot((low, high), (row, row), color=colormaps["cividis"](0.3), linewidth=3)
        axes.plot(share, row, marker="o", markersize=6, color=INK)
        axes.annotate(
            f"{share:.3f}", (low, row), (-6, 0), textcoords="offset points", ha="right",
            va="center", fontsize=10, color=INK,
        )  # fmt: skip
    axes.set_yticks(range(len(shares)), list(shares))
    axes.set_ylim(len(shares) - 0.5, -0.5)
    lowest, highest = min(low for low, _, _ in shares.values()), max(k[2] for k in shares.values())
    span = highest - lowest
    axes.set_xlim(lowest - 0.3 * span, highest + 0.05 * span)  # room for the number on the left
    axes.set_xlabel(across, fontsize=10, color=INK)
    axes.tick_params(colors=INK, labelsize=10, length=0)
    axes.set_facecolor(CARD)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    return card
