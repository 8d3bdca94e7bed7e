"""What a similarity matrix shows, in words: the ``alternative`` of the widget."""

import numpy as np
from jaxtyping import Float

from .kit import counted

_VIEWS = {
    "cosine": "cosine similarity",
    "logits": "logits",
    "row": "softmax over each row",
    "column": "softmax over each column",
    "sigmoid": "sigmoid of each cell",
    "gradient": "gradient of InfoNCE, cell by cell,",
    "sigmoid_gradient": "gradient of the sigmoid loss, cell by cell,",
}


def title(view: str, temperature: float, bias: float, training_step: int | None) -> str:
    """View, temperature, bias and training step, as far as they matter."""
    words = _VIEWS[view]
    if view != "cosine":
        words += f" at temperature {temperature:.3g}"
    if view in ("sigmoid", "sigmoid_gradient"):
        words += f" and bias {_signed(f'{bias:.3g}')}"
    if training_step is not None:
        words += f", training step {training_step}"
    return words


def finding(
    cosines: Float[np.ndarray, "images texts"],
    view: str,
    temperature: float,
    bias: float,
    captions: list[str],
) -> str:
    """Which cells are large; in a square matrix, whether they are those of the pairs."""
    logits = cosines.astype(np.float64) / temperature
    square = logits.shape[0] == logits.shape[1]
    if view == "sigmoid":
        return _above_a_half(logits + bias > 0, square)
    if not square:
        return _nearest(logits, captions)
    if view == "gradient":
        return _moved_most(gradient(logits))
    if view == "sigmoid_gradient":
        return _moved_most(sigmoid_gradient(logits + bias))
    return _peaks(logits, "column" if view == "column" else "row")


def false_negatives(also_true: int, square: bool) -> str:
    """That captions beside the pairs are true as well; empty where none is."""
    if not also_true:
        return ""
    if not square:
        return f" In {counted(also_true, 'cell')} the caption is true of the picture."
    verb, noun = ("is", "a false negative") if also_true == 1 else ("are", "false negatives")
    captions = counted(also_true, "caption")
    return f" {captions} beside the pairs {verb} true of the picture as well: {noun}."


def gradient(logits: Float[np.ndarray, "pairs pairs"]) -> Float[np.ndarray, "pairs pairs"]:
    """The gradient of InfoNCE with respect to the logits."""
    powers = [np.exp(logits - logits.max(axis, keepdims=True)) for axis in (0, 1)]
    chosen = sum(power / power.sum(axis, keepdims=True) for axis, power in enumerate(powers))
    return (chosen / 2 - np.eye(len(logits))) / len(logits)


def sigmoid_gradient(logits: Float[np.ndarray, "pairs pairs"]) -> Float[np.ndarray, "pairs pairs"]:
    """The gradient of the sigmoid loss with respect to the logits, which hold the bias."""
    beliefs = np.exp(-np.logaddexp(0, -logits))
    return (beliefs - np.eye(len(logits))) / len(logits)


def _above_a_half(cells: np.ndarray, square: bool) -> str:
    if not square:
        return f"{int(cells.sum())} of {cells.size} cells are above a half."
    rows, pairs = len(cells), int(cells.diagonal().sum())
    others = f"{int(cells.sum()) - pairs} of the {cells.size - rows} other cells"
    return f"{pairs} of {counted(rows, 'pair')} and {others} are above a half."


def _nearest(logits: np.ndarray, captions: list[str]) -> str:
    nearest = [
        f"picture {row + 1} most like “{captions[column]}”"
        for row, column in enumerate(logits.argmax(axis=1)[:4])
    ]
    return "; ".join(nearest) + ("; and so on." if len(logits) > 4 else ".")


def _moved_most(slopes: np.ndarray) -> str:
    rows, own = len(slopes), slopes.diagonal()
    digits = max(2, 2 - int(np.floor(-np.log10(rows))))
    up = int(own.argmin())
    printed = _signed(f"{own[up]:z.{digits}f}")
    raised = f"training raises the pairs, most of all pair {up + 1} ({printed})"
    if rows == 1:
        return f"{raised}."
    others = np.where(np.eye(rows, dtype=bool), -np.inf, slopes)
    row, column = divmod(int(others.argmax()), rows)
    printed = _signed(f"{others.max():z.{digits}f}")
    lowered = f"picture {row + 1} with caption {column + 1} ({printed})"
    return f"{raised}, and lowers all other cells, most of all {lowered}."


def _peaks(logits: np.ndarray, along: str) -> str:
    rows = len(logits)
    lines = logits if along == "row" else logits.T
    others = np.where(np.eye(rows, dtype=bool), -np.inf, lines).max(axis=1)
    peaks = int((logits.diagonal() > others).sum())
    own = "picture's own caption" if along == "row" else "caption's own picture"
    return f"in {peaks} of {rows} {along}s the largest cell is the {own}."


def _signed(text: str) -> str:
    return text.replace("-", "−")
