"""The card that every figure is drawn on, and what is written on it."""

import functools
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from textwrap import wrap
from typing import Any, cast

import numpy as np
import PIL.Image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from clipbook.validation import excerpt

CARD = "#fafaf7"
INK = "#1d2025"
DARK_CARD = "#2a2f37"
DARK_INK = "#e3e5e8"
DARK_CHUNK = b"daRk"
"""Type of the PNG chunk that holds the same figure for a dark page; programs pass over it."""
CELL = 0.55
"""Side of a matrix's cell, in inches."""
PIXELS_PER_INCH = 100
SHARPNESS = 2
"""Pixels of the file for each pixel on the page, for screens that show more of them."""
NO_GLYPH = "□"
"""Stands for a character that the font lacks."""


class Card(Figure):
    """A figure that notebooks show sharply and at its own size."""

    def __init__(self, width: float, height: float) -> None:
        """width, height: inches."""
        super().__init__(
            figsize=(width, height), dpi=PIXELS_PER_INCH, facecolor=CARD, layout="constrained"
        )
        FigureCanvasAgg(self)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        light, chunks = self._pixels(), PngInfo()
        with self._dark():
            chunks.add(DARK_CHUNK, _file(self._pixels()))
        # no height: a narrow page makes the width smaller, and the height must follow
        width = round(self.get_figwidth() * PIXELS_PER_INCH)
        return _file(light, pnginfo=chunks), {"width": width}

    def _pixels(self) -> PIL.Image.Image:
        drawing = io.BytesIO()
        self.savefig(drawing, format="png", dpi=PIXELS_PER_INCH * SHARPNESS)
        return _with_few_colours(PIL.Image.open(drawing))

    @contextmanager
    def _dark(self) -> Iterator[None]:
        """Light ink on a dark card, for a while. Pictures and the cells of matrices stay.

        The figure must have been drawn: some of its ticks come into being then.
        """
        light = []
        for artist in self.findobj(lambda one: isinstance(one, Text | Line2D | Patch)):
            for name in ("facecolor", "edgecolor") if isinstance(artist, Patch) else ("color",):
                colour = getattr(artist, f"get_{name}")()
                light.append((getattr(artist, f"set_{name}"), colour))
                light[-1][0](_on_dark(colour, 4.5 if isinstance(artist, Text) else 3.0))
        try:
            yield
        finally:
            for setter, colour in light:
                setter(colour)


def _file(pixels: PIL.Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    pixels.save(file, "PNG", optimize=True, **options)
    return file.getvalue()


def _on_dark(colour: Any, contrast: float) -> Any:
    """A colour of the light card as it is on the dark one; black and white stand on cells."""
    if same_color(colour, "none") or (np.shape(colour) == (4,) and colour[3] == 0):
        return colour
    for light, dark in ((CARD, DARK_CARD), (INK, DARK_INK), ("black", "black"), ("white", "white")):
        if same_color(colour, light):
            return dark
    return readable(colour, DARK_CARD, contrast)


def readable(colour: Any, ground: Any = CARD, contrast: float = 4.5) -> tuple[float, ...]:
    """The colour, as much darker on a light ground, or lighter on a dark one, as it must be.

    contrast: WCAG's, which asks 4.5 of letters and 3 of lines.
    """
    below = _luminance(to_rgb(ground)) + 0.05
    end = 0.0 if below > 0.25 else 1.0
    for share in np.linspace(0, 1, 51):
        mixed = tuple((1 - share) * channel + share * end for channel in to_rgb(colour))
        own = _luminance(mixed) + 0.05
        if max(own / below, below / own) >= contrast:
            break
    return mixed


def _with_few_colours(drawing: PIL.Image.Image) -> PIL.Image.Image:
    """The same with its 256 most frequent colours, in a third of the bytes.

    Areas keep their colour to within a few levels (Pillow's own choice of colours turns a small
    yellow star orange); only the smoothed edges of letters change more. A photograph has too many
    colours for that, and gets Pillow's choice, dithered.
    """
    drawing = drawing.convert("RGB")
    pixels = drawing.width * drawing.height
    colours = cast(list[tuple[int, tuple[int, int, int]]], drawing.getcolors(pixels))
    frequent = sorted(colours, reverse=True)[:256]
    if sum(count for count, _ in frequent) < 0.8 * pixels:
        return drawing.quantize(256)
    palette = PIL.Image.new("P", (1, 1))
    palette.putpalette([channel for _, colour in frequent for channel in colour])
    return drawing.quantize(palette=palette, dither=PIL.Image.Dither.NONE)


def ink(colour: Iterable[float]) -> str:
    """Black or white, whichever stands out more from a colour."""
    return "black" if _luminance(colour) > 0.179 else "white"


def _luminance(colour: Iterable[float]) -> float:
    """WCAG's relative luminance, from 0 to 1."""
    linear = [k / 12.92 if k <= 0.04045 else ((k + 0.055) / 1.055) ** 2.4 for k in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def check_some(name: str, things: Mapping[Any, Any]) -> None:
    """Raises ValueError, by name, where there is nothing to draw."""
    if not things:
        raise ValueError(f"{name}={things!r} is empty; give at least one to draw")


def numbers(values: Any) -> np.ndarray:
    """An array, a list or a tensor (of any float type, with gradients or without) as float64."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().double()
    return np.asarray(values, dtype=float)


def plain(text: str, letters: int = 40, lines: int = 1) -> str:
    r"""A reader's text for matplotlib, written letter by letter: no `$` begins a formula.

    letters: how many stand in a line. What does not fit into `lines` of them ends in "…". White
    space becomes spaces, and a character that the font lacks becomes □; fonts that have it can be
    named in matplotlib's `rcParams["font.family"]`. Raises ValueError for what is no string.
    """
    if not isinstance(text, str):
        raise ValueError(f"{excerpt(text)} is of type {type(text).__name__}; give a string")
    families = FontProperties().get_family()
    drawable = _glyphs(tuple(findfont(FontProperties(family=[name])) for name in families))
    text = re.sub(r"\s", " ", text)
    text = "".join(letter if ord(letter) in drawable else NO_GLYPH for letter in text)
    wrapped = wrap(text, letters)
    if len(wrapped) > lines:
        wrapped = [*wrapped[: lines - 1], wrapped[lines - 1][: letters - 1] + "…"]
    return "\n".join(wrapped).replace("$", r"\$")


@functools.cache
def _glyphs(fonts: tuple[str, ...]) -> frozenset[int]:
    """Code points that at least one of the fonts, given by their files, can draw."""
    return frozenset().union(*(get_font(font).get_charmap() for font in fonts))


def fit(text: Text, width: float | int, height: float | int = float("inf")) -> None:
    """Write a text with smaller letters where it is larger than its room, in points."""
    points = text.figure.dpi / 72
    for _ in range(4):  # letters are whole pixels wide, so half the size is not half the width
        box = text.get_window_extent()
        share = min(width * points / max(box.width, 1), height * points / max(box.height, 1))
        if share >= 1:
            return
        text.set_fontsize(share * float(text.get_fontsize()))
