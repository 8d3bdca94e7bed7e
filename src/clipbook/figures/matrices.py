"""Matrices as coloured cells."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.ticker import MaxNLocator

from clipbook.figures.card import CARD, CELL, INK, Card, check_some, fit, ink, numbers, plain
from clipbook.figures.pictures import levels
from clipbook.text.texts import checked_texts
from clipbook.validation import whole_number

LONGEST_NAME = 24
"""Letters of a row's or a column's name."""


def similarity_heatmap(
    similarities: Any, pictures: Sequence[Any], captions: Sequence[str] | None = None
) -> Card:
    """A matrix of cosines from -1 (blue) over 0 (white) to 1 (red); rows are pictures.

    similarities: (images, texts), an array or a tensor. pictures: what `open_picture` takes, drawn
    as the model sees it. captions: what to write above the columns besides T₁ to Tₘ. Raises
    ValueError where pictures or captions don't fit the matrix.
    """
    return _heatmap(similarities, pictures, captions, colours="RdBu_r", low=-1.0)


def probability_heatmap(
    probabilities: Any, pictures: Sequence[Any], captions: Sequence[str] | None = None
) -> Card:
    """The same for probabilities, from 0 (dark) to 1 (bright)."""
    return _heatmap(probabilities, pictures, captions, colours="cividis", low=0.0)


def _heatmap(
    values: Any,
    pictures: Sequence[Any],
    captions: Sequence[str] | None,
    *,
    colours: str,
    low: float,
) -> Card:
    values = numbers(values)
    captions = None if captions is None else checked_texts(captions, "captions")
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
        thumbnail.imshow(levels(picture))
        thumbnail.set_axis_off()
    for column in range(columns):
        axes.text(column, -0.6, f"$T_{{{column + 1}}}$", color=INK, ha="center", va="bottom")
    for column, caption in enumerate(captions or ()):
        above = axes.text(
            column, -1.0, plain(caption, 24, lines=5), rotation=90, fontsize=8, color=INK,
            ha="center", va="bottom",
        )  # fmt: skip
        fit(above, 72 * CELL, 72 * (top - 0.5 * CELL - 0.1))
    for row, column in np.ndindex(rows, columns):
        value = values[row, column]
        axes.text(
            column, row, f"{value:z.2f}".replace("-", "−"), fontsize=9, ha="center", va="center",
            color=ink(cells.cmap(cells.norm(value))),
        )  # fmt: skip
    return card


def token_heatmap(
    values: Any, rows: Sequence[str], columns: Sequence[str], *, signed: bool = False
) -> Card:
    """A matrix with names beside its rows and above its columns, such as attention weights.

    values: (rows, columns); nan is what may not be looked at, a cell left empty but for a dot.
    signed: cosines from -1 to 1 rather than magnitudes from 0 to 1. Raises ValueError where the
    names don't fit.
    """
    values = numbers(values)
    rows, columns = checked_texts(rows, "rows"), checked_texts(columns, "columns")
    if values.shape != (len(rows), len(columns)):
        raise ValueError(
            f"a matrix of shape {values.shape} does not fit {len(rows)} rows and {len(columns)} "
            "columns; give each its name"
        )
    rows, columns = ([plain(name, LONGEST_NAME) for name in names] for names in (rows, columns))
    left = 0.25 + 0.085 * max(map(len, rows))  # inches
    top = 0.2 + 0.075 * max(map(len, columns))
    leans = [0.045 * len(name) + k * CELL for k, name in enumerate(columns, -len(columns))]
    right = max(0.15, max(leans) + CELL / 2 + 0.1)  # names lean over the edge
    width, height = left + len(columns) * CELL + right, top + len(rows) * CELL + 0.15
    card = Card(width, height)
    card.set_layout_engine("none")
    axes = card.add_axes(
        (left / width, 0.15 / height, len(columns) * CELL / width, len(rows) * CELL / height)
    )
    colours = colormaps["RdBu_r" if signed else "cividis"].with_extremes(bad="none")
    cells = axes.imshow(np.ma.masked_invalid(values), colours, vmin=-1 if signed else 0, vmax=1)
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="left", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(colors=INK, labelsize=9, length=0, top=False, labeltop=True, labelbottom=False)
    axes.set_facecolor("none")
    axes.spines[:].set_visible(False)
    for name in axes.get_yticklabels():
        fit(name, 72 * (left - 0.1))
    for name in axes.get_xticklabels():
        fit(name, 72 * (right + CELL / 2), 72 * (top - 0.1))
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        empty = np.isnan(value)
        axes.text(
            column, row, "·" if empty else f"{value:z.2f}".replace("-", "−"), fontsize=9,
            ha="center", va="center", color=INK if empty else ink(colours(cells.norm(value))),
        )  # fmt: skip
    return card


def _matrix(name: str, values: Any) -> np.ndarray:
    """Numbers in rows and columns. Raises ValueError, by name, for what has not both."""
    matrix = numbers(values)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(
            f"{name} of shape {matrix.shape} is no matrix with numbers in it; give shape (rows, "
            "columns), none of them 0"
        )
    return matrix


def number_grid(values: Any, lines: int | None = None) -> Card:
    """The numbers of a small grey picture, each on a square as bright as it is.

    values: (height, width). lines: the patch size, to draw the patches' borders. Raises ValueError
    for values of another shape or without any, and a patch size below 1.
    """
    values = _matrix("values", values)
    if lines is not None:
        lines = whole_number("lines", lines, 8)
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


def signed_maps(panels: Mapping[str, Any], across: str, up: str) -> Card:
    """Matrices side by side, too large for printed values: red above zero, blue below.

    panels: title → matrix; all are coloured on one scale, that of their largest value.
    across, up: what the axes of every panel count. Raises ValueError for no panels, and for one
    that is no matrix or holds what is no finite number.
    """
    check_some("panels", panels)
    values = {title: _matrix(f"panels[{title!r}]", matrix) for title, matrix in panels.items()}
    for title, matrix in values.items():
        if not np.isfinite(matrix).all():
            row, column = np.argwhere(~np.isfinite(matrix))[0].tolist()
            raise ValueError(
                f"panels[{title!r}] holds {matrix[row, column]} in row {row}, column {column}; "
                "look for a division by zero before"
            )
    largest = max(np.abs(matrix).max() for matrix in values.values())
    colours = colormaps["RdBu_r"].resampled(101)  # few enough that the file keeps each of them
    card = Card(min(7.0, 1.4 + 2.1 * len(values)), 2.9)  # no wider: letters stay large on phones
    panel_axes = card.subplots(1, len(values), squeeze=False)[0]
    letters = 11 if len(values) < 3 else 14  # a wide card shrinks more
    for axes, (title, matrix) in zip(panel_axes, values.items(), strict=True):
        cells = axes.imshow(matrix, colours, vmin=-largest, vmax=largest, aspect="auto")
        room = 72 * card.get_figwidth() / len(values) - 36
        fit(axes.set_title(plain(title, 20, lines=2), fontsize=letters, color=INK), room)
        fit(axes.set_xlabel(plain(across, 20, lines=2), fontsize=letters, color=INK), room)
        axes.tick_params(colors=INK, labelsize=letters - 1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
        axes.spines[:].set_visible(False)
    fit(panel_axes[0].set_ylabel(plain(up, 30), fontsize=letters, color=INK), 99, 150)
    bar = card.colorbar(cells, ax=list(panel_axes))
    bar.ax.tick_params(colors=INK, labelsize=letters - 1)
    bar.outline.set_visible(False)
    return card
