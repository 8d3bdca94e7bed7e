"""The similarity matrix of pictures and captions, as a figure that answers.

This module holds the state of the widget and checks it. What it looks like is in
``similarity_matrix.js`` and ``.css``, its words in ``similarity_finding.py``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from clipbook.pairs.similarity import TOLERANCE
from clipbook.text.texts import checked_texts
from clipbook.validation import above_zero, between, excerpt

from .encoding import float_array, picture_uri, quantise
from .kit import Widget, checked_index, counted, is_whole, sources
from .similarity_finding import false_negatives, finding, title

VIEWS = ("cosine", "logits", "row", "column", "sigmoid", "gradient", "sigmoid_gradient")
# Two rows as long as `clipbook.pairs.similarity` takes them; then it may round to bfloat16.
_LARGEST = (1 + TOLERANCE) ** 2 * (1 + 2**-8)


class SimilarityMatrix(Widget):
    """A heatmap of cosine similarities: rows are pictures, columns are captions.

    Args:
        similarities: cosines in [-1, 1], an array or tensor of shape (images, texts), or
            (steps, images, texts) for a training run that a slider goes through.
        images: the pictures of the rows, PIL images, paths or uint8 arrays (height, width, 3),
            shown as the model sees them: as ``clipbook.image.open_picture`` gives them.
        captions: the captions of the columns.
        steps: the training step of each frame; default 0, 1, 2, ...
        view: what the cells show: ``"cosine"``; ``"logits"``, similarity / temperature; their
            softmax over each ``"row"`` or each ``"column"``; the ``"sigmoid"`` of logit + bias; or,
            where there are as many images as captions, the ``"gradient"`` of InfoNCE with respect
            to the logits, or the ``"sigmoid_gradient"`` of the sigmoid loss.
        temperature: what similarities are divided by to make logits; above 0.
        bias: what the sigmoid adds to the logits; at most a million, above or below 0.
        step: index of the frame to show, counted from the end if negative.
        selected: row and column of the cell that is told about.
        true_pairs: which captions are true of which pictures, bool, (images, texts). Off the
            diagonal of a square matrix these cells are marked as false negatives.

    ``similarities``, ``view``, ``temperature``, ``bias``, ``step`` and ``selected`` can be read,
    set and observed at any time, and the page follows. Assigning to ``similarities`` redraws the
    matrix; where the number of frames changes, ``steps`` becomes 0, 1, 2, ... and the last is
    shown. In a square matrix caption *i* is taken to be picture *i*'s own; pictures and captions
    are those of the beginning, make a new widget for others.
    The page gets similarities in 16 bits each, true to 1.6e-5. A frame of 64×64 adds 8 kB to the
    page, so twelve of them are about as many as one should wait for.

    Raises:
        ValueError: for values that break these rules.

    Source: Radford et al. 2021, figure 3; for the sigmoid, and the bias that it starts from, Zhai
    et al. 2023, §3.2.
    """

    _esm, _css = sources(__file__)

    similarities = traitlets.Any(help="float32 array (images, texts) or (steps, images, texts)")
    frames = traitlets.Bytes(help="the same for the page, see encoding.quantise").tag(sync=True)
    images = traitlets.List(traitlets.Unicode(), help="data URIs of PNGs").tag(sync=True)
    captions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    steps = traitlets.List(traitlets.Int()).tag(sync=True)
    step = traitlets.Int(help="index into steps").tag(sync=True)
    also_true = traitlets.List(
        traitlets.Int(), help="cells beside the pairs whose caption is true, row after row"
    ).tag(sync=True)
    temperature = traitlets.Float().tag(sync=True)
    bias = traitlets.Float().tag(sync=True)
    view = traitlets.Unicode().tag(sync=True)
    selected = traitlets.List(traitlets.Int(), help="[row, column]").tag(sync=True)

    def __init__(
        self,
        similarities: Any,
        images: Sequence[Any],
        captions: Sequence[str],
        steps: Sequence[int] | None = None,
        view: str = "cosine",
        temperature: float = 0.07,
        bias: float = -10.0,
        step: int = -1,
        selected: Sequence[int] = (0, 0),
        true_pairs: Any = None,
    ) -> None:
        captions = _checked_captions(captions)
        values = _checked_similarities(similarities, len(images), len(captions))
        steps = _checked_steps(steps, _frame_count(values))
        super().__init__(
            similarities=values,
            frames=quantise(values, signed=True),
            images=[picture_uri(image, f"images[{place}]") for place, image in enumerate(images)],
            captions=captions,
            steps=steps,
            step=checked_index("step", step, len(steps), "matrices"),
            also_true=_also_true(true_pairs, len(images), len(captions)),
            temperature=_checked_temperature(temperature),
            bias=_checked_bias(bias),
            view=_checked_view(view, len(images), len(captions)),
            selected=_checked_cell(selected, len(images), len(captions)),
        )
        self.observe(self._send_frames, names="similarities")
        self.follow("similarities", "view", "temperature", "bias", "step")

    def describe(self) -> str:
        """Which cells are large, in the view and at the step that are shown."""
        rows, columns = len(self.images), len(self.captions)
        cosines = self.similarities.reshape(-1, rows, columns)[self.step]
        training_step = self.steps[self.step] if len(self.steps) > 1 else None
        sizes = f"{counted(rows, 'picture')} with {counted(columns, 'caption')}"
        view = title(self.view, self.temperature, self.bias, training_step)
        cells = finding(cosines, self.view, self.temperature, self.bias, self.captions)
        also_true = false_negatives(len(self.also_true), rows == columns)
        return f"Similarity of {sizes}, {view}: {cells}{also_true}"

    def _send_frames(self, change: Any) -> None:
        count = _frame_count(self.similarities)
        with self.hold_sync():  # one message, so that the page never sees half of the change
            self.frames = quantise(self.similarities, signed=True)
            if count != len(self.steps):
                self.steps = list(range(count))
                self.step = count - 1

    @traitlets.validate("similarities")
    def _validate_similarities(self, proposal: Any) -> np.ndarray:
        return _checked_similarities(proposal["value"], len(self.images), len(self.captions))

    @traitlets.validate("view")
    def _validate_view(self, proposal: Any) -> str:
        return _checked_view(proposal["value"], len(self.images), len(self.captions))

    @traitlets.validate("temperature")
    def _validate_temperature(self, proposal: Any) -> float:
        return _checked_temperature(proposal["value"])

    @traitlets.validate("bias")
    def _validate_bias(self, proposal: Any) -> float:
        return _checked_bias(proposal["value"])

    @traitlets.validate("step")
    def _validate_step(self, proposal: Any) -> int:
        return checked_index("step", proposal["value"], len(self.steps), "matrices")

    @traitlets.validate("selected")
    def _validate_selected(self, proposal: Any) -> list[int]:
        return _checked_cell(proposal["value"], len(self.images), len(self.captions))


def _frame_count(values: np.ndarray) -> int:
    return values.shape[0] if values.ndim == 3 else 1


def _checked_similarities(values: Any, images: int, captions: int) -> np.ndarray:
    values = float_array(values)
    if values.ndim not in (2, 3) or values.shape[-2:] != (images, captions) or not values.size:
        raise ValueError(
            f"similarities of shape {values.shape} do not fit {images} images and {captions} "
            f"captions; give shape ({images}, {captions}) or (steps, {images}, {captions}), "
            "none of them 0"
        )
    if not np.isfinite(values).all():
        place = tuple(int(k) for k in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(
            f"similarities{list(place)}={values[place]} is not a finite number; look for a "
            "division by a zero length before the similarities are computed"
        )
    worst = float(values.flat[np.abs(values).argmax()])
    if abs(worst) > _LARGEST:
        raise ValueError(
            f"a similarity of {worst:.4g} is outside [-1, 1], where cosines lie; "
            "normalise the embeddings to unit length, and do not multiply by the scale"
        )
    values = values.clip(-1, 1)
    values.flags.writeable = False  # a change in place would not reach the page
    return values


def _checked_captions(captions: Sequence[str]) -> list[str]:
    captions = checked_texts(captions, "captions")
    for place, caption in enumerate(captions):
        if not caption.strip():
            raise ValueError(
                f"captions[{place}]={caption!r} says nothing; give each column a text of its own"
            )
    return captions


def _checked_steps(steps: Sequence[int] | None, frames: int) -> list[int]:
    if steps is None:
        return list(range(frames))
    if len(steps) != frames:
        raise ValueError(
            f"{len(steps)} steps for {frames} matrices; give one training step a matrix"
        )
    for place, step in enumerate(steps):
        if not is_whole(step):
            raise ValueError(
                f"steps[{place}]={excerpt(step)} is no whole number; give each matrix its step"
            )
    return [int(step) for step in steps]


def _checked_temperature(temperature: Any) -> float:
    return above_zero("temperature", _alone(temperature), 0.07)


def _checked_bias(bias: Any) -> float:
    return between("bias", _alone(bias), -10, least=-1e6, most=1e6)


def _alone(value: Any) -> Any:
    """A number itself where it is all that a tensor or an array holds."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _checked_view(view: str, images: int, captions: int) -> str:
    if view not in VIEWS:
        raise ValueError(f"view={view!r} is not known; use one of {', '.join(map(repr, VIEWS))}")
    if view.endswith("gradient") and images != captions:
        raise ValueError(
            f"view='{view}' needs the loss of pairs, which {images} images and {captions} "
            "captions do not make; give each image one caption, or use view='logits'"
        )
    return view


def _also_true(true_pairs: Any, images: int, captions: int) -> list[int]:
    """Flat places of the true cells; in a square matrix without the diagonal."""
    if true_pairs is None:
        return []
    if hasattr(true_pairs, "detach"):
        true_pairs = true_pairs.detach().cpu().numpy()
    true_pairs = np.array(true_pairs)
    if true_pairs.shape != (images, captions) or true_pairs.dtype != bool:
        raise ValueError(
            f"true_pairs of shape {true_pairs.shape} and type {true_pairs.dtype} does not say "
            f"which captions are true; give a bool array of shape ({images}, {captions})"
        )
    if images == captions:
        np.fill_diagonal(true_pairs, False)
    return np.flatnonzero(true_pairs).tolist()


def _checked_cell(cell: Any, images: int, captions: int) -> list[int]:
    try:
        row, column = cell
    except (TypeError, ValueError):
        row = column = None
    if not (is_whole(row) and is_whole(column) and 0 <= row < images and 0 <= column < captions):
        raise ValueError(
            f"selected={excerpt(cell)} is not a cell of {images} rows and {captions} columns; "
            f"use [row, column] from [0, 0] to [{images - 1}, {captions - 1}]"
        )
    return [int(row), int(column)]
