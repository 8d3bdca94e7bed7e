"""Checkpoints that survive a kill at any moment.

A checkpoint is a folder: tensors.safetensors (weights and optimiser states) and checkpoint.json
(step, history, the run's config, and a digest of the tensors). It is written under another name
and renamed when it is complete, so a folder with the final name is whole.
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from clipbook.pairs.saving import load_weights, read_tensors, write_tensors
from clipbook.training.config import TrainingConfig
from clipbook.training.history import History

PREFIX = "checkpoint-"
TENSORS, ABOUT = "tensors.safetensors", "checkpoint.json"


@dataclass
class Checkpoint:
    """step: batches trained on so far. optimisers: what they were, in words. config: of the run,
    by field. tensors: by name, as `save` wrote them."""

    step: int
    optimisers: list[str]
    config: dict[str, object]
    history: History
    tensors: dict[str, Tensor]
    path: Path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _in_words(optimisers: list[Optimizer]) -> list[str]:
    sizes = [[len(group["params"]) for group in one.param_groups] for one in optimisers]
    return [f"{type(one).__name__} of {n}" for one, n in zip(optimisers, sizes, strict=True)]


def save(
    folder: Path,
    step: int,
    model: nn.Module,
    optimisers: list[Optimizer],
    config: TrainingConfig,
    history: History,
) -> Path:
    """Write checkpoint-<step> into the folder, then remove those before it."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for k, optimiser in enumerate(optimisers):
        for index, state in optimiser.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimiser.{k}.{index}.{name}"] = torch.as_tensor(value)
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{PREFIX}{step:08d}"
    unfinished = folder / f"unfinished-{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    write_tensors(tensors, unfinished / TENSORS, {})
    about = {
        "step": step,
        "optimisers": _in_words(optimisers),
        "config": asdict(config),
        "sha256": _digest(unfinished / TENSORS),
        "history": history.to_dict(),
    }
    with open(unfinished / ABOUT, "w", encoding="utf-8") as file:
        json.dump(about, file)
        file.flush()
        os.fsync(file.fileno())
    if final.exists():
        shutil.rmtree(final)
    os.replace(unfinished, final)
    for leftover in folder.glob("unfinished-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for older in sorted(folder.glob(f"{PREFIX}*")):
        if older < final:
            shutil.rmtree(older)
    return final


def latest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint in the folder, or None where there is none.

    Raises ValueError, naming the file and the remedy, for a damaged one.
    """
    found = sorted(folder.glob(f"{PREFIX}*")) if folder.exists() else []
    if not found:
        return None
    path = found[-1]
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        tensors, _ = read_tensors(path / TENSORS)
        whole = _digest(path / TENSORS) == about["sha256"]
        step, history = int(about["step"]), History.from_dict(about["history"])
        optimisers, config = list(about["optimisers"]), dict(about["config"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged ({error}); delete that folder to start from the one before it, "
            "or from the beginning"
        ) from error
    if not whole:
        raise ValueError(
            f"{path / TENSORS} is not what was written there (its digest differs); delete the "
            "folder to start again"
        )
    return Checkpoint(step, optimisers, config, history, tensors, path)


def restore(
    checkpoint: Checkpoint, model: nn.Module, optimisers: list[Optimizer], config: TrainingConfig
) -> None:
    """Put weights and optimiser states back.

    Raises ValueError if they don't fit, or if the run had another config: what went on from there
    would be neither that run nor this one.
    """
    for name, value in asdict(config).items():
        if name not in ("precision", "checkpoint_every") and checkpoint.config.get(name) != value:
            raise ValueError(
                f"{checkpoint.path} was written with {name}={checkpoint.config.get(name)}, not "
                f"{value}; go on with the same, or begin in another folder"
            )
    if checkpoint.optimisers != _in_words(optimisers):
        raise ValueError(
            f"{checkpoint.path} was written with the optimisers {checkpoint.optimisers}, not "
            f"{_in_words(optimisers)}; go on with the same, or begin in another folder"
        )
    weights = {
        name.removeprefix("model."): value
        for name, value in checkpoint.tensors.items()
        if name.startswith("model.")
    }
    load_weights(model, weights, str(checkpoint.path))
    for k, optimiser in enumerate(optimisers):
        saved = optimiser.state_dict()
        saved["state"] = {}
        for name, value in checkpoint.tensors.items():
            if name.startswith(f"optimiser.{k}."):
                index, what = name.split(".")[2:]
                saved["state"].setdefault(int(index), {})[what] = value
        optimiser.load_state_dict(saved)
