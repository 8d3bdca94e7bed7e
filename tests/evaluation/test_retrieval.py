"""Recall on matrices whose ranks can be counted by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipbook.evaluation import recall_at_k
from tests.plain import plain_python
from tests.tiny import normals

# Ranks of the own caption, row by row: 1, 2, 3; of the own picture, column by column: 1, 3, 1.
HAND = torch.tensor([[0.9, 0.8, 0.1], [0.2, 0.3, 0.4], [0.7, 0.6, 0.5]])


@pytest.mark.parametrize(
    ("k", "to_text", "to_image"), [(1, 1 / 3, 2 / 3), (2, 2 / 3, 2 / 3), (3, 1, 1)]
)
def test_a_hand_counted_matrix(k, to_text, to_image):
    assert recall_at_k(HAND, k) == pytest.approx((to_text, to_image))
    assert recall_at_k(HAND.T, k) == pytest.approx((to_image, to_text))


def test_a_bright_diagonal_is_found_and_a_dark_one_is_not():
    assert recall_at_k(torch.eye(5)) == (1, 1)
    assert recall_at_k(-torch.eye(5), 4) == (0, 0)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_ties_count_against_the_model(k):
    assert recall_at_k(torch.zeros(4, 4), k) == (0, 0)
    assert recall_at_k(torch.zeros(4, 4), 4) == (1, 1)


def test_one_tie_is_one_rank():
    grid = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert recall_at_k(grid, 1) == pytest.approx((2 / 3, 1))
    assert recall_at_k(grid, 2) == (1, 1)


def test_what_is_no_number_finds_nothing():
    assert recall_at_k(torch.full((4, 4), float("nan"))) == (0, 0)


def test_a_batch_of_one_is_found():
    assert recall_at_k(torch.tensor([[-1.0]])) == (1, 1)


@given(n=st.integers(1, 10), seed=st.integers(0, 1_000))
def test_recall_grows_with_k_up_to_one(n, seed):
    found = [recall_at_k(normals(n, n, seed=seed), k) for k in range(1, n + 1)]
    for way in range(2):
        values = [pair[way] for pair in found]
        assert values == sorted(values)
        assert values[-1] == 1


@pytest.mark.parametrize("k", [0, -1, 4])
def test_a_k_outside_the_candidates_is_refused(k):
    with pytest.raises(ValueError, match=f"k={k} is not a whole number from 1 to 3"):
        recall_at_k(HAND, k)


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="similarities are 2×3.*square"):
        recall_at_k(HAND[:2])


@pytest.mark.parametrize(
    ("shape", "said"),
    [((3,), r"\(3,\) where \(images, texts\)"), ((0, 0), "square, of one pair at least")],
)
def test_what_is_no_matrix_of_pairs_is_refused(shape, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        recall_at_k(torch.zeros(shape))
