"""What a number or a choice must be, said in one way: the value, the rule and what to try.

Configs check their fields here, and functions their arguments. Python's and NumPy's numbers are
both fine; what comes back is Python's own, so that it can be written as JSON and compared.
"""

import reprlib
from collections.abc import Callable, Collection
from contextlib import suppress
from math import inf, nan
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

LARGEST_SIZE = 2**20
"""No width, depth, vocabulary, picture or batch here is larger: a slip, or a damaged file."""

LARGEST_SIDE = 4096
"""No picture that is drawn here has more pixels along its side."""

LARGEST_SEED = 10**18


def whole_number(
    name: str, value: object, example: object, *, least: int = 1, most: int | float = LARGEST_SIZE
) -> int:
    """The value as an int. Raises ValueError for what is no whole number from least to most."""
    if (
        isinstance(value, Integral)
        and not isinstance(value, bool)
        and least <= int(value) <= most  # inf for no upper end
    ):
        return int(value)
    upper = f" to {most:,}" if most < inf else " on"
    raise ValueError(
        f"{name}={excerpt(value)} is not a whole number from {least:,}{upper}; try {example}"
    )


def between(
    name: str, value: object, example: object, *, least: int | float = 0, most: int | float = inf
) -> float:
    """The value as a float. Raises ValueError for what is no finite number from least to most."""
    number = _as_float(value)
    if least <= number <= most and number < inf:
        return number
    upper = f" to {most:g}" if most < inf else " on"
    raise ValueError(
        f"{name}={excerpt(value)} is not a finite number from {least:g}{upper}; try {example}"
    )


def above_zero(name: str, value: object, example: object) -> float:
    """The value as a float. Raises ValueError for what is no finite number above 0."""
    number = _as_float(value)
    if 0 < number < inf:
        return number
    raise ValueError(f"{name}={excerpt(value)} is not a finite number above 0; try {example}")


def true_or_false(name: str, value: object, example: object) -> bool:
    """The value itself. Raises ValueError for what is neither True nor False."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"{name}={excerpt(value)} is neither True nor False; try {example}")


def one_of(name: str, value: Any, choices: Collection[Any]) -> None:
    """Raises ValueError for what is none of the known values, which are of one type."""
    if not (isinstance(value, type(next(iter(choices)))) and value in choices):
        raise ValueError(f"{name}={excerpt(value)}; try {' or '.join(map(str, choices))}")


def check_fields(
    config: object, check: Callable[..., object], *names: str, **limits: int | float
) -> None:
    """Pass fields of a frozen dataclass through a check above, and keep the values it returns.

    What an error advises is the field's default.
    """
    for name in names:
        default = getattr(type(config), name, None)  # where a dataclass keeps it
        object.__setattr__(config, name, check(name, getattr(config, name), default, **limits))


def check_axes(name: str, values: Any, axes: str, remedy: str = "") -> None:
    """Raises ValueError for what is no tensor of the axes named, such as "batch tokens".

    Its shape alone is looked at, which a GPU tells without being waited for.
    """
    if not isinstance(values, Tensor):
        raise ValueError(
            f"{name}={excerpt(values)} is of type {type(values).__name__}, and a tensor is needed; "
            f"try torch.as_tensor({name})"
        )
    names, shape = axes.split(), tuple(values.shape)
    if len(shape) == len(names):
        return
    one = f"try {name}[None]" if len(shape) == len(names) - 1 else "give it these axes"
    raise ValueError(
        f"{name} of shape {shape} where ({', '.join(names)}) is needed; {remedy or one}"
    )


def check_fractions(name: str, values: Tensor) -> None:
    """Raises ValueError for whole numbers and for true or false, where fractions are computed."""
    if not values.is_floating_point():
        raise ValueError(
            f"{name} holds {str(values.dtype).removeprefix('torch.')}, and numbers with fractions "
            f"are needed; try {name}.float()"
        )


def check_generator(generator: object) -> None:
    """Raises TypeError for anything but a NumPy generator, such as a seed or a torch.Generator."""
    if not isinstance(generator, np.random.Generator):
        kind = type(generator)
        raise TypeError(
            f"generator={excerpt(generator)} is a {kind.__module__}.{kind.__qualname__}; what is "
            "drawn here comes from a NumPy generator, numpy.random.Generator: try "
            "clipbook.streams.stream('my draws', seed=0) or numpy.random.default_rng(0)"
        )


def check_folder(name: str, folder: Path) -> None:
    """Raises ValueError where a file stands in the way of making the folder."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if there and not there.is_dir():
        raise ValueError(f"{name}={str(folder)!r}: {there} is a file; give another folder")


def excerpt(value: object) -> str:
    """The value as in code, cut where it is long."""
    with suppress(ValueError):  # Python writes out no number of more than 4,300 digits
        return reprlib.repr(value)
    return f"<{type(value).__name__} of very many digits>"


def _as_float(value: object) -> float:
    """nan, which lies in no range, for what is no number."""
    if isinstance(value, Real) and not isinstance(value, bool):
        with suppress(OverflowError):
            return float(value)
    return nan
