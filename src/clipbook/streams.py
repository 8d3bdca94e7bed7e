"""Random streams with a name, so that no two purposes ever share a draw.

NumPy pads a seed with zeros: `default_rng(0)`, `default_rng((0, 0))` and `default_rng((0, 0, 0))`
are one stream, and a "fresh" test set drawn from one of them may hold what a model was trained on.
Here a stream's seed is a digest of its purpose, seed and index, and the purpose says what the draws
are for: "training", "evaluation", or a chapter's name and what it draws.
"""

from hashlib import sha256
from operator import index as as_integer

import numpy as np
import torch

__all__ = ["stream", "torch_stream"]


def stream(purpose: str, seed: int = 0, index: int = 0) -> np.random.Generator:
    """The random numbers of one purpose, for one seed and one index, from their beginning.

    purpose: what is drawn for; two that differ in one letter share nothing. seed: of the run or
    trial. index: which part of it, such as the number of a batch. Both may be any integer from 0.
    Raises ValueError for an empty purpose or a negative number, TypeError for what is no integer.
    """
    return np.random.default_rng(_seed(purpose, seed, index))


def torch_stream(purpose: str, seed: int = 0, index: int = 0) -> torch.Generator:
    """The same for PyTorch, on the CPU; its `initial_seed()` is what `torch.manual_seed` takes."""
    return torch.Generator().manual_seed(_seed(purpose, seed, index) % 2**63)


def _seed(purpose: str, seed: int, index: int) -> int:
    if not isinstance(purpose, str) or not purpose:
        raise ValueError(f"purpose={purpose!r}; name what is drawn for, such as 'training'")
    numbers = {"seed": as_integer(seed), "index": as_integer(index)}
    for name, value in numbers.items():
        if value < 0:
            raise ValueError(f"{name}={value} is negative; count from 0")
    key = repr((purpose, *numbers.values()))  # repr quotes the purpose: no two triples look alike
    return int.from_bytes(sha256(key.encode("utf-8", "surrogatepass")).digest(), "big")
