"""Checks of exercises: what is wrong with an answer, in one sentence.

A cell that checks an answer reads

    with check("Exercise 1"):
        close(double([1, 2]), [2, 4], "double([1, 2])", mistakes={"it squares": [1, 4]})

It prints a line if all is right. Otherwise it raises `CheckFailed`, which IPython, Colab and
Jupyter show as its message alone, while nbgrader, nbval and a site build still see a failure.
Nothing goes to stderr, for which nbgrader would take the points away.

Checks compare values; they don't grade style, and they don't guard against an answer that is
written to deceive them.
"""

import sys
import sysconfig
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_OURS = str(Path(__file__).parents[1])
_LIBRARIES = tuple(sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib"))


class CheckFailed(AssertionError):
    """An answer is wrong; the message is one sentence that says how."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints in place of the stack of frames."""
        return [f"\x1b[31m✗ {self}\x1b[0m"]


@contextmanager
def check(name: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a `CheckFailed` that begins with the exercise's name.

    An answer that is not written yet, an `assert` with a message and an exception of the answer's
    own code (told with the line that raised it) are all put into a sentence. Warnings are silenced
    and stderr goes to stdout.
    """
    try:
        with warnings.catch_warnings(), redirect_stderr(sys.stdout):
            warnings.simplefilter("ignore")
            yield
    except (Exception, SystemExit) as error:
        raise CheckFailed(f"{name}: {_sentence(error)}") from None
    print(f"✓ {name}: correct")


def close(
    got: Any,
    want: Any,
    what: str,
    *,
    tolerance: float = 1e-5,
    mistakes: Mapping[str, Any] | None = None,
) -> None:
    """Raise CheckFailed unless got has the shape of want and, to the tolerance, its values.

    got, want: anything that torch.as_tensor takes: tensors, arrays, numbers, lists of numbers.
    what: how the message calls it, such as "caption_ranks(grid)".
    mistakes: what a typical mistake leads to, by the sentence that says what to look at. Where got
    is one of these values, that sentence ends the message.
    """
    if got is None:
        raise CheckFailed(f"{what} is None; does the function end in `return`?")
    want = torch.as_tensor(want).detach().double()
    got = _numbers(got, what)
    if _agree(got, want, tolerance):
        return
    for hint, value in (mistakes or {}).items():
        if _agree(got, torch.as_tensor(value).double(), tolerance):
            raise CheckFailed(f"{what} is {_shown(got)}, expected {_shown(want)}: {hint}")
    if got.shape != want.shape:
        raise CheckFailed(f"{what} has shape {tuple(got.shape)}, expected {tuple(want.shape)}")
    if want.numel() <= 8:
        raise CheckFailed(f"{what} is {_shown(got)}, expected {_shown(want)}")
    wrong = ~torch.isclose(got, want, rtol=0, atol=tolerance)
    first = tuple(wrong.nonzero()[0].tolist())
    raise CheckFailed(
        f"{what} is wrong in {int(wrong.sum())} of {want.numel()} places; the first is "
        f"{list(first)}: {_shown(got[first])}, expected {_shown(want[first])}"
    )


def _numbers(got: Any, what: str) -> Tensor:
    try:
        if isinstance(got, list | tuple):  # of numbers or of tensors alike
            got = [one.tolist() if hasattr(one, "tolist") else one for one in got]
        return torch.as_tensor(got).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        raise CheckFailed(
            f"{what} is of type {type(got).__name__}, which does not hold numbers in rows of equal "
            "length; return a tensor"
        ) from None


def _agree(got: Tensor, want: Tensor, tolerance: float) -> bool:
    return got.shape == want.shape and torch.allclose(got, want, rtol=0, atol=tolerance)


def _shown(values: Tensor) -> str:
    """Numbers as one writes them: 2 rather than 2.0, four digits at most."""

    def text(value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join(map(text, value))}]"
        return f"{value:.4g}"

    return text(values.tolist())


def _sentence(error: BaseException) -> str:
    if isinstance(error, NotImplementedError):
        return (
            "not written yet; put your code in place of `raise NotImplementedError()`, run that "
            "cell, then this one"
        )
    if isinstance(error, AssertionError):
        return str(error) or "a condition is not met"
    place = _place(error)
    if isinstance(error, NameError) and not place:
        return f"{error}; run the cell of the exercise first"
    what = str(error).partition("\n")[0]
    return f"your code raised {type(error).__name__}{place}: {what}"


def _place(error: BaseException) -> str:
    """Function and line of the answer that raised the error; empty if it was the check itself."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((_OURS, *_LIBRARIES))
    ]
    if not frames or frames[-1].name == "<module>":
        return ""
    last = frames[-1]
    return f" in {last.name}, line {last.lineno}" + (f" (`{last.line}`)" if last.line else "")
