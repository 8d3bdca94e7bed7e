"""Rotary positions turn, keep lengths, and leave distances alone to the dot product."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from clipbook.language import rotary
from tests.plain import plain_python
from tests.tiny import normals


def test_a_pair_by_hand():
    x = torch.tensor([1.0, 0.0]).expand(1, 1, 3, 2)
    expected = torch.tensor([[math.cos(m), math.sin(m)] for m in (0, 1, 2)])
    torch.testing.assert_close(rotary(x, torch.arange(3))[0, 0], expected)


def test_pairs_are_made_of_the_two_halves():
    x = torch.tensor([1.0, 0, 0, 0]).expand(1, 1, 1, 4)
    turned = rotary(x, torch.tensor([1]), base=100.0)[0, 0, 0]
    torch.testing.assert_close(turned, torch.tensor([math.cos(1), 0, math.sin(1), 0]))
    x = torch.tensor([0.0, 0, 0, 1]).expand(1, 1, 1, 4)  # the second pair turns by 1/10
    turned = rotary(x, torch.tensor([1]), base=100.0)[0, 0, 0]
    torch.testing.assert_close(turned, torch.tensor([0, -math.sin(0.1), 0, math.cos(0.1)]))


def test_equal_to_transformers():
    query, key, positions = normals(2, 3, 7, 8), normals(2, 3, 7, 8, seed=1), torch.arange(5, 12)
    angles = positions[:, None] * 10_000.0 ** (-torch.arange(0, 8, 2) / 8)
    angles = torch.cat([angles, angles], dim=-1)[None]
    theirs = apply_rotary_pos_emb(query, key, angles.cos(), angles.sin())
    for x, expected in zip((query, key), theirs, strict=True):
        torch.testing.assert_close(rotary(x, positions), expected, atol=1e-5, rtol=0)


def test_position_zero_changes_nothing():
    x = normals(2, 2, 3, 4)
    assert torch.equal(rotary(x, torch.zeros(3, dtype=torch.long)), x)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 1000))
def test_the_dot_product_depends_on_the_distance_alone(m, n, shift):
    query, key = normals(1, 1, 1, 16).double(), normals(1, 1, 1, 16, seed=1).double()

    def score(m: int, n: int) -> float:
        turned = rotary(query, torch.tensor([m])), rotary(key, torch.tensor([n]))
        return float((turned[0] * turned[1]).sum())

    assert math.isclose(score(m, n), score(m + shift, n + shift), abs_tol=2e-3)


def test_lengths_stay():
    x = normals(2, 3, 9, 8)
    torch.testing.assert_close(rotary(x, torch.arange(9)).norm(dim=-1), x.norm(dim=-1))


def test_each_text_can_have_positions_of_its_own():
    x = normals(2, 1, 3, 4)
    positions = torch.tensor([[0, 1, 2], [4, 5, 5]])
    both = rotary(x, positions)
    for k in (0, 1):
        torch.testing.assert_close(both[k], rotary(x[k : k + 1], positions[k])[0])


@pytest.mark.parametrize(
    ("head_dim", "positions", "base", "message"),
    [
        (5, 3, 10.0, "head_dim=5 is odd; rotary positions turn pairs, try 6"),
        (4, 2, 10.0, "2 positions for 3 tokens"),
        (4, 3, 0.0, "base=0.0 is not a finite number above 0"),
    ],
)
def test_what_cannot_be_turned_is_refused(head_dim, positions, base, message):
    with plain_python(), pytest.raises(ValueError, match=message):
        rotary(normals(1, 1, 3, head_dim), torch.arange(positions), base)
