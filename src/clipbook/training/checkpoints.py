"""Checkpoints that survive a kill at any moment.

A checkpoint is a folder: tensors.safetensors (weights and optimiser states) and checkpoint.json
(step, history, what the run is, and a digest of the tensors). It is written under another name
and renamed when it is complete, so a folder with the final name is whole. The last two are kept.
Nothing is touched but what has the very names that are given here.
"""

import json
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from clipbook.pairs.saving import load_weights, read_tensors, write_tensors
from clipbook.training.history import History
from clipbook.training.identity import LATER, differences, in_one_sentence

FORMAT = 2
CHECKPOINTS_KEPT = 2
TENSORS, ABOUT = "tensors.safetensors", "checkpoint.json"


@dataclass
class Checkpoint:
    """step: batches trained on so far. identity: see `clipbook.training.identity`. tensors: by
    name, as `save` wrote them. scaler: what a gradient scaler remembers; nothing without one."""

    step: int
    identity: dict[str, Any]
    scaler: dict[str, float]
    history: History
    tensors: dict[str, Tensor]
    path: Path


def save(
    folder: Path,
    step: int,
    identity: dict[str, Any],
    history: History,
    model: nn.Module,
    optimisers: list[Optimizer],
    scaler: GradScaler,
) -> Path:
    """Write checkpoint-<step> into the folder, then remove all but the last two.

    Raises ValueError where something has that name already.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for k, optimiser in enumerate(optimisers):
        for index, state in optimiser.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimiser.{k}.{index}.{name}"] = torch.as_tensor(value)
    final = folder / _name(step)
    unfinished = folder / f"unfinished-{platform.node()}-{os.getpid()}"
    _remove(unfinished)
    unfinished.mkdir(parents=True, exist_ok=True)
    write_tensors(tensors, unfinished / TENSORS, {})
    about = {
        "format": FORMAT,
        "step": step,
        "identity": identity,
        "scaler": scaler.state_dict(),
        "sha256": _digest(unfinished / TENSORS),
        "history": history.to_dict(),
    }
    with open(unfinished / ABOUT, "w", encoding="utf-8") as file:
        json.dump(about, file)
        file.flush()
        os.fsync(file.fileno())
    if os.path.lexists(final):
        _remove(unfinished)
        raise ValueError(
            f"{final} is there, and this run did not write it; is another run at work in that "
            "folder? Give each a folder of its own"
        )
    os.replace(unfinished, final)
    tidy(folder)
    return final


def tidy(folder: Path) -> None:
    """Remove all but the last two checkpoints, and what runs left that were killed while they
    wrote one."""
    for leftover in folder.iterdir():
        if _is_abandoned(leftover):
            _remove(leftover)
    oldest = _step(_checkpoints(folder)[-CHECKPOINTS_KEPT:][0])
    for checkpoint in _folders(folder):
        if _step(checkpoint) < oldest:
            _remove(checkpoint)


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint in the folder; 0 where there is none."""
    checkpoints = _checkpoints(folder)
    return _step(checkpoints[-1]) if checkpoints else 0


def latest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint in the folder, or None where there is none.

    Raises ValueError, naming the folder and the remedy, for a damaged one and for one that another
    version of this package wrote.
    """
    checkpoints = _checkpoints(folder)
    if not checkpoints:
        return None
    path = checkpoints[-1]
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        version = about.get("format", 1 if "config" in about else FORMAT)
        if version == FORMAT:
            return _read(path, about)
    except (OSError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        fallback = checkpoints[-2] if checkpoints[1:] else "the beginning"
        raise ValueError(
            f"{path} is damaged ({error}); delete that folder to start from {fallback}"
        ) from error
    raise ValueError(
        f"{path} has format {version}, of another version of clipbook; this one reads {FORMAT}, "
        "which says what run it is: begin in another folder, or delete that one"
    )


def restore(
    checkpoint: Checkpoint,
    identity: dict[str, Any],
    model: nn.Module,
    optimisers: list[Optimizer],
    scaler: GradScaler,
) -> None:
    """Put back what the model, the optimisers and the scaler were after that step.

    Raises ValueError, before anything is changed, if the checkpoint is of another run: what went on
    from there would be neither that run nor this one.
    """
    saved = checkpoint.identity
    if "training" in saved:
        saved = saved | {"training": LATER | saved["training"]}
    mismatches = differences(saved, identity)
    if mismatches:
        raise ValueError(
            f"{checkpoint.path} was written with {in_one_sentence(mismatches)}; go on with the "
            "same, and a model that is built anew, or begin in another folder"
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
                index, state_name = name.split(".")[2:]
                saved["state"].setdefault(int(index), {})[state_name] = value
        optimiser.load_state_dict(saved)
    scaler.load_state_dict(checkpoint.scaler)


def _name(step: int) -> str:
    return f"checkpoint-{step:08d}"


def _step(path: Path) -> int:
    """The step in the name of a checkpoint; -1 if `save` gives no such name."""
    digits = path.name.removeprefix("checkpoint-")
    step = int(digits) if digits.isascii() and digits.isdecimal() else -1
    return step if path.name == _name(step) else -1


def _folders(folder: Path) -> list[Path]:
    """The folders in it that have the name of a checkpoint, that of the latest step last."""
    inside = folder.iterdir() if folder.is_dir() else ()
    folders = [
        path for path in inside if _step(path) > 0 and path.is_dir() and not path.is_symlink()
    ]
    return sorted(folders, key=_step)


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in the folder, the newest last."""
    return [
        path for path in _folders(folder) if (path / ABOUT).exists() or (path / TENSORS).exists()
    ]


def _remove(path: Path) -> None:
    """Delete what `save` writes into a folder, and the folder if it held nothing else."""
    half_written = path.glob(".tmp??????")  # by safetensors, when it is killed
    for file in (path / ABOUT, path / TENSORS, path / f"{TENSORS}.unfinished", *half_written):
        file.unlink(missing_ok=True)
    with suppress(OSError):
        path.rmdir()


def _is_abandoned(path: Path) -> bool:
    """Whether a process of this machine began to save there and has ended before it was done."""
    pid = path.name.removeprefix(f"unfinished-{platform.node()}-")
    if not (pid.isascii() and pid.isdecimal() and path.is_dir()) or path.is_symlink():
        return False
    if os.name != "posix":  # there, the question below would end the process
        return False
    try:
        os.kill(int(pid), 0)  # sends nothing
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # alive, and somebody else's; or no number of a process
        return False
    return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _read(path: Path, about: dict[str, Any]) -> Checkpoint:
    """Raises some of the errors that `latest` names for what `save` did not write so."""
    if about["sha256"] != _digest(path / TENSORS):
        raise ValueError(f"{TENSORS} is not what was written: its digest differs")
    tensors, _ = read_tensors(path / TENSORS)
    step, history = about["step"], History.from_dict(about["history"])
    for series in ("loss", "scale", "learning_rate"):
        if not step == _step(path) == len(getattr(history, series)):
            raise ValueError(f"{ABOUT} holds step {step} and another number of each {series}")
    identity = dict(about["identity"])
    if "training" in identity:
        identity["training"] = dict(identity["training"])
    return Checkpoint(step, identity, dict(about["scaler"]), history, tensors, path)
