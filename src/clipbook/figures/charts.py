"""Lines, bars and intervals over an axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.ticker import MaxNLocator, NullFormatter

from clipbook.figures.card import CARD, INK, Card, check_some, fit, numbers, plain, readable
from clipbook.validation import excerpt, one_of, whole_number


def curves(
    lines: Mapping[str, tuple[Any, Any]], across: str, up: str, *, log: Sequence[str] = ()
) -> Card:
    """Lines with markers, each named at its right end in its colour.

    lines: name → the numbers across and up. across, up: what the axes are called, with the unit.
    log: which axes are logarithmic, "x", "y" or both. Raises ValueError for no lines, a line
    without points or with another number of them across than up, and for another axis.
    """
    check_some("lines", lines)
    for axis in log:
        one_of("log", axis, ("x", "y"))
    for name, (x, y) in lines.items():
        x, y = numbers(x), numbers(y)
        if x.shape != y.shape or x.ndim != 1 or not (np.isfinite(x) & np.isfinite(y)).any():
            raise ValueError(
                f"line {name!r} has numbers of shape {x.shape} across and {y.shape} up; give rows "
                "of as many in both, with at least one point of finite numbers"
            )
    card = Card(5.0, 3.0)  # no wider: letters stay large on phones
    axes = card.subplots()
    shades = colormaps["cividis"](np.linspace(0.05, 0.75, len(lines)))
    for (x, y), shade, marker in zip(lines.values(), shades, "osD^v*" * 9, strict=False):
        x, y = numbers(x), numbers(y)
        axes.plot(x, y, color=shade, marker=marker, markersize=4, linewidth=1.5)
    if all((numbers(x) % 1 == 0).all() for x, _ in lines.values()):
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 4, 5, 10]))
    if "x" in log:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
    if "y" in log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        low, high = axes.get_ylim()
        axes.yaxis.set_minor_formatter("{x:g}" if high < 10 * low else NullFormatter())
    fit(axes.set_xlabel(plain(across), fontsize=10, color=INK), 200)
    fit(axes.set_ylabel(plain(up), fontsize=10, color=INK), 99, 160)
    axes.tick_params(colors=INK, labelsize=9, which="both")
    axes.set_facecolor(CARD)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    _name_lines(axes, list(lines))
    return card


def _end(line: Any) -> np.ndarray:
    """The last point that is drawn."""
    points = line.get_xydata()
    return points[np.isfinite(points).all(axis=1)][-1]


def _name_lines(axes: Any, names: Sequence[str]) -> None:
    """Write each line's name at its end, moved up where it would lie on another's."""
    axes.figure.draw_without_rendering()  # only now do the axes have their size
    points = 72 / axes.figure.dpi
    lowest = -np.inf
    named = zip(axes.lines, names, strict=True)
    for line, name in sorted(named, key=lambda pair: _end(pair[0])[1]):
        end, colour = _end(line), readable(line.get_color())
        height = axes.transData.transform(end)[1] * points
        lowest = max(height, lowest + 11)
        label = axes.annotate(
            plain(name, 30), end, (8, lowest - height), textcoords="offset points", color=colour,
            fontsize=9, va="center",
        )  # fmt: skip
        fit(label, 160)


def temperature_bars(choices: Mapping[float, Any], own: int) -> Card:
    """How one picture chooses among the captions at several temperatures, one below the other.

    choices: temperature → probabilities, (texts,). own: the place of the picture's own caption.
    Raises ValueError for no temperatures, and for a place that has no probability.
    """
    check_some("choices", choices)
    fewest = min(len(numbers(row)) for row in choices.values())
    own = whole_number("own", own, 0, least=0, most=fewest - 1)
    card = Card(4.4, 1.4 * len(choices))  # no wider: letters stay large on phones
    panels = card.subplots(len(choices), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (temperature, row) in zip(panels, choices.items(), strict=True):
        row = numbers(row)
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


def channel_histograms(panels: Mapping[str, Any]) -> Card:
    """How often each value occurs in red, green and blue; a panel for each title.

    panels: title → values, (3, …). The upright line is the mean over all three channels. Raises
    ValueError for no panels, and for values of another shape.
    """
    check_some("panels", panels)
    for title, values in panels.items():
        shape = numbers(values).shape
        if not np.isfinite(numbers(values)).all():
            raise ValueError(
                f"panels[{title!r}] holds what is no finite number; look where it comes from"
            )
        if shape[:1] != (3,) or 0 in shape:
            raise ValueError(
                f"panels[{title!r}] of shape {shape} does not begin with red, green and blue; try "
                "a tensor of shape (3, height, width), such as tensor.permute(2, 0, 1)"
            )
    card = Card(7.0, 2.5)
    styles = (("red", "#b2182b", "-"), ("green", "#1b7837", "--"), ("blue", "#2166ac", ":"))
    for axes, (title, values) in zip(
        card.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        channels = numbers(values).reshape(3, -1)
        low, high = channels.min(), channels.max()
        edges = np.linspace(low, high, 41) if low < high else np.linspace(low - 0.5, low + 0.5, 41)
        for channel, (name, colour, line) in zip(channels, styles, strict=True):
            counts, _ = np.histogram(channel, edges)
            axes.stairs(counts, edges, color=colour, linestyle=line, linewidth=1.5, label=name)
        axes.axvline(channels.mean(), color=INK, linestyle="--", linewidth=1)
        statistics = (
            f"{plain(title, 24)}: mean {channels.mean():.2f}, deviation {channels.std():.2f}"
        )
        fit(axes.set_title(statistics, fontsize=13, color=INK), 72 * 6.4 / len(panels))
        axes.set_yticks([])
        axes.tick_params(colors=INK, labelsize=13)
        axes.set_facecolor(CARD)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(INK)
    card.axes[-1].legend(fontsize=12, frameon=False, labelcolor=INK)
    return card


def interval_chart(shares: Mapping[str, tuple[float, float, float]], across: str) -> Card:
    """Shares from 0 to 1, a line for each name, with the interval that each may lie in.

    shares: name → lowest, measured, highest. across: what the axis is called. Raises ValueError for
    no shares, and for what are not three numbers, from the lowest on.
    """
    check_some("shares", shares)
    for thing, ends in shares.items():
        if np.shape(ends) != (3,) or not ends[0] <= ends[1] <= ends[2]:  # nan is none of it
            raise ValueError(
                f"shares[{thing!r}]={excerpt(ends)} is not lowest, measured, highest; try "
                "(low, share, high)"
            )
    card = Card(4.6, 0.8 + 0.34 * len(shares))
    axes = card.subplots()
    for row, (low, share, high) in enumerate(shares.values()):
        axes.plot((low, high), (row, row), color=colormaps["cividis"](0.3), linewidth=3)
        axes.plot(share, row, marker="o", markersize=6, color=INK)
        axes.annotate(
            f"{share:.3f}", (low, row), (-6, 0), textcoords="offset points", ha="right",
            va="center", fontsize=10, color=INK,
        )  # fmt: skip
    axes.set_yticks(range(len(shares)), [plain(name, 28) for name in shares])
    axes.set_ylim(len(shares) - 0.5, -0.5)
    lowest, highest = min(low for low, _, _ in shares.values()), max(k[2] for k in shares.values())
    span = highest - lowest or 1.0  # of a single share that is sure
    axes.set_xlim(lowest - 0.3 * span, highest + 0.05 * span)  # room for the number on the left
    fit(axes.set_xlabel(plain(across), fontsize=10, color=INK), 190)
    axes.tick_params(colors=INK, labelsize=10, length=0)
    for name in axes.get_yticklabels():
        fit(name, 120)
    axes.set_facecolor(CARD)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    return card
