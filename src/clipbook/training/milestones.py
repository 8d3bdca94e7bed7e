"""What is done after chosen steps of a run: similarity matrices, measurements, weights to keep."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipbook.image import normalise
from clipbook.pairs import CLIP, similarity
from clipbook.pairs.modes import evaluating
from clipbook.pairs.saving import read_tensors
from clipbook.training.config import TrainingConfig
from clipbook.training.history import History
from clipbook.training.objectives import Model
from clipbook.validation import excerpt, whole_number


@dataclass
class Milestones:
    """The arguments are those of `clipbook.training.train`, and so are the errors."""

    config: TrainingConfig
    folder: Path | None = None
    evaluate: Callable[[Any], Mapping[str, float]] | None = None
    evaluate_at: Iterable[int] = ()
    keep_at: Iterable[int] = ()

    def __post_init__(self) -> None:
        self.keep_at = _steps("keep_at", self.keep_at, self.config.steps)
        self.evaluate_at = _steps("evaluate_at", self.evaluate_at, self.config.steps)
        if self.keep_at and self.folder is None:
            raise ValueError(
                f"keep_at={sorted(self.keep_at)}, but no folder to keep weights in; give one"
            )
        if self.evaluate is not None and not callable(self.evaluate):
            raise ValueError(
                f"evaluate={excerpt(self.evaluate)} can't be called with the model; give a "
                "function that returns numbers by name"
            )
        if self.evaluate_at and self.evaluate is None:
            raise ValueError(
                f"evaluate_at={sorted(self.evaluate_at)}, but nothing to evaluate; try evaluate="
            )

    def check_passed(self, start: int, history: History) -> None:
        """Raises ValueError for steps before the one that a run goes on from, whose result is not
        there."""
        there = {
            "evaluate_at": history.evaluation_steps.__contains__,
            "keep_at": lambda step: self._kept(step).exists(),
        }
        for name, is_there in there.items():
            steps = sorted(getattr(self, name))
            passed = [step for step in steps if step < start and not is_there(step)]
            if passed:
                raise ValueError(
                    f"{name}={excerpt(passed)}, but the run goes on from step {start}; begin in "
                    "another folder, or leave them out"
                )

    def reach(
        self,
        step: int,
        model: Model,
        history: History,
        example: Sequence[Tensor] | None,
        save: Callable[[Any, Path], None] | None,
    ) -> None:
        """Do whatever is due after that step, and note it in the history, once.

        example: a batch as the model takes it. save: None keeps no weights. Raises ValueError
        where another run's are kept.
        """
        due = step in self.config.snapshot_steps and step not in history.snapshot_steps
        if example is not None and due and isinstance(model, CLIP):
            history.snapshot_steps.append(step)
            history.snapshots.append(snapshot(model, example))
        if (
            self.evaluate is not None
            and step in self.evaluate_at
            and step not in history.evaluation_steps
        ):
            with evaluating(model):
                measured = self.evaluate(model)
            history.evaluations.append(_numbers(measured))
            history.evaluation_steps.append(step)
        if save and step in self.keep_at:
            path = self._kept(step)
            path.parent.mkdir(parents=True, exist_ok=True)
            _check_kept(path, model)
            save(model, path)

    def _kept(self, step: int) -> Path:
        assert self.folder is not None
        return self.folder / f"weights-{step:08d}.safetensors"


def snapshot(model: CLIP, batch: Sequence[Tensor]) -> list[list[float]]:
    """The similarity matrix of a batch, rounded to four decimals, in eval mode."""
    pictures, token_ids, mask = (part.to(model.device) for part in batch[:3])
    with evaluating(model):
        images = model.encode_image(normalise(pictures, model.config.preprocessing))
        grid = similarity(images, model.encode_text(token_ids, mask))
    return [[round(cell, 4) for cell in row] for row in grid.float().cpu().tolist()]


def _numbers(measured: Any) -> dict[str, float]:
    """Raises ValueError for what are no numbers by name."""
    try:
        return {str(name): float(value) for name, value in measured.items()}
    except (AttributeError, TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"evaluate returned {excerpt(measured)}, and numbers by name are needed; try "
            "{'accuracy': 0.5}"
        ) from None


def _steps(name: str, given: Iterable[int], last: int) -> frozenset[int]:
    """Raises ValueError for what are not steps of a run, 0 for before the first."""
    if not isinstance(given, Iterable):
        raise ValueError(f"{name}={excerpt(given)} is no list of steps; try [{excerpt(given)}]")
    return frozenset(
        whole_number(f"{name}[{k}]", step, last, least=0, most=last) for k, step in enumerate(given)
    )


def _check_kept(path: Path, model: Model) -> None:
    """Raises ValueError where another run's weights are kept; the same may be again."""
    if path.exists():
        there, own = read_tensors(path)[0], model.state_dict()
        if there.keys() != own.keys() or any(
            not torch.equal(there[name], own[name].cpu()) for name in own
        ):
            raise ValueError(f"{path} holds other weights, of another run; give another folder")
