"""Checks what a similarity matrix is given; each error says the value, the rule and the remedy."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clipbook.pairs.similarity import TOLERANCE
from clipbook.text.texts import checked_texts
from clipbook.validation import above_zero, between, excerpt

from .encoding import float_array, listed
from .kit import is_whole

VIEWS = ("cosine", "logits", "row", "column", "sigmoid", "gradient", "sigmoid_gradient")
# Two rows as long as `clipbook.pairs.similarity` takes them; then it may round to bfloat16.
_LARGEST = (1 + TOLERANCE) ** 2 * (1 + 2**-8)


def checked_similarities(values: Any, images: int, captions: int) -> np.ndarray:
    values = float_array("similarities", values)
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


def checked_captions(captions: Sequence[str]) -> list[str]:
    captions = checked_texts(captions, "captions")
    for place, caption in enumerate(captions):
        if not caption.strip():
            raise ValueError(
                f"captions[{place}]={caption!r} says nothing; give each column a text of its own"
            )
    return captions


def checked_steps(steps: Sequence[int] | None, frames: int) -> list[int]:
    if steps is None:
        return list(range(frames))
    steps = listed("steps", steps)
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


def checked_temperature(temperature: Any) -> float:
    return above_zero("temperature", _alone(temperature), 0.07)


def checked_bias(bias: Any) -> float:
    return between("bias", _alone(bias), -10, least=-1e6, most=1e6)


def _alone(value: Any) -> Any:
    """A number itself where it is all that a tensor or an array holds."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def checked_view(view: str, images: int, captions: int) -> str:
    if view not in VIEWS:
        raise ValueError(f"view={view!r} is not known; use one of {', '.join(map(repr, VIEWS))}")
    if view.endswith("gradient") and images != captions:
        raise ValueError(
            f"view='{view}' needs the loss of pairs, which {images} images and {captions} "
            "captions do not make; give each image one caption, or use view='logits'"
        )
    return view


def checked_true_pairs(true_pairs: Any, images: int, captions: int) -> list[int]:
    """Flat places of the true cells; in a square matrix without the diagonal."""
    if true_pairs is None:
        return []
    if hasattr(true_pairs, "detach"):
        true_pairs = true_pairs.detach().cpu().numpy()
    needed = (
        f"does not say which captions are true; give a bool array of shape ({images}, {captions})"
    )
    try:
        true_pairs = np.array(true_pairs)
    except ValueError as error:
        raise ValueError(
            f"true_pairs={excerpt(true_pairs)}, with rows of different lengths, {needed}"
        ) from error
    if true_pairs.shape != (images, captions) or true_pairs.dtype != bool:
        raise ValueError(
            f"true_pairs of shape {true_pairs.shape} and type {true_pairs.dtype} {needed}"
        )
    if images == captions:
        np.fill_diagonal(true_pairs, False)
    return np.flatnonzero(true_pairs).tolist()


def checked_cell(cell: Any, images: int, captions: int) -> list[int]:
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
