"""The mode of a model while somebody looks at what it can do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within it the model is in eval mode and no gradients are kept; in train mode, batch norm
    would see the batch and remember it.

    Afterwards every part is in the mode in which it was, also where an error has ended it.
    """
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training
