"""How a check calls an answer: on copies, and without what the task forbids."""

import copy
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch._ops import OpOverload, OpOverloadPacket
from torch.overrides import TorchFunctionMode

from clipbook.exercises.checks import CheckFailed

GRADIENTS = (Tensor.backward, torch.autograd.backward, torch.autograd.grad)


def ask(function: Any, *arguments: Any, **named: Any) -> Any:
    """What the function returns for copies of the arguments.

    Raises CheckFailed if it changes one of them: tensors, arrays, lists, dictionaries, pictures and
    modules (their weights, buffers and mode). A task that allows that calls the function itself.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if not callable(function):
        raise CheckFailed(f"{function!r} is no function; run the cell that defines it")
    copies = [_copy(argument) for argument in arguments]
    named_copies = {k: _copy(argument) for k, argument in named.items()}
    result = function(*copies, **named_copies)
    changed = [k for k, argument in enumerate(arguments) if not _equal(argument, copies[k])]
    places = [_parameter(function, k) for k in changed]
    places += [f"`{k}`" for k, argument in named.items() if not _equal(argument, named_copies[k])]
    if places:
        raise CheckFailed(f"{name} changes {places[0]}, which it is given; work on a copy")
    return result


@contextmanager
def without(*functions: Callable) -> Iterator[None]:
    """Refuse an answer that calls one of these functions, by whatever module's name.

    For tasks that forbid functions of torch, `without(functional.conv2d, torch.Tensor.backward)`,
    or of this package, `without(next_token_loss)`. Refused as well are all of `torch.ops`, where
    the same functions have other names, and, with a function that takes gradients, forward-mode
    differentiation. It stops who reaches for the function, not who sets out to hide it, as by
    `torch._C`.
    """
    ours = [one for one in functions if str(one.__module__).startswith("clipbook.")]
    with _Refusing(functions), _refusing_ours(ours):
        yield


class _Refusing(TorchFunctionMode):
    def __init__(self, functions: tuple[Callable, ...]) -> None:
        super().__init__()
        self.refused = functions

    def __torch_function__(
        self,
        function: Callable,
        types: Any,
        arguments: tuple = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        if any(function is forbidden for forbidden in self.refused):
            raise CheckFailed(f"the task asks for it without `{function.__name__}`; yours calls it")
        if isinstance(function, OpOverload | OpOverloadPacket):
            raise CheckFailed(
                f"the task asks for it without some functions, so not by `torch.ops.{function}`; "
                "call torch's functions by their usual names"
            )
        if getattr(function, "__name__", "") == "_make_dual" and set(GRADIENTS) & set(self.refused):
            raise CheckFailed("the task asks for it without torch's derivatives; yours calls them")
        return function(*arguments, **(named or {}))


@contextmanager
def _refusing_ours(functions: list[Callable]) -> Iterator[None]:
    """The same for functions that torch knows nothing of: Python tells when one is called."""
    names = {inspect.unwrap(one).__code__: one.__name__ for one in functions}

    def refuse(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in names:
            name = names[frame.f_code]
            raise CheckFailed(f"the task asks for it without `{name}`; yours calls it")

    before = sys.getprofile()
    if names:
        sys.setprofile(refuse)
    try:
        yield
    finally:
        sys.setprofile(before)


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor) and not value.is_leaf:  # which deepcopy refuses
        return value.detach().clone().requires_grad_()
    try:
        return copy.deepcopy(value)
    except Exception:  # a generator, a file: there is no copy to compare
        return value


def _equal(before: Any, after: Any) -> bool:
    """Whether a value is still what its copy was made from; other kinds than these count as so."""
    if isinstance(before, Tensor):
        same_kind = before.shape == after.shape and before.dtype == after.dtype
        return same_kind and torch.allclose(before, after, rtol=0, atol=0, equal_nan=True)
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and before.tobytes() == after.tobytes()
    if isinstance(before, Image.Image):
        return before.size == after.size and before.tobytes() == after.tobytes()
    if isinstance(before, nn.Module):
        modes = [[module.training for module in root.modules()] for root in (before, after)]
        return modes[0] == modes[1] and _equal(dict(before.state_dict()), dict(after.state_dict()))
    if isinstance(before, Mapping):
        return list(before) == list(after) and all(
            _equal(before[key], after[key]) for key in before
        )
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_equal, before, after))
    if isinstance(before, str | bytes | int | float | set | None):
        return before == after or before != before
    return True


def _parameter(function: Callable, k: int) -> str:
    try:
        return f"`{list(inspect.signature(function).parameters)[k]}`"
    except (ValueError, TypeError, IndexError):
        return f"argument {k + 1}"
