"""PyTorch's Muon with its products in float32, for all matrices of a shape at once.

`torch.optim.Muon` multiplies in bfloat16, for which many CPUs have no instructions. On one of them
a step of it took 15 times as long as one of these.

Source: Jordan et al. 2024 (Muon). Built in: book/pairs/training.
"""

from collections import defaultdict

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.optimizer import ParamsT

NEWTON_SCHULZ_STEPS = 5
COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""Of x, x³ and x⁵: what takes every singular value in (0, 1] close to 1 in the fewest steps."""


def orthogonalise(
    matrices: Float[Tensor, "count rows columns"],
) -> Float[Tensor, "count rows columns"]:
    """Matrices with the same singular vectors, whose singular values lie between 0.68 and 1.21.

    Singular values below a 500th of a matrix's norm come out smaller; a matrix of zeros stays as it
    is. Half precision is computed, and given back, in float32.
    """
    rows, columns = matrices.shape[-2:]
    if rows > columns:  # of the two squares, the smaller one costs less
        return orthogonalise(matrices.mT).mT
    a, b, c = COEFFICIENTS
    found = matrices.to(torch.promote_types(matrices.dtype, torch.float32))
    found = found / torch.linalg.matrix_norm(found, keepdim=True).clamp(min=1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = found @ found.mT
        polynomial = torch.baddbmm(square, square, square, beta=b, alpha=c)
        found = torch.baddbmm(found, polynomial, found, beta=a)
    return found


class Muon(torch.optim.Muon):
    """Its state is that of PyTorch's: a run begun with one goes on with the other."""

    def __init__(self, params: ParamsT, lr: float = 1e-3, weight_decay: float = 0.1) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            updates: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(matrix.grad)
                mean = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
                ahead = matrix.grad.lerp(mean, momentum)  # Nesterov's
                updates[matrix.shape].append((matrix, ahead))
            for (rows, columns), pairs in updates.items():
                directions = orthogonalise(torch.stack([ahead for _, ahead in pairs]))
                for (matrix, _), direction in zip(pairs, directions, strict=True):
                    matrix.mul_(1 - rate * group["weight_decay"])
                    matrix.add_(direction, alpha=-rate * max(1, rows / columns) ** 0.5)
