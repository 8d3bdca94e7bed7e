"""The card that every figure is drawn on, and what is written on it."""

import io
from collections.abc import Iterable
from typing import cast

import PIL.Image
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
    yellow star orange); only the smoothed edges of letters change more. A photograph has too many
    colours for that, and gets Pillow's choice, dithered.
    """
    drawing = drawing.convert("RGB")
    pixels = drawing.width * drawing.height
    colours = cast(list[tuple[int, tuple[int, int, int]]], drawing.getcolors(pixels))
    counted = sorted(colours, reverse=True)[:256]
    if sum(count for count, _ in counted) < 0.8 * pixels:
        return drawing.quantize(256)
    palette = PIL.Image.new("P", (1, 1))
    palette.putpalette([channel for _, colour in counted for channel in colour])
    return drawing.quantize(palette=palette, dither=PIL.Image.Dither.NONE)


def ink(colour: Iterable[float]) -> str:
    """Black or white, whichever stands out more from a colour (WCAG's relative luminance)."""
    linear = [k / 12.92 if k <= 0.04045 else ((k + 0.055) / 1.055) ** 2.4 for k in colour]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"
