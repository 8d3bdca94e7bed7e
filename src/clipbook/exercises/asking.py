"""How a check calls an answer: on copies, and without what the task forbids."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from clipbook.exercises.checks import CheckFailed


def ask(function: Any, *arguments: Any, **named: Any) -> Any:
    """What the function returns for copies of the arguments.

    Raises CheckFailed if it changes one of them: tensors, arrays, lists, dictionaries, pictures and
    modules (their weights, buffers and mode). A task that allows that calls the function itself.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if not callable(function):
        raise CheckFailed(f"{function!r} is no function; run the cell that defines it")
    given, given_named = [_copy(one) for one in arguments], {k: _copy(v) for k, v in named.items()}
    result = function(*given, **given_named)
    changed = [k for k, one in enumerate(arguments) if not _equal(one, given[k])]
    places = [_parameter(function, k) for k in changed]
    places += [f"`{k}`" for k, one in named.items() if not _equal(one, given_named[k])]
    if places:
        raise CheckFailed(f"{name} changes {places[0]}, which it is given; work on a copy")
    return result


@contextmanager
def without(*functions: Callable) -> Iterator[None]:
    """Refuse an answer that calls one of these functions of torch, by whatever module's name.

    For tasks that forbid them: `without(functional.conv2d, torch.Tensor.backward)`.
    """
    with _Refusing(functions):
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
        if any(function is one for one in self.refused):
            raise CheckFailed(f"the task asks for it without `{function.__name__}`; yours calls it")
        return function(*arguments, **(named or {}))


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor) and not value.is_leaf:  # which deepcopy refuses
        return value.detach().clone().requires_grad_()
    try:
        return copy.deepcopy(value)
    except Exception:  # a generator, a file: there is no copy to compare
        return value


def _equal(one: Any, other: Any) -> bool:
    """Whether a value is still what its copy was made from; other kinds than these count as so."""
    if isinstance(one, Tensor):
        same_kind = one.shape == other.shape and one.dtype == other.dtype
        return same_kind and torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, Image.Image):
        return one.size == other.size and one.tobytes() == other.tobytes()
    if isinstance(one, nn.Module):
        modes = [[module.training for module in root.modules()] for root in (one, other)]
        return modes[0] == modes[1] and _equal(dict(one.state_dict()), dict(other.state_dict()))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, str | bytes | int | float | set | None):
        return one == other or one != one
    return True


def _parameter(function: Callable, k: int) -> str:
    try:
        return f"`{list(inspect.signature(function).parameters)[k]}`"
    except (ValueError, TypeError, IndexError):
        return f"argument {k + 1}"
