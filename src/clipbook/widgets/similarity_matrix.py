"""The similarity matrix of pictures and captions, as a figure that answers.

This module holds the state of the widget, ``similarity_checks.py`` checks it. What it looks like is
in ``similarity_matrix.js`` and ``.css``, its words in ``similarity_finding.py``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from .encoding import picture_uris, quantise
from .kit import Widget, checked_index, counted, sources
from .similarity_checks import (
    checked_bias,
    checked_captions,
    checked_cell,
    checked_similarities,
    checked_steps,
    checked_temperature,
    checked_true_pairs,
    checked_view,
)
from .similarity_finding import false_negatives, finding, title


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
        pictures, captions = picture_uris(images), checked_captions(captions)
        values = checked_similarities(similarities, len(pictures), len(captions))
        steps = checked_steps(steps, _frame_count(values))
        super().__init__(
            similarities=values,
            frames=quantise(values, signed=True),
            images=pictures,
            captions=captions,
            steps=steps,
            step=checked_index("step", step, len(steps), "matrices"),
            also_true=checked_true_pairs(true_pairs, len(pictures), len(captions)),
            temperature=checked_temperature(temperature),
            bias=checked_bias(bias),
            view=checked_view(view, len(pictures), len(captions)),
            selected=checked_cell(selected, len(pictures), len(captions)),
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
        return checked_similarities(proposal["value"], len(self.images), len(self.captions))

    @traitlets.validate("view")
    def _validate_view(self, proposal: Any) -> str:
        return checked_view(proposal["value"], len(self.images), len(self.captions))

    @traitlets.validate("temperature")
    def _validate_temperature(self, proposal: Any) -> float:
        return checked_temperature(proposal["value"])

    @traitlets.validate("bias")
    def _validate_bias(self, proposal: Any) -> float:
        return checked_bias(proposal["value"])

    @traitlets.validate("step")
    def _validate_step(self, proposal: Any) -> int:
        return checked_index("step", proposal["value"], len(self.steps), "matrices")

    @traitlets.validate("selected")
    def _validate_selected(self, proposal: Any) -> list[int]:
        return checked_cell(proposal["value"], len(self.images), len(self.captions))


def _frame_count(values: np.ndarray) -> int:
    return values.shape[0] if values.ndim == 3 else 1
