"""One step of training: a batch, its loss, a gradient for every weight, and where they move.

Source: Radford et al. 2021, figure 3. Built in: book/pairs/training.
"""

from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor
from torch.optim import Optimizer

from clipbook.image import normalise
from clipbook.pairs import CLIP
from clipbook.training import processes
from clipbook.training.caching import cached_backward
from clipbook.training.config import TrainingConfig
from clipbook.training.objectives import Model, Objective


def half_precision(device: torch.device, precision: str) -> torch.dtype | None:
    """The 16-bit type that the device computes in quickly, or None for float32 throughout.

    bfloat16 from NVIDIA's Ampere on; float16 before, such as on a T4, which only emulates
    bfloat16.
    """
    if precision == "float32" or device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def train_step(
    model: Model,
    optimisers: list[Optimizer],
    scaler: torch.amp.GradScaler,
    batch: Sequence[Tensor],
    config: TrainingConfig,
    half: torch.dtype | None,
    objective: Objective,
) -> list[float]:
    """One step; the loss, the scale and the length of the gradient, each as before the step.

    The loss is that of the whole batch, also where several processes share it.
    Where one of them is no finite number, no optimiser steps, so that all weights are of the same
    step. The scaler would leave out only those optimisers whose own gradients are not finite.
    """
    pictures, *rest = batch
    pixels = normalise(pictures, model.config.preprocessing)
    if config.micro_batch is None:
        loss = objective.cost(model, half, pixels, *rest)
        scaler.scale(loss).backward()
    else:
        assert isinstance(model, CLIP), "as objective_of has checked"
        token_ids, mask, *true = rest
        if true:
            raise ValueError(
                f"micro_batch={config.micro_batch}, and a batch that says which texts are true of "
                "which picture, which gradient caching does not take; leave out one of the two"
            )
        loss = cached_backward(model, pixels, token_ids, mask, config.micro_batch, config.loss)
    for optimiser in optimisers:
        scaler.unscale_(optimiser)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    loss = processes.mean_of_all(loss)
    scale = model.scale if isinstance(model, CLIP) else torch.ones_like(loss)
    values = torch.stack([loss.detach(), scale.detach(), norm]).tolist()  # a GPU's one wait
    if all(map(isfinite, values)):
        for optimiser in optimisers:
            optimiser.step()
    scaler.update()
    model.zero_grad()
    if isinstance(model, CLIP):
        model.clamp_scale()
    return values
