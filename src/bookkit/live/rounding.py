"""Weights of a shipped model in 8 bits: whole numbers, and a scale for each output.

A matrix or a convolution has its outputs first, and `name.scale`, of float16, one number for each
of them. What is small stays as it is: it weighs nothing, and a CNN's first convolutions, whose
norms divide by little, would move cosines by 0.05 instead of 0.01.
"""

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

LARGEST = 127
SMALL = 5_000
"""Numbers of a tensor that is not worth rounding."""


def rounded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 values and the float16 scales of their rows, (rows,); their product is what is meant."""
    rows = values.astype(np.float32).reshape(len(values), -1)
    scales = (np.abs(rows).max(axis=1) / LARGEST).astype(np.float16)
    divisors = np.where(scales == 0, 1, scales).astype(np.float32)
    whole = np.rint(rows / divisors[:, None]).clip(-LARGEST, LARGEST)
    return whole.astype(np.int8).reshape(values.shape), scales


def in_eight_bits(path: Path) -> bytes:
    """The same safetensors file with its matrices and convolutions rounded."""
    tensors: dict[str, np.ndarray] = {}
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
        for name in file.offset_keys():
            values = file.get_tensor(name)
            if values.ndim >= 2 and values.size > SMALL:
                tensors[name], tensors[f"{name}.scale"] = rounded(values)
            else:
                tensors[name] = values
    return save(tensors, metadata)
