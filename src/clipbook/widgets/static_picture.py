"""The similarity matrix on paper: a drawing and a sentence that stand in where no script runs."""

import dataclasses
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from jaxtyping import Bool, Float

from .encoding import picture_of_uri, png_uri

_NAMES = {
    "cosine": "cosine similarity",
    "logits": "logits",
    "row": "softmax over each row",
    "column": "softmax over each column",
    "sigmoid": "sigmoid of each cell",
    "gradient": "gradient of InfoNCE, cell by cell,",
}
_SIGNED = ("cosine", "logits", "gradient")
_CELL = 0.52  # inches, of a cell that holds its value
_WIDEST = 6.2  # inches, of all cells where they hold none
_MOST_PRINTED = 10  # rows or columns; beyond, values would be too small to read
_MOST_CAPTIONS = 24  # columns; beyond, captions would be
_PIXELS_PER_INCH = 128


@dataclasses.dataclass(frozen=True)
class Scene:
    """What there is to draw: ``values`` (images, texts) as the view shows them.

    ``also_true`` are cells beside the pairs whose caption is true of the picture.
    """

    values: Float[np.ndarray, "images texts"]
    also_true: Bool[np.ndarray, "images texts"]
    view: str
    temperature: float
    bias: float
    training_step: int | None
    images: tuple[str, ...]
    captions: tuple[str, ...]

    @property
    def title(self) -> str:
        """View, temperature, bias and training step, as far as they matter."""
        title = _NAMES[self.view]
        if self.view != "cosine":
            title += f" at temperature {self.temperature:.3g}"
        if self.view == "sigmoid":
            title += f" and bias {_signed(f'{self.bias:.3g}')}"
        if self.training_step is not None:
            title += f", training step {self.training_step}"
        return title

    @property
    def square(self) -> bool:
        """As many pictures as captions: the diagonal holds the pairs."""
        rows, columns = self.values.shape
        return rows == columns

    @property
    def limits(self) -> tuple[float, float]:
        """The values at the ends of the colour scale."""
        if self.view not in _SIGNED:
            return 0.0, 1.0
        high = {"logits": 1 / self.temperature, "gradient": 1 / len(self.values)}
        return -high.get(self.view, 1.0), high.get(self.view, 1.0)

    @property
    def digits(self) -> int:
        """Decimal places of a printed value."""
        high = self.limits[1]
        return 2 if high == 1 else int(max(0, 2 - np.floor(np.log10(high))))

    def printed(self, value: float) -> str:
        """A value as the drawing and the sentence write it."""
        return _signed(f"{value:z.{self.digits}f}")


def shown(
    similarities: Float[np.ndarray, "images texts"], view: str, temperature: float, bias: float
) -> Float[np.ndarray, "images texts"]:
    """The values of a view, by its name in :data:`similarity_matrix.VIEWS`.

    The gradient is that of InfoNCE with respect to the logits, so of a square matrix.
    """
    similarities = similarities.astype(np.float64)
    if view == "cosine":
        return similarities
    logits = similarities / temperature
    if view == "logits":
        return logits
    if view == "sigmoid":
        return np.exp(-np.logaddexp(0, -logits - bias))
    if view == "gradient":
        count = len(logits)
        return (_softmax(logits, 1) + _softmax(logits, 0)) / (2 * count) - np.eye(count) / count
    return _softmax(logits, 1 if view == "row" else 0)


def _softmax(logits: np.ndarray, axis: int) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def describe(scene: Scene) -> str:
    """The finding in words, for those who do not see the drawing."""
    rows, columns = scene.values.shape
    sizes = f"{_counted(rows, 'picture')} with {_counted(columns, 'caption')}"
    parts = [f"Similarity of {sizes}, {scene.title}: {_finding(scene)}"]
    if also := int(scene.also_true.sum()):
        such = "a false negative" if also == 1 else "false negatives"
        true = f"{_counted(also, 'caption')} beside the pairs {'is' if also == 1 else 'are'} true"
        parts.append(
            f"{true} of the picture as well: {such}."
            if scene.square
            else f"In {_counted(also, 'cell')} the caption is true of the picture."
        )
    return " ".join(parts)


def _finding(scene: Scene) -> str:
    values = scene.values
    rows = len(values)
    if scene.view == "sigmoid":
        yes = values > 0.5
        if not scene.square:
            return f"{int(yes.sum())} of {values.size} cells are above a half."
        pairs = int(yes.diagonal().sum())
        others = f"{int(yes.sum()) - pairs} of the {values.size - rows} other cells"
        return f"{pairs} of {_counted(rows, 'pair')} and {others} are above a half."
    if not scene.square:
        best = values.argmax(axis=1)[:4]
        likest = [
            f"picture {row + 1} most like “{scene.captions[k]}”" for row, k in enumerate(best)
        ]
        return "; ".join(likest) + ("; and so on." if rows > 4 else ".")
    own = values.diagonal()
    if scene.view == "gradient":
        up = int(own.argmin())
        pulled = f"training raises the pairs, most of all pair {up + 1} ({scene.printed(own[up])})"
        if rows == 1:
            return f"{pulled}."
        apart = np.where(np.eye(rows, dtype=bool), -np.inf, values)
        row, column = divmod(int(apart.argmax()), rows)
        pushed = f"picture {row + 1} with caption {column + 1} ({scene.printed(apart.max())})"
        return f"{pulled}, and lowers all other cells, most of all {pushed}."
    along = values if scene.view != "column" else values.T
    hits = int((own > np.where(np.eye(rows, dtype=bool), -np.inf, along).max(axis=1)).sum())
    if scene.view == "column":
        return f"in {hits} of {rows} columns the largest cell is the caption's own picture."
    return f"in {hits} of {rows} rows the largest cell is the picture's own caption."


