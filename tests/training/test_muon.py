"""Muon against PyTorch's own, and against the singular values themselves."""

import pytest
import torch
from torch import Tensor, nn

from clipbook.training.muon import COEFFICIENTS, NEWTON_SCHULZ_STEPS, Muon, orthogonalise

SHAPES = [(24, 8), (8, 24), (8, 8), (24, 8), (1, 5), (5, 1)]


def by_singular_values(matrix: Tensor) -> Tensor:
    """What orthogonalising is, said of each singular value, by LAPACK in float64."""
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    values = values / values.norm()
    a, b, c = COEFFICIENTS
    for _ in range(NEWTON_SCHULZ_STEPS):
        values = a * values + b * values**3 + c * values**5
    return left @ values.diag() @ right


@pytest.mark.parametrize("shape", SHAPES)
def test_only_the_singular_values_change(shape):
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    for matrix, found in zip(matrices, orthogonalise(matrices), strict=True):
        torch.testing.assert_close(found.double(), by_singular_values(matrix), rtol=0, atol=1e-4)
        values = torch.linalg.svdvals(found)
        if torch.linalg.cond(matrix) < 100:
            assert 0.68 < values.min() <= values.max() < 1.21


def test_the_range_that_is_promised_holds_for_every_singular_value():
    values = torch.logspace(-2.69, 0, 2000)  # 10 ** -2.69 is a 490th
    pairs = torch.stack([values, (1 - values**2).clamp(min=0).sqrt()], dim=1)  # of norm 1
    found = torch.linalg.svdvals(orthogonalise(torch.diag_embed(pairs)))
    assert 0.68 < found[:-1].min() <= found.max() < 1.21
    assert (
        torch.linalg.svdvals(orthogonalise(torch.tensor([[[1.0, 0.0], [0.0, 1e-4]]]))).min() < 0.1
    )


def test_zeros_stay_zeros():
    assert orthogonalise(torch.zeros(2, 3, 4)).abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    matrix = torch.randn(1, 6, 9, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = orthogonalise(matrix)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, orthogonalise(matrix.float()))


def parameters(seed: int) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def update(optimiser: torch.optim.Optimizer, members: list[nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in members[1:]:  # the first has no gradient
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimiser.step()


def groups(members: list[nn.Parameter]) -> list[dict[str, object]]:
    """Two, so that matrices of one shape have two rates and two decays."""
    return [
        {"params": members[:3], "lr": 0.05, "weight_decay": 0.2},
        {"params": members[3:], "lr": 0.02, "weight_decay": 0.0},
    ]


def test_steps_are_those_of_pytorchs_muon_up_to_its_rounding():
    ours, theirs, start = (parameters(0) for _ in range(3))
    optimisers = Muon(groups(ours)), torch.optim.Muon(groups(theirs))
    for seed in range(4):
        update(optimisers[0], ours, seed)
        update(optimisers[1], theirs, seed)
    assert torch.equal(ours[0], start[0])
    for own, other, before in zip(ours[1:], theirs[1:], start[1:], strict=True):
        moved = (other - before).norm()
        assert (own - other).norm() < 0.02 * moved  # bfloat16 has 8 bits: 0.004 a number
        assert moved > 0.01 * before.norm()


def test_a_run_of_pytorchs_muon_goes_on_with_this_one():
    ours, theirs = parameters(0), parameters(0)
    first, other = Muon(groups(ours)), torch.optim.Muon(groups(theirs))
    for seed in range(2):
        update(other, theirs, seed)
    first.load_state_dict(other.state_dict())
    update(first, ours, 2)
    update(other, theirs, 2)
    for own, trained in zip(ours[1:], theirs[1:], strict=True):
        means = [one.state[p]["momentum_buffer"] for one, p in ((first, own), (other, trained))]
        torch.testing.assert_close(*means)
    assert first.state_dict()["param_groups"] == other.state_dict()["param_groups"]
