"""The similarity matrix on paper: a drawing and a sentence that stand in where no script runs."""

import dataclasses
import textwrap

import numpy as np
import PIL.Image
from jaxtyping import Float

from .encoding import picture_of_uri, png_uri

_NAMES = {
    "cosine": "cosine similarity",
    "row": "softmax over each row",
    "column": "softmax over each column",
}
_CELL = 0.52  # inches
_MOST_PRINTED = 10  # rows or columns; beyond, values would be too small to read
_PIXELS_PER_INCH = 128


@dataclasses.dataclass(frozen=True)
class Scene:
    """What there is to draw: ``values`` (images, texts) as the view shows them."""

    values: Float[np.ndarray, "images texts"]
    view: str
    temperature: float
    training_step: int | None
    images: tuple[str, ...]
    captions: tuple[str, ...]

    @property
    def title(self) -> str:
        """View, temperature and training step, as far as they matter."""
        title = _NAMES[self.view]
        if self.view != "cosine":
            title += f" at temperature {self.temperature:.3g}"
        if self.training_step is not None:
            title += f", training step {self.training_step}"
        return title


def shown(
    similarities: Float[np.ndarray, "images texts"], view: str, temperature: float
) -> Float[np.ndarray, "images texts"]:
    """The values of a view: the cosines, or their softmax over ``"row"`` or ``"column"``."""
    if view == "cosine":
        return similarities
    axis = 1 if view == "row" else 0
    logits = similarities.astype(np.float64) / temperature
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def describe(scene: Scene) -> str:
    """The finding in words, for those who do not see the drawing."""
    rows, columns = scene.values.shape
    sizes = f"{_counted(rows, 'picture')} with {_counted(columns, 'caption')}"
    start = f"Similarity of {sizes}, {scene.title}: "
    if rows != columns:
        best = scene.values.argmax(axis=1)[:4]
        pairs = [f"picture {row + 1} most like “{scene.captions[k]}”" for row, k in enumerate(best)]
        return start + "; ".join(pairs) + ("; and so on." if rows > 4 else ".")
    along = scene.values if scene.view != "column" else scene.values.T
    others = np.where(np.eye(rows, dtype=bool), -np.inf, along).max(axis=1)
    hits = int((along.diagonal() > others).sum())
    if scene.view == "column":
        return f"{start}in {hits} of {rows} columns the largest cell is the caption's own picture."
    return f"{start}in {hits} of {rows} rows the largest cell is the picture's own caption."


def draw(scene: Scene) -> str:
    """The matrix with pictures, captions, values and colour bar, as the data URI of a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = scene.values.shape
    left, right, bottom, top = 0.8, 0.7, 0.1, 1.75
    width, height = left + columns * _CELL + right, bottom + rows * _CELL + top
    figure = Figure(figsize=(max(width, 4.6), height), dpi=_PIXELS_PER_INCH)
    canvas = FigureCanvasAgg(figure)

    def axes(x: float, y: float, w: float, h: float):
        """Axes at a place in inches from the lower left corner."""
        scale = [figure.get_figwidth(), figure.get_figheight()] * 2
        return figure.add_axes([k / s for k, s in zip((x, y, w, h), scale, strict=True)])

    matrix = axes(left, bottom, columns * _CELL, rows * _CELL)
    _draw_cells(matrix, scene)
    matrix.text(-left / _CELL, -top / _CELL - 0.15, scene.title, size=10, va="top")
    for row, uri in enumerate(scene.images):
        y = bottom + (rows - 1 - row) * _CELL
        thumbnail = axes(left - 0.5, y + 0.05, 0.42, 0.42)
        thumbnail.imshow(picture_of_uri(uri))
        thumbnail.set_axis_off()
    bar = figure.colorbar(
        matrix.images[0], cax=axes(left + columns * _CELL + 0.18, bottom, 0.12, rows * _CELL)
    )
    bar.outline.set_visible(False)
    bar.set_ticks([-1, 0, 1] if scene.view == "cosine" else [0, 0.5, 1])
    bar.ax.tick_params(length=0, labelsize=8)

    canvas.draw()
    drawing = PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = drawing.quantize(256, method=PIL.Image.Quantize.MAXCOVERAGE, kmeans=1)
    return png_uri(few)  # a third of the bytes, and no colour that an eye would miss


def _draw_cells(matrix, scene: Scene) -> None:
    """Cells with their values; the captions above them, the names of the rows beside them."""
    rows, columns = scene.values.shape
    signed = scene.view == "cosine"
    colours = matrix.imshow(
        scene.values, cmap="RdBu_r" if signed else "cividis", vmin=-1 if signed else 0, vmax=1
    )
    matrix.set_axis_off()
    for edge in range(1, rows):
        matrix.axhline(edge - 0.5, color="white", linewidth=1.5)
    for edge in range(1, columns):
        matrix.axvline(edge - 0.5, color="white", linewidth=1.5)
    for row, column in np.ndindex(rows, columns):
        ink = _ink(colours.cmap(colours.norm(scene.values[row, column])))
        if max(rows, columns) <= _MOST_PRINTED:
            text = f"{scene.values[row, column]:z.2f}".replace("-", "−")
            matrix.text(column, row, text, color=ink, size=7.5, ha="center", va="center")
        if row == column and rows == columns:
            matrix.add_patch(_frame(row, ink))
    for row in range(rows):
        matrix.text(-1.55, row, f"$I_{{{row + 1}}}$", size=9, ha="right", va="center")
    for column, caption in enumerate(scene.captions):
        matrix.text(column, -0.58, f"$T_{{{column + 1}}}$", size=9, ha="center", va="bottom")
        lines = textwrap.wrap(textwrap.shorten(caption, 56, placeholder=" …"), 20)
        matrix.text(column, -1.02, "\n".join(lines), size=7, rotation=90, ha="center", va="bottom")


def _frame(place: int, ink: str):
    from matplotlib.patches import Rectangle

    return Rectangle((place - 0.42, place - 0.42), 0.84, 0.84, fill=False, edgecolor=ink)


def _ink(colour: tuple[float, float, float, float]) -> str:
    """Black or white, whichever stands out more from a colour (WCAG's relative luminance)."""
    linear = [k / 12.92 if k <= 0.04045 else ((k + 0.055) / 1.055) ** 2.4 for k in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
