"""The training loop.

Source: Radford et al. 2021, figure 3 and §2.5. Built in: book/pairs/training.
"""

import os
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from clipbook.image import normalise
from clipbook.pairs import CLIP, info_nce, similarity
from clipbook.training import checkpoints
from clipbook.training.config import TrainingConfig
from clipbook.training.data import Batch
from clipbook.training.history import History
from clipbook.training.optimisers import (
    best_device,
    learning_rate_factor,
    make_optimisers,
    set_learning_rate,
)


def half_precision(device: torch.device, precision: str) -> torch.dtype | None:
    """The 16-bit type that the device computes in quickly, or None for float32 throughout.

    bfloat16 from NVIDIA's Ampere on; float16 before, such as on a T4, which only emulates
    bfloat16.
    """
    if precision == "float32" or device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


@torch.no_grad()
def snapshot(model: CLIP, batch: Batch, device: torch.device) -> list[list[float]]:
    """The similarity matrix of a batch, rounded to four decimals, in eval mode."""
    was_training = model.training
    model.eval()
    pictures, token_ids, mask = (part.to(device) for part in batch)
    grid = similarity(model.encode_image(normalise(pictures)), model.encode_text(token_ids, mask))
    model.train(was_training)
    return [[round(cell, 4) for cell in row] for row in grid.float().cpu().tolist()]


def train(
    model: CLIP,
    batches: Dataset,
    config: TrainingConfig,
    *,
    example: Batch | None = None,
    folder: str | Path | None = None,
    device: torch.device | str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> History:
    """Train the model in place, on batches[0] to batches[steps - 1], and leave it in eval mode.

    example: a batch whose similarity matrix is kept at config.snapshot_steps.
    folder: where checkpoints are kept; a run that finds one there goes on from it, and on a CPU
    ends in the same weights, bit for bit, as one that never stopped. Raises ValueError if that one
    had another config.
    workers: processes that make batches ahead; one by default where there is a second core.
    device: the GPU by default where there is one.
    """
    device = torch.device(device or best_device())
    model.to(device).train()
    optimisers = make_optimisers(model, config)
    history, start = History(), 0
    found = checkpoints.latest(Path(folder)) if folder else None
    if found:
        checkpoints.restore(found, model, optimisers, config)
        history, start = found.history, found.step

    half = half_precision(device, config.precision)
    scaler = torch.amp.GradScaler(device.type, enabled=half == torch.float16)
    if workers is None:
        workers = int((os.cpu_count() or 1) > 1)
    loader = DataLoader(
        batches, batch_size=None, sampler=range(start, config.steps), num_workers=workers,
        generator=torch.Generator(), prefetch_factor=4 if workers else None,
    )  # fmt: skip

    def take_snapshot(step: int) -> None:
        if example and step in config.snapshot_steps and step not in history.snapshot_steps:
            history.snapshot_steps.append(step)
            history.snapshots.append(snapshot(model, example, device))

    take_snapshot(start)
    bar = tqdm(loader, total=config.steps, initial=start, disable=not progress, unit="step")
    for step, batch in enumerate(bar, start):
        factor = learning_rate_factor(step, config.warmup_steps, config.steps)
        set_learning_rate(optimisers, factor)
        history.scale.append(model.scale.item())
        pictures, token_ids, mask = (part.to(device, non_blocking=True) for part in batch)

        loss = contrastive_step(model, normalise(pictures), token_ids, mask, half)
        scaler.scale(loss).backward()
        for optimiser in optimisers:
            scaler.unscale_(optimiser)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        for optimiser in optimisers:
            scaler.step(optimiser)
        scaler.update()
        model.zero_grad()
        model.clamp_scale()

        history.loss.append(loss.item())
        history.learning_rate.append(config.learning_rate * factor)
        done = step + 1
        take_snapshot(done)
        if step % 20 == 0:
            bar.set_postfix(loss=f"{history.loss[-1]:.3f}", refresh=False)
        if folder and (done % config.checkpoint_every == 0 or done == config.steps):
            checkpoints.save(Path(folder), done, model, optimisers, config, history)
    model.eval()
    return history


def contrastive_step(
    model: CLIP, pixels: Tensor, token_ids: Tensor, mask: Tensor, half: torch.dtype | None
) -> Tensor:
    """The loss of one batch: encoders in half precision where asked, the matrix in float32."""
    with torch.autocast(pixels.device.type, half) if half else nullcontext():
        images = model.image_encoder(pixels)
        texts = model.text_encoder(token_ids, mask)
    images, texts = (
        torch.nn.functional.normalize(rows.float(), dim=-1) for rows in (images, texts)
    )
    return info_nce(model.logits(images, texts))
