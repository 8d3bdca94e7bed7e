"""The training loop.

Source: Radford et al. 2021, figure 3 and §2.5. Built in: book/pairs/training.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sized
from math import isfinite
from pathlib import Path
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm

from clipbook.pairs import CLIP
from clipbook.training import checkpoints, processes
from clipbook.training.caching import NORMS
from clipbook.training.config import TrainingConfig
from clipbook.training.data import Batch
from clipbook.training.history import History
from clipbook.training.identity import Batches, run_identity
from clipbook.training.milestones import Milestones
from clipbook.training.objectives import Model, objective_of
from clipbook.training.optimisers import (
    best_device,
    learning_rate_factor,
    make_optimisers,
    set_learning_rate,
    usable_device,
)
from clipbook.training.step import half_precision, train_step
from clipbook.validation import check_folder, excerpt, whole_number

MOST_WORKERS = 1_024


def train(
    model: Model,
    batches: Batches,
    config: TrainingConfig,
    *,
    example: Batch | None = None,
    folder: str | Path | None = None,
    evaluate: Callable[[Any], Mapping[str, float]] | None = None,
    evaluate_at: Iterable[int] = (),
    keep_at: Iterable[int] = (),
    device: torch.device | str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> History:
    """Train the model in place, on batches[0] to batches[steps - 1], and leave it in eval mode.

    model: a CLIP learns which pictures and texts belong together, a `clipbook.language.PaliGemma`
    to answer; weights that require no gradient stay as they are, as do a batch norm's statistics.
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
    keep_at: steps after which the weights are kept in the folder for good, beside no others, as
    weights-<step>.safetensors, which `clipbook.pairs.load_model` reads
    (`clipbook.language.load_paligemma`, of a PaliGemma).
    Where torchrun has started several processes, each takes its share of every batch (or has made
    no more of it, as `clipbook.training.ShardBatches` do); losses,
    gradients and weights are those of the whole, and the first process writes what is kept. Such a
    run goes on with as many processes only.
    workers: processes that make batches ahead; one by default where there is a second core.
    device: the GPU by default where there is one.
    Raises ValueError for batches that don't fit the model, make pictures square in another way or
    are too few or can't be had by number, what is no config, a model whose weights all stay as they
    are, a device that is not there, the sigmoid loss of a model without a bias, what several
    processes can't share (`clipbook.training.processes`), steps in keep_at or evaluate_at that the
    run has not or that it has passed without keeping anything of them, keep_at without a folder and
    evaluate_at without something to evaluate, which can be called and returns numbers by name, and
    FloatingPointError where a step would leave no numbers in the weights.
    """
    if not isinstance(config, TrainingConfig):
        raise ValueError(f"config={excerpt(config)} is no TrainingConfig; try TrainingConfig()")
    target = None if folder is None else Path(folder)
    milestones = Milestones(config, target, evaluate, evaluate_at, keep_at)
    if not hasattr(batches, "__getitem__"):
        raise ValueError(
            f"batches={excerpt(batches)} can't be asked for batches[k], as a run that goes on from "
            "a checkpoint does; try list(batches), or SceneBatches and their like"
        )
    if isinstance(batches, Sized) and len(batches) < config.steps:
        raise ValueError(
            f"{len(batches)} batches for steps={config.steps}, each of which takes one; give more, "
            "or train for fewer steps"
        )
    fit, own_fit = getattr(batches, "fit", None), model.config.preprocessing.fit
    if fit not in (None, own_fit):
        raise ValueError(
            f"the batches' pictures are made square by fit={fit!r}, the model's by {own_fit!r}; "
            f"give the batches fit={own_fit!r}"
        )
    if workers is not None:
        workers = whole_number("workers", workers, 1, least=0, most=MOST_WORKERS)
    device = usable_device(best_device() if device is None else device)
    if example is not None and not isinstance(model, CLIP):
        raise ValueError("example= gives a similarity matrix, which a CLIP alone has; leave it out")
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ValueError(
            "no weight of the model requires a gradient, so none would change; try "
            "model.requires_grad_(True)"
        )
    model.to(device)
    objective, speaks = objective_of(model, config), processes.number() == 0
    optimisers = make_optimisers(model, config)
    half = half_precision(device, config.precision)
    scaler = torch.amp.GradScaler(device.type, enabled=half == torch.float16)
    looked_at = None if example is None else objective.prepare(model, example)
    history, start = History(), 0
    if target:
        check_folder("folder", target)
        identity = run_identity(
            model, config, batches, optimisers, example=looked_at,
            precision=half or torch.float32, to_json=objective.to_json,
            processes=processes.count(),
        )  # fmt: skip
        if checkpoint := checkpoints.latest(target):
            milestones.check_passed(checkpoint.step, checkpoint.history)
            checkpoints.restore(checkpoint, identity, model, optimisers, scaler)
            if speaks:  # a run that was killed may not have come to it
                checkpoints.tidy(target)
            history, start = checkpoint.history, checkpoint.step

    if workers is None:
        workers = int((os.cpu_count() or 1) > 1)
    loader = DataLoader(
        cast(Dataset, batches), batch_size=None, sampler=range(start, config.steps),
        num_workers=workers, generator=torch.Generator(), prefetch_factor=4 if workers else None,
    )  # fmt: skip

    def look(step: int) -> None:
        milestones.reach(step, model, history, looked_at, objective.save if speaks else None)

    model.zero_grad()  # what somebody's backward() left is no part of the run
    model.train()
    for module in model.modules():  # of what stays as it is, the statistics stay, too
        if isinstance(module, NORMS) and not any(w.requires_grad for w in module.parameters()):
            module.eval()
    try:
        look(start)
        bar = tqdm(
            loader, total=config.steps, initial=start, disable=not (progress and speaks),
            unit="step",
        )  # fmt: skip
        for step, batch in enumerate(bar, start):
            factor = learning_rate_factor(step, config.warmup_steps, config.steps)
            set_learning_rate(optimisers, factor)
            own = objective.prepare(model, batch)
            if not getattr(batches, "shared", False):
                own = processes.share(own)
            parts = [part.to(device, non_blocking=True) for part in own]
            loss, scale, norm = train_step(
                model, optimisers, scaler, parts, config, half, objective
            )
            if not isfinite(loss + norm) and scaler.get_scale() <= 1:  # 1 without a scaler
                raise FloatingPointError(
                    f"step {step}: the loss is {loss} and its gradient's norm {norm}, so the "
                    f"weights stay as they were; look at batches[{step}], or try a learning_rate "
                    f"below {config.learning_rate}, and begin again"
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
                    checkpoints.save(
                        target, steps_done, identity, history, model, optimisers, scaler
                    )
                processes.wait_for_all()
    finally:
        model.eval()
    return history
