"""Which weights are updated how, and how fast at which step.

Gains and biases don't decay, as in Radford et al. 2021, §2.5; unlike there, nor do embeddings. Muon
takes the query, key and value weights of a layer, which lie in one tensor, as one matrix of shape
(3 · width, width).

Source: Loshchilov & Hutter 2019 (AdamW); Jordan et al. 2024 (Muon); Radford et al. 2021, §2.5
(cosine). Built in: book/pairs/training.
"""

from math import cos, pi
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Optimizer

from clipbook.training.config import TrainingConfig
from clipbook.training.muon import Muon
from clipbook.validation import excerpt


def learning_rate_factor(step: int, warmup_steps: int, steps: int) -> float:
    """Between 0 and 1: a straight line up over the warm-up, then half a cosine down to zero, where
    it stays. A run of no more steps than the warm-up ends on the line, and never comes to 1 before
    the last of them."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    falling = max(steps - warmup_steps, 1)
    return 0.5 * (1 + cos(pi * min(step - warmup_steps, falling) / falling))


def group_parameters(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Every parameter in one of four groups.

    matrices: 2-D weights of transformer blocks, and the patch embedding. weights: other matrices
    and convolutions. positions: position embeddings of an image encoder. plain: token and class
    embeddings, a text encoder's positions, gains, biases and the scale. Neither of the last two
    decays.
    """
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    groups: dict[str, list[nn.Parameter]] = {
        "matrices": [], "weights": [], "positions": [], "plain": []
    }  # fmt: skip
    for name, parameter in model.named_parameters():
        in_block = ".blocks." in f".{name}" or name.endswith("patch_embedding.weight")
        if name.endswith("image_encoder.positions"):
            groups["positions"].append(parameter)
        elif parameter.ndim < 2 or id(parameter) in embeddings or name.endswith("positions"):
            groups["plain"].append(parameter)
        elif in_block and parameter.ndim == 2:
            groups["matrices"].append(parameter)
        else:
            groups["weights"].append(parameter)
    return groups


def make_optimisers(model: nn.Module, config: TrainingConfig) -> list[Optimizer]:
    """AdamW for every group, or Muon for the matrices and AdamW for the rest."""
    groups = group_parameters(model)
    rate, decay = config.learning_rate, config.weight_decay
    matrices = {"params": groups["matrices"], "lr": rate, "weight_decay": decay}
    adamw = [
        {"params": groups["weights"], "lr": rate, "weight_decay": decay},
        {"params": groups["plain"], "lr": rate, "weight_decay": 0.0},
        {"params": groups["positions"], "lr": rate * config.position_rate, "weight_decay": 0.0},
    ]
    optimisers: list[Optimizer] = []
    if config.optimiser == "muon" and groups["matrices"]:
        matrices["lr"] = rate * config.matrix_rate
        optimisers.append(Muon(_image_apart(model, [matrices], config.image_rate)))
    else:
        adamw.append(matrices)
    groups_in_use = _image_apart(model, adamw, config.image_rate)
    optimisers.append(AdamW(groups_in_use, betas=(0.9, 0.98), eps=1e-6, fused=True))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return optimisers


def _image_apart(
    model: nn.Module, groups: list[dict[str, Any]], image_rate: float
) -> list[dict[str, Any]]:
    """The groups that hold anything; those of an image encoder apart, where it has another rate."""
    image: set[int] = set()
    if image_rate != 1:
        image = {id(p) for name, p in model.named_parameters() if name.startswith("image_encoder.")}
    split = []
    for group in groups:
        for inside, factor in ((False, 1.0), (True, image_rate)):
            params = [p for p in group["params"] if (id(p) in image) == inside]
            if params:
                split.append({**group, "params": params, "lr": group["lr"] * factor})
    return split


def set_learning_rate(optimisers: list[Optimizer], factor: float) -> None:
    """The factor times the largest rate, for each group of parameters."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * factor


def usable_device(device: torch.device | str) -> torch.device:
    """The device of that name. Raises ValueError for one that isn't there, or can't compute."""
    try:
        found = torch.device(device)
        torch.zeros(1, device=found).tolist()
    except (RuntimeError, AssertionError, TypeError) as error:  # by PyTorch, and who built it
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"device={excerpt(device)} is none that PyTorch can use here ({reason}); try 'cpu', or "
            "leave it out"
        ) from error
    return found


def best_device() -> torch.device:
    """A GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
