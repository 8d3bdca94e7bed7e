"""What the functions that draw at random are given: checked in one place."""

import numpy as np

from clipbook.validation import excerpt


def check_generator(generator: object) -> None:
    """Raises TypeError for anything but a NumPy generator, such as a seed or a torch.Generator."""
    if not isinstance(generator, np.random.Generator):
        kind = type(generator)
        raise TypeError(
            f"generator={excerpt(generator)} is a {kind.__module__}.{kind.__qualname__}; "
            "scenes are drawn from a NumPy generator, numpy.random.Generator: try "
            "clipbook.streams.stream('my scenes', seed=0) or numpy.random.default_rng(0)"
        )
