"""The training loop.

Source: Radford et al. 2021, figure 3 and §2.5. Built in: book/pairs/training.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from clipbook.image import normalise
from clipbook.pairs import CLIP, similarity
from clipbook.pairs.modes import evaluating
from clipbook.training import checkpoints, processes
from clipbook.training.config import TrainingConfig
from clipbook.training.data import Batch
from clipbook.training.history import History
from clipbook.training.identity import Batches, run_identity
from clipbook.training.objectives import Model, objective_of
from clipbook.training.optimisers import (
    best_device,
    learning_rate_factor,
    make_optimisers,
    set_learning_rate,
)
from clipbook.training.step import half_precision, train_step
from clipbook.validation import excerpt


def snapshot(model: CLIP, batch: Sequence[Tensor]) -> list[list[float]]:
    """The similarity matrix of a batch, rounded to four decimals, in eval mode."""
    pictures, token_ids, mask = (part.to(model.device) for part in batch[:3])
    with evaluating(model):
        images = model.encode_image(normalise(pictures, model.config.preprocessing))
        grid = similarity(images, model.encode_text(token_ids, mask))
    return [[round(cell, 4) for cell in row] for row in grid.float().cpu().tolist()]


def train(
    model: Model,
    batches: Batches,
    config: TrainingConfig,
    *,
    example: Batch | None = None,
    folder: str | Path | None = None,
    evaluate: Callable[[Any], Mapping[str, float]] | None = None,
    evaluate_at: Collection[int] = (),
    keep_at: Collection[int] = (),
    device: torch.device | str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> History:
    """Train the model in place, on batches[0] to batches[steps - 1], and leave it in eval mode.

    model: a CLIP learns which pictures and texts belong together, a `clipbook.language.PaliGemma`
    to answer; weights that require no gradient stay as they are.
    batches: pictures (uint8), token ids and mask; and, where a text may be true of other pictures
    too, a fourth part that says of which, see `clipbook.pairs.info_nce`. For a PaliGemma, pictures
    and what `clipbook.language.AnswerTokenizer.batch` returns. Those with a method `identity` say
    by it what they are, in values that JSON can hold; a list is known by all its batches, and
    anything else by its first one.
    example: a batch whose similarity matrix is kept at config.snapshot_steps.
    folder: where checkpoints are kept; a run that finds one there goes on from it, and on a CPU
    ends in the same weights, bit for bit, as one that never stopped. Raises ValueError, and leaves
    the folder as it is, if that is not this very run: the same model with the same first weights,
    config, batches, example and optimisers.
    evaluate: measures the model, in eval mode, after the steps in evaluate_at (0: untrained); the
    history keeps what it returns. It must draw from random streams of its own.
    keep_at: steps after which the weights are kept in the folder for good, as
    weights-<step>.safetensors, which `clipbook.pairs.load_model` reads
    (`clipbook.language.load_paligemma`, of a PaliGemma).
    Where torchrun has started several processes, each takes its share of every batch (or has made
    no more of it, as `clipbook.training.ShardBatches` do); losses,
    gradients and weights are those of the whole, and the first process writes what is kept. Such a
    run goes on with as many processes only.
    workers: processes that make batches ahead; one by default where there is a second core.
    device: the GPU by default where there is one.
    Raises ValueError for batches that don't fit the model, the sigmoid loss of a model without a
    bias, what several processes can't share (`clipbook.training.processes`), keep_at without a
    folder and evaluate_at without something to evaluate, and FloatingPointError where a step would
    leave no numbers in the weights.
    """
    if keep_at and folder is None:
        raise ValueError(f"keep_at={excerpt(keep_at)}, but no folder to keep weights in; give one")
    if evaluate_at and evaluate is None:
        raise ValueError(
            f"evaluate_at={excerpt(evaluate_at)}, but nothing to evaluate; try evaluate="
        )
    device = torch.device(best_device() if device is None else device)
    if example is not None and not isinstance(model, CLIP):
        raise ValueError("example= gives a similarity matrix, which a CLIP alone has; leave it out")
    model.to(device)
    objective, speaks = objective_of(model, config), processes.number() == 0
    optimisers = make_optimisers(model, config)
    half = half_precision(device, config.precision)
    scaler = torch.amp.GradScaler(device.type, enabled=half == torch.float16)
    looked_at = None if example is None else objective.prepare(model, example)
    history, start = History(), 0
    target = None if folder is None else Path(folder)
    if target:
        identity = run_identity(
            model, config, batches, optimisers, example=looked_at,
            precision=half or torch.float32, to_json=objective.to_json,
            processes=processes.count(),
        )  # fmt: skip
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
        if looked_at is not None and due and isinstance(model, CLIP):
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
        if target and speaks and step in keep_at:
            target.mkdir(parents=True, exist_ok=True)
            objective.save(model, target / f"weights-{step:08d}.safetensors")

    model.train()
    look(start)
    bar = tqdm(
        loader, total=config.steps, initial=start, disable=not (progress and speaks), unit="step"
    )
    for step, batch in enumerate(bar, start):
        factor = learning_rate_factor(step, config.warmup_steps, config.steps)
        set_learning_rate(optimisers, factor)
        own = objective.prepare(model, batch)
        if not getattr(batches, "shared", False):
            own = processes.share(own)
        parts = [part.to(device, non_blocking=True) for part in own]
        loss, scale, norm = train_step(model, optimisers, scaler, parts, config, half, objective)
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
            if speaks:
                checkpoints.save(target, steps_done, identity, history, model, optimisers, scaler)
            processes.wait_for_all()
    model.eval()
    return history
