"""The training loop.

Source: Radford et al. 2021, figure 3 and §2.5. Built in: book/pairs/training.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from math import isfinite
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from clipbook.image import normalise
from clipbook.pairs import CLIP, save_model, similarity
from clipbook.pairs.modes import evaluating
from clipbook.text.encoder import check_texts, without_padding
from clipbook.training import checkpoints
from clipbook.training.config import LOSSES, TrainingConfig
from clipbook.training.data import Batch
from clipbook.training.history import History
from clipbook.training.identity import Batches, run_identity
from clipbook.training.optimisers import (
    best_device,
    learning_rate_factor,
    make_optimisers,
    set_learning_rate,
)
from clipbook.validation import excerpt


def half_precision(device: torch.device, precision: str) -> torch.dtype | None:
    """The 16-bit type that the device computes in quickly, or None for float32 throughout.

    bfloat16 from NVIDIA's Ampere on; float16 before, such as on a T4, which only emulates
    bfloat16.
    """
    if precision == "float32" or device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def snapshot(model: CLIP, batch: Sequence[Tensor]) -> list[list[float]]:
    """The similarity matrix of a batch, rounded to four decimals, in eval mode."""
    pictures, token_ids, mask = (part.to(model.device) for part in batch[:3])
    with evaluating(model):
        images = model.encode_image(normalise(pictures, model.config.preprocessing))
        grid = similarity(images, model.encode_text(token_ids, mask))
    return [[round(cell, 4) for cell in row] for row in grid.float().cpu().tolist()]


def train(
    model: CLIP,
    batches: Batches,
    config: TrainingConfig,
    *,
    example: Batch | None = None,
    folder: str | Path | None = None,
    evaluate: Callable[[CLIP], Mapping[str, float]] | None = None,
    evaluate_at: Collection[int] = (),
    keep_at: Collection[int] = (),
    device: torch.device | str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> History:
    """Train the model in place, on batches[0] to batches[steps - 1], and leave it in eval mode.

    batches: pictures (uint8), token ids and mask; and, where a text may be true of other pictures
    too, a fourth part that says of which, see `clipbook.pairs.info_nce`. Those with a method
    `identity` say by it what they are, in values that JSON can hold; a list is known by all its
    batches, and anything else by its first one.
    example: a batch whose similarity matrix is kept at config.snapshot_steps.
    folder: where checkpoints are kept; a run that finds one there goes on from it, and on a CPU
    ends in the same weights, bit for bit, as one that never stopped. Raises ValueError, and leaves
    the folder as it is, if that is not this very run: the same model with the same first weights,
    config, batches, example and optimisers.
    evaluate: measures the model, in eval mode, after the steps in evaluate_at (0: untrained); the
    history keeps what it returns. It must draw from random streams of its own.
    keep_at: steps after which the weights are kept in the folder for good, as
    weights-<step>.safetensors, which `clipbook.pairs.load_model` reads.
    workers: processes that make batches ahead; one by default where there is a second core.
    device: the GPU by default where there is one.
    Raises ValueError for batches that don't fit the model, the sigmoid loss of a model without a
    bias, keep_at without a folder and evaluate_at without something to evaluate, and
    FloatingPointError where a step would leave no numbers in the weights.
    """
    if config.loss == "sigmoid" and model.bias is None:
        raise ValueError(
            "loss='sigmoid', but the model has no bias, without which every cell begins at a half; "
            "try CLIPConfig(..., initial_temperature=0.1, initial_bias=-10.0)"
        )
    if keep_at and folder is None:
        raise ValueError(f"keep_at={excerpt(keep_at)}, but no folder to keep weights in; give one")
    if evaluate_at and evaluate is None:
        raise ValueError(
            f"evaluate_at={excerpt(evaluate_at)}, but nothing to evaluate; try evaluate="
        )
    device = torch.device(best_device() if device is None else device)
    model.to(device)
    optimisers = make_optimisers(model, config)
    half = half_precision(device, config.precision)
    scaler = torch.amp.GradScaler(device.type, enabled=half == torch.float16)
    looked_at = None if example is None else prepare(model, example)
    history, start = History(), 0
    target = None if folder is None else Path(folder)
    if target:
        identity = run_identity(
            model, config, batches, optimisers, example=looked_at, precision=half or torch.float32
        )
        if checkpoint := checkpoints.latest(target):
            checkpoints.restore(checkpoint, identity, model, optimisers, scaler)
            history, start = checkpoint.history, checkpoint.step

    if workers is None:
        workers = int((os.cpu_count() or 1) > 1)
    loader = DataLoader(
        cast(Dataset, batches), batch_size=None, sampler=range(start, config.steps),
        num_workers=workers, generator=torch.Generator(), prefetch_factor=4 if workers else None,
    )  # fmt: skip

    def take_snapshot(step: int) -> None:
        due = step in config.snapshot_steps and step not in history.snapshot_steps
        if looked_at is not None and due:
            history.snapshot_steps.append(step)
            history.snapshots.append(snapshot(model, looked_at))

    def look(step: int) -> None:
        """Whatever is due after that step, once."""
        take_snapshot(step)
        if evaluate and step in evaluate_at and step not in history.evaluation_steps:
            with evaluating(model):
                measured = evaluate(model)
            history.evaluations.append({name: float(value) for name, value in measured.items()})
            history.evaluation_steps.append(step)
        if target and step in keep_at:
            target.mkdir(parents=True, exist_ok=True)
            save_model(model, target / f"weights-{step:08d}.safetensors")

    model.train()
    look(start)
    bar = tqdm(loader, total=config.steps, initial=start, disable=not progress, unit="step")
    for step, batch in enumerate(bar, start):
        factor = learning_rate_factor(step, config.warmup_steps, config.steps)
        set_learning_rate(optimisers, factor)
        parts = [part.to(device, non_blocking=True) for part in prepare(model, batch)]
        loss, scale, norm = train_step(model, optimisers, scaler, parts, config, half)
        if not isfinite(loss + norm) and scaler.get_scale() <= 1:  # 1 without a scaler
            raise FloatingPointError(
                f"step {step}: the loss is {loss} and its gradient's norm {norm}, so the weights "
                f"stay as they were; look at batches[{step}], or try a learning_rate below "
                f"{config.learning_rate}, and begin again"
            )
        history.loss.append(loss)
        history.scale.append(scale)
        history.learning_rate.append(config.learning_rate * factor)
        steps_done = step + 1
        look(steps_done)
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        if target and (steps_done % config.checkpoint_every == 0 or steps_done == config.steps):
            checkpoints.save(target, steps_done, identity, history, model, optimisers, scaler)
    model.eval()
    return history


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
) -> list[float]:
    """One step; the loss, the scale and the length of the gradient, each as before the step.

    Where one of them is no finite number, no optimiser steps, so that all weights are of the same
    step. The scaler would leave out only those optimisers whose own gradients are not finite.
    """
    pictures, token_ids, mask, *true = batch
    pixels = normalise(pictures, model.config.preprocessing)
    loss = contrastive_step(model, pixels, token_ids, mask, half, *true, loss=config.loss)
    scaler.scale(loss).backward()
    for optimiser in optimisers:
        scaler.unscale_(optimiser)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
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
) -> Tensor:
    """The loss of one batch: encoders in half precision where asked, the matrix in float32.

    true: which texts are true of which picture, see `clipbook.pairs.info_nce`. loss: as in
    `clipbook.training.TrainingConfig`.
    """
    with torch.autocast(pixels.device.type, half) if half else nullcontext():
        images = model.image_encoder(pixels)
        texts = model.text_encoder(token_ids, mask)
    images, texts = (
        torch.nn.functional.normalize(rows.float(), dim=-1) for rows in (images, texts)
    )
    # `model.logits` would look at the lengths again
    return LOSSES[loss](model.scaled(images @ texts.T), true)
