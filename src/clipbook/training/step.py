"""One step of training: a batch, its loss, a gradient for every weight, and where they move.

Source: Radford et al. 2021, figure 3. Built in: book/pairs/training.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from math import isfinite

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from clipbook.image import normalise
from clipbook.pairs import CLIP
from clipbook.text.encoder import check_texts, without_padding
from clipbook.training import processes
from clipbook.training.config import LOSSES, TrainingConfig


def half_precision(device: torch.device, precision: str) -> torch.dtype | None:
    """The 16-bit type that the device computes in quickly, or None for float32 throughout.

    bfloat16 from NVIDIA's Ampere on; float16 before, such as on a T4, which only emulates
    bfloat16.
    """
    if precision == "float32" or device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def prepare(model: CLIP, batch: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """A batch as it goes to the device: checked, and without columns of nothing but padding.

    A fourth part, which texts are true of which picture, goes along as it is. All is done here,
    once and on the CPU, since a GPU would have to be waited for.
    """
    pictures, token_ids, mask, *true = batch
    size = model.config.image.image_size
    if pictures.shape[1:] != (size, size, 3):
        raise ValueError(
            f"a batch holds pictures of shape {tuple(pictures.shape)}, the model takes (batch, "
            f"{size}, {size}, 3); make the batches with image_size={size}"
        )
    check_texts(token_ids, mask, model.config.text)
    if model.config.text.reads_padding:
        return pictures, token_ids, mask, *true
    return pictures, *without_padding(token_ids, mask), *true


def train_step(
    model: CLIP,
    optimisers: list[Optimizer],
    scaler: torch.amp.GradScaler,
    batch: Sequence[Tensor],
    config: TrainingConfig,
    half: torch.dtype | None,
    towers: nn.Module | None = None,
) -> list[float]:
    """One step; the loss, the scale and the length of the gradient, each as before the step.

    towers: see `contrastive_step`. The loss is that of the whole batch, also where several
    processes share it.

    Where one of them is no finite number, no optimiser steps, so that all weights are of the same
    step. The scaler would leave out only those optimisers whose own gradients are not finite.
    """
    pictures, token_ids, mask, *true = batch
    pixels = normalise(pictures, model.config.preprocessing)
    loss = contrastive_step(
        model, pixels, token_ids, mask, half, *true, loss=config.loss, towers=towers
    )
    scaler.scale(loss).backward()
    for optimiser in optimisers:
        scaler.unscale_(optimiser)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    loss = processes.mean_of_all(loss)
    values = torch.stack([loss.detach(), model.scale.detach(), norm]).tolist()  # a GPU's one wait
    if all(map(isfinite, values)):
        for optimiser in optimisers:
            optimiser.step()
    scaler.update()
    model.zero_grad()
    model.clamp_scale()
    return values


def contrastive_step(
    model: CLIP,
    pixels: Tensor,
    token_ids: Tensor,
    mask: Tensor,
    half: torch.dtype | None,
    true: Tensor | None = None,
    *,
    loss: str = "infonce",
    towers: nn.Module | None = None,
) -> Tensor:
    """The loss of one batch: encoders in half precision where asked, the matrix in float32.

    true: which texts are true of which picture, see `clipbook.pairs.info_nce`. loss: as in
    `clipbook.training.TrainingConfig`. towers: what `processes.spread` made of the model; where
    several processes share the batch, this is the loss of one's own rows, to be averaged.
    """
    towers = processes.Towers(model) if towers is None else towers
    with torch.autocast(pixels.device.type, half) if half else nullcontext():
        images, texts, scale, bias = towers(pixels, token_ids, mask)
    images, texts = (
        torch.nn.functional.normalize(rows.float(), dim=-1) for rows in (images, texts)
    )
    if processes.count() > 1:
        return processes.SHARED_LOSSES[loss](images, texts, scale, bias)
    # `model.logits` would look at the lengths again
    return LOSSES[loss](model.scaled(images @ texts.T), true)
