"""What a run is: all that decides its weights, in values that a checkpoint can keep as JSON.

Two runs are one only where all of this agrees. Not part of it are the device, the processes that
make batches, and how often a checkpoint is kept.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from clipbook.pairs.config_json import config_to_json
from clipbook.text import Tokenizer
from clipbook.training.config import TrainingConfig
from clipbook.validation import excerpt

Batches = Dataset | Sequence[Sequence[Tensor]]

NO_PART = ("precision", "checkpoint_every")
"""Of the config: the precision that the device computes in stands by itself."""

LATER = {
    "image_rate": 1.0, "loss": "infonce", "micro_batch": None, "among_pictures": 0.0,
    "alignment": 0.0,
}  # fmt: skip
"""Fields of the config that came later, with the value that all runs before them had: an older
checkpoint says nothing of it."""

MOST_SHOWN = 3


def run_identity(
    model: nn.Module,
    config: TrainingConfig,
    batches: Batches,
    optimisers: list[Optimizer],
    *,
    example: Iterable[Tensor] | None = None,
    precision: torch.dtype = torch.float32,
    to_json: Callable[[Any], str] = lambda model: config_to_json(model.config),
    processes: int = 1,
) -> dict[str, Any]:
    """The identity of a run that has not begun: of the model with its first weights.

    to_json: what says the model's configuration. processes: that share each batch. Another number
    of them adds up in another order.
    """
    parameters = dict(model.named_parameters())
    training = {k: value for k, value in asdict(config).items() if k not in NO_PART}
    identity = {
        "model": json.loads(to_json(model)),
        "training": training,
        "data": identify_data(batches),
        "example": None if example is None else digest(example),
        "precision": str(precision),
        "weights": {
            "dtype": sorted({str(parameter.dtype) for parameter in parameters.values()}),
            "frozen": [
                name for name, parameter in parameters.items() if not parameter.requires_grad
            ],
            "at the start": digest(parameters.values()),
        },
        "optimisers": _settings(
            optimisers, {id(parameter): name for name, parameter in parameters.items()}
        ),
    }
    if processes > 1:
        identity["processes"] = processes
    return json.loads(json.dumps(identity, default=_as_json))


def identify_data(batches: Batches) -> object:
    """What the batches are: what their method `identity` says, where they have one; else a digest
    of all batches of a list, and of the first one of anything else."""
    if hasattr(batches, "identity"):
        return batches.identity()
    seen_batches = batches if isinstance(batches, list | tuple) else [batches[0]]
    return {"batches": digest(part for batch in seen_batches for part in batch)}


def identify_tokenizer(tokenizer: Tokenizer) -> str:
    """A digest of what decides the ids of a text."""
    return digest_of_text(json.dumps([tokenizer.context_length, tokenizer.merges]))


def digest_of_text(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def digest(tensors: Iterable[Tensor]) -> str:
    """Of types, shapes and every bit of the values."""
    total = sha256()
    for tensor in tensors:
        total.update(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        total.update(flat.view(torch.uint8).numpy().data)
    return total.hexdigest()[:16]


class Nothing:
    """Stands where one side has no value; unlike None, no JSON can hold it."""

    def __repr__(self) -> str:
        return "nothing"


def differences(saved: object, current: object, name: str = "") -> list[str]:
    """What is not the same in two identities, as "name=value, not value"."""
    if isinstance(saved, dict) and isinstance(current, dict):
        lines: list[str] = []
        for key in {**saved, **current}:
            old, new = saved.get(key, Nothing()), current.get(key, Nothing())
            lines += differences(old, new, f"{name}.{key}" if name else key)
        return lines
    same = saved == current or repr(saved) == repr(current)  # so that NaN equals NaN
    return [] if same else [f"{name}={excerpt(saved)}, not {excerpt(current)}"]


def in_one_sentence(lines: list[str]) -> str:
    rest = f"; and {len(lines) - MOST_SHOWN} more" if len(lines) > MOST_SHOWN else ""
    return "; ".join(lines[:MOST_SHOWN]) + rest


def _settings(optimisers: list[Optimizer], names: dict[int, str]) -> dict[str, Any]:
    """For each optimiser and group all that it was told, and the parameters that it updates.

    The rate of the moment is left out: it follows from the step and the largest, "peak".
    """
    return {
        f"{type(optimiser).__name__} {k}": {
            **{key: value for key, value in group.items() if key not in ("lr", "params")},
            "parameters": [names[id(parameter)] for parameter in group["params"]],
        }
        for optimiser in optimisers
        for k, group in enumerate(optimiser.param_groups)
    }


def _as_json(value: Any) -> object:
    if hasattr(value, "tolist"):  # NumPy's and PyTorch's
        return value.tolist()
    raise ValueError(
        f"{excerpt(value)} can't be kept in a checkpoint as part of what a run is; give numbers, "
        "texts, and lists and dicts of them"
    )
