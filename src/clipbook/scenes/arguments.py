"""What the functions that draw at random are given: checked in one place."""

import reprlib
from operator import index

import numpy as np


def check_generator(generator: object) -> None:
    """Raises TypeError for anything but a NumPy generator, such as a seed or a torch.Generator."""
    if not isinstance(generator, np.random.Generator):
        kind = type(generator)
        raise TypeError(
            f"generator={reprlib.repr(generator)} is a {kind.__module__}.{kind.__qualname__}; "
            "scenes are drawn from a NumPy generator, numpy.random.Generator: try "
            "clipbook.streams.stream('my scenes', seed=0) or numpy.random.default_rng(0)"
        )


def check_count(n: object) -> None:
    """Raises TypeError for what is no whole number, ValueError for a negative one."""
    try:
        count = index(n)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"n={reprlib.repr(n)} is no whole number; try n=8") from None
    if count < 0:
        raise ValueError(f"n={count} is negative; try 0 or more")