def draw(scene: Scene) -> str:
    """The matrix with pictures, captions, values and colour bar, as the data URI of a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = scene.values.shape
    cell = _CELL if max(rows, columns) <= _MOST_PRINTED else min(_CELL, _WIDEST / columns)
    left, right, bottom = 0.8, 0.8, 0.1 if _key(scene) == "" else 0.4
    top = 1.75 if columns <= _MOST_CAPTIONS else 0.6
    width, height = left + columns * cell + right, bottom + rows * cell + top
    figure = Figure(figsize=(max(width, 4.6), height), dpi=_PIXELS_PER_INCH)
    canvas = FigureCanvasAgg(figure)

    def axes(x: float, y: float, w: float, h: float) -> Any:
        """Axes at a place in inches from the lower left corner."""
        across, up = figure.get_size_inches()
        return figure.add_axes((x / across, y / up, w / across, h / up))

    matrix = axes(left, bottom, columns * cell, rows * cell)
    _draw_cells(matrix, scene, cell)
    title = scene.title[0].upper() + scene.title[1:]
    size = min(10, 125 * figure.get_figwidth() / len(title))  # points, so that it fits
    matrix.text(-left / cell, -top / cell - 0.5 + 0.18 / cell, title, size=size, va="top")
    matrix.text(-0.5, rows - 0.5 + 0.1 / cell, _key(scene), size=8, va="top")
    side = min(0.42, 0.9 * cell)
    thumbnails = axes(left - 0.08 - side, bottom, side, rows * cell)
    thumbnails.imshow(_strip(scene.images, side / cell), aspect="auto", interpolation="none")
    thumbnails.set_axis_off()
    bar = figure.colorbar(
        matrix.images[0], cax=axes(left + columns * cell + 0.18, bottom, 0.12, rows * cell)
    )
    bar.outline.set_visible(False)
    low, high = scene.limits
    bar.set_ticks([low, (low + high) / 2, high])
    bar.set_ticklabels([_signed(f"{tick:.3g}") for tick in (low, (low + high) / 2, high)])
    bar.ax.tick_params(length=0, labelsize=8)

    canvas.draw()
    drawing = PIL.Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = drawing.quantize(256, method=PIL.Image.Quantize.MAXCOVERAGE, kmeans=1)
    return png_uri(few)  # a third of the bytes, and no colour that an eye would miss


def _draw_cells(matrix: Any, scene: Scene, cell: float) -> None:
    """Cells with their values; the captions above them, the names of the rows beside them."""
    from clipbook.figures.card import fit, ink, plain

    rows, columns = scene.values.shape
    low, high = scene.limits
    signed = scene.view in _SIGNED
    colours = matrix.imshow(
        scene.values, cmap="RdBu_r" if signed else "cividis", vmin=low, vmax=high
    )
    matrix.set_axis_off()

    def ink_on(row: int, column: int) -> str:
        return ink(colours.cmap(colours.norm(scene.values[row, column])))

    lines = 1.5 * cell / _CELL
    for edge in range(1, rows):
        matrix.axhline(edge - 0.5, color="white", linewidth=lines)
    for edge in range(1, columns):
        matrix.axvline(edge - 0.5, color="white", linewidth=lines)
    if max(rows, columns) <= _MOST_PRINTED:
        for place, value in np.ndenumerate(scene.values):
            matrix.text(
                *place[::-1], scene.printed(value), color=ink_on(*place), size=7.5,
                ha="center", va="center",
            )  # fmt: skip
    for k in range(rows if scene.square else 0):
        matrix.add_patch(_frame(k, ink_on(k, k), lines))
    for row, column in np.argwhere(scene.also_true).tolist():
        size = 5 * max(cell / _CELL, 0.4)
        at = (column + 0.32, row - 0.32) if cell == _CELL else (column, row)
        matrix.plot(*at, ".", color=ink_on(row, column), markersize=size)
    every = 1 if cell > 0.25 else 8
    for row in range(rows):
        if row % every == every - 1 or row == 0:
            beside = -0.5 - (min(0.42, 0.9 * cell) + 0.14) / cell
            matrix.text(beside, row, f"$I_{{{row + 1}}}$", size=9, ha="right", va="center")
    above = -0.5 - 0.04 / cell
    for column, caption in enumerate(scene.captions):
        if column % every == every - 1 or column == 0:
            name = f"$T_{{{column + 1}}}$"
            matrix.text(column, above, name, size=9, ha="center", va="bottom")
        if columns <= _MOST_CAPTIONS:
            text = plain(caption, 20, lines=4 if cell > 0.4 else 1)
            written = matrix.text(
                column, above - 0.23 / cell, text, size=7, rotation=90, ha="center", va="bottom"
            )
            fit(written, 72 * cell, 80)


def _frame(place: int, ink: str, width: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (place - 0.42, place - 0.42), 0.84, 0.84, fill=False, edgecolor=ink, linewidth=width / 1.5
    )


def _key(scene: Scene) -> str:
    """What the dots mean; empty where there are none."""
    if not scene.also_true.any():
        return ""
    return "dot: also true, a false negative" if scene.square else "dot: true of the picture"


def _strip(images: tuple[str, ...], share: float) -> np.ndarray:
    """The pictures one below the other, each in the middle of its row and a share of it high."""
    side = 48  # px
    row = round(side / share)
    strip = PIL.Image.new("RGB", (side, row * len(images)), "white")
    for place, uri in enumerate(images):
        picture = PIL.ImageOps.fit(picture_of_uri(uri), (side, side))  # its middle, as on the page
        strip.paste(picture, (0, place * row + (row - side) // 2))
    return np.asarray(strip)


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
