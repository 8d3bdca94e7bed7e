"""Whether an answer is the expected one, and if not, what to look at: the mistake, then numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clipbook.exercises.checks import CheckFailed, cut

FEW = 8
"""So many numbers are told in full; of more, the first wrong one is."""

MOST_WHOLE = 15
"""So many digits before the point are told, all of which a float64 knows; of more, the first."""


def close(
    got: Any,
    want: Any,
    what: str,
    *,
    tolerance: float = 1e-5,
    mistakes: Mapping[str, Any] | None = None,
) -> None:
    """Raise CheckFailed unless got has the shape of want and, to the tolerance, its values.

    got, want: anything that `numbers` takes: tensors, arrays, numbers, lists of these.
    what: how the message calls it, such as "caption_ranks(grid)".
    mistakes: what a typical mistake leads to, by the sentence that says what to look at. Where got
    is one of these values, and only one, that sentence begins the message.
    """
    expected, answer = numbers(want, "the expected value"), numbers(got, what)
    if _agree(answer, expected, tolerance):
        return
    cause = _cause(
        hint
        for hint, value in (mistakes or {}).items()
        if _agree(answer, numbers(value, hint), tolerance)
    )
    if answer.shape != expected.shape:
        shapes = f"has shape {tuple(answer.shape)}, expected {tuple(expected.shape)}"
        raise CheckFailed(f"{cause}{what} {shapes}")
    if expected.numel() <= FEW:
        raise CheckFailed(f"{cause}{what} is {_both_values(answer, expected)}")
    wrong = ~torch.isclose(answer, expected, rtol=0, atol=tolerance)
    first = tuple(wrong.nonzero()[0].tolist())
    raise CheckFailed(
        f"{cause}{what} is wrong in {int(wrong.sum())} of {expected.numel()} places; the first is "
        f"{list(first)}: {_both_values(answer[first], expected[first])}"
    )


def same(got: Any, want: Any, what: str, *, mistakes: Mapping[str, Any] | None = None) -> None:
    """The same for texts and for lists of them: raise CheckFailed unless got is want, exactly.

    Lists, tuples, arrays and tensors of equal contents are equal.
    """
    if got is None:
        raise CheckFailed(_missing(what))
    answer, expected = _as_lists(got), _as_lists(want)
    if answer == expected:
        return
    cause = _cause(hint for hint, value in (mistakes or {}).items() if _as_lists(value) == answer)
    raise CheckFailed(f"{cause}{what} is {cut(repr(got))}, expected {cut(repr(want))}")


def numbers(got: Any, what: str) -> Tensor:
    """Tensors, arrays, numbers and lists of these, of any type that holds numbers, as float64.

    Raises CheckFailed for anything else, for rows of unequal length and for complex numbers.
    """
    if got is None:
        raise CheckFailed(_missing(what))
    if isinstance(got, Tensor) and not got.is_complex():
        return got.detach().cpu().double()
    try:
        values = np.asarray(got if isinstance(got, np.ndarray) else _as_lists(got))
    except (TypeError, ValueError, RuntimeError):  # rows of unequal length
        values = np.asarray("")
    if values.dtype.kind == "c":
        raise CheckFailed(f"{what} holds complex numbers; return real ones")
    if values.dtype.kind not in "biuf":
        raise CheckFailed(
            f"{what} is of type {type(got).__name__}, which does not hold numbers in rows of equal "
            "length; return a tensor"
        )
    return torch.from_numpy(values.astype(np.float64))


def _as_lists(value: Any) -> Any:
    """Lists in place of tensors, arrays and tuples, at any depth."""
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple | range):
        return [_as_lists(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _as_lists(item) for key, item in value.items()}
    return value


def _missing(what: str) -> str:
    return f"{what} is None; does the function end in `return`?"


def _cause(candidates: Any) -> str:
    """The one mistake that fits, as the beginning of a message; nothing if several would."""
    hints = list(candidates)
    return f"{hints[0]}; " if len(hints) == 1 else ""


def _agree(got: Tensor, want: Tensor, tolerance: float) -> bool:
    return got.shape == want.shape and torch.allclose(got, want, rtol=0, atol=tolerance)


def _both_values(got: Tensor, want: Tensor) -> str:
    """Both, with as many digits as it takes to see that they differ, four at least."""
    for digits in range(4, 18):
        answer, expected = _digits_of(got, digits), _digits_of(want, digits)
        if answer != expected:
            break
    return f"{cut(answer)}, expected {cut(expected)}"


def _digits_of(values: Tensor, digits: int) -> str:
    """Numbers as one writes them: 2 rather than 2.0, 22980 rather than 2.298e+04."""

    def text(value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join(map(text, value))}]"
        whole = len(f"{abs(value):.0f}")  # digits before the point, of which none is left out
        return f"{value:.{max(digits, whole) if whole <= MOST_WHOLE else digits}g}"

    return text(values.tolist())
