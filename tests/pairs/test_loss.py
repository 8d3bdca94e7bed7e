"""The loss on logits whose loss is known."""

from math import exp, log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.clip.modeling_clip import image_text_contrastive_loss

from clipbook.pairs import info_nce
from tests.plain import plain_python
from tests.tiny import normals


@pytest.mark.parametrize("n", [1, 2, 3, 8, 128, 1_000])
@pytest.mark.parametrize("value", [0.0, -3.0, 14.0])
def test_equal_logits_cost_log_n(n, value):
    assert info_nce(torch.full((n, n), value)).item() == pytest.approx(log(n), abs=1e-5)


def test_a_hand_worked_two_by_two():
    # rows choose with odds 3 : 1 and 1 : 2, columns with 3 : 1 and 2 : 1
    logits = torch.log(torch.tensor([[3.0, 1.0], [1.0, 2.0]]))
    rows = -(log(3 / 4) + log(2 / 3)) / 2
    columns = -(log(3 / 4) + log(2 / 3)) / 2
    assert info_nce(logits).item() == pytest.approx((rows + columns) / 2, abs=1e-6)


def test_rows_and_columns_both_count():
    logits = torch.log(torch.tensor([[2.0, 1.0], [4.0, 1.0]]))
    rows = -(log(2 / 3) + log(1 / 5)) / 2
    columns = -(log(2 / 6) + log(1 / 2)) / 2
    assert info_nce(logits).item() == pytest.approx((rows + columns) / 2, abs=1e-6)


@pytest.mark.parametrize("logit", [-100.0, 0.0, 7.5])
def test_a_batch_of_one_costs_nothing(logit):
    assert info_nce(torch.tensor([[logit]])).item() == 0


@given(n=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_swapping_pictures_and_texts_changes_nothing(n, seed):
    logits = 10 * normals(n, n, seed=seed)
    torch.testing.assert_close(info_nce(logits), info_nce(logits.T), atol=1e-5, rtol=1e-5)


@given(n=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_the_order_of_pairs_changes_nothing(n, seed):
    logits = 10 * normals(n, n, seed=seed)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    shuffled = logits[order][:, order]
    torch.testing.assert_close(info_nce(logits), info_nce(shuffled), atol=1e-5, rtol=1e-5)


@given(n=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_equals_transformers(n, seed):
    logits = 10 * normals(n, n, seed=seed)
    torch.testing.assert_close(info_nce(logits), image_text_contrastive_loss(logits.T))


def test_a_clear_diagonal_costs_little_and_a_wrong_one_much():
    n, gap = 5, 20.0
    assert info_nce(gap * torch.eye(n)).item() == pytest.approx(log(1 + 4 * exp(-gap)), abs=1e-6)
    assert info_nce(-gap * torch.eye(n)).item() == pytest.approx(gap + log(4), abs=1e-4)


def test_the_gradient_is_softmax_minus_target():
    logits = normals(4, 4).requires_grad_()
    info_nce(logits).backward()
    share = (logits.softmax(dim=1) + logits.softmax(dim=0)) / 2 - torch.eye(4)
    torch.testing.assert_close(logits.grad, (share / 4).detach())


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (0, 0)])
def test_a_matrix_that_is_not_square_is_refused(shape):
    with pytest.raises(ValueError, match=f"logits are {shape[0]}×{shape[1]}.*at least one"):
        info_nce(torch.zeros(shape))


@given(n=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_one_true_text_each_is_the_plain_loss(n, seed):
    logits = 10 * normals(n, n, seed=seed)
    diagonal = torch.eye(n, dtype=torch.bool)
    torch.testing.assert_close(info_nce(logits, diagonal), info_nce(logits), atol=1e-4, rtol=1e-5)


def test_several_true_texts_share_what_is_wanted():
    # row 1 chooses with odds 2 : 1 : 1 and both of the first are true; row 2 with 1 : 2 : 1
    logits = torch.log(torch.tensor([[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]]))
    true = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.bool)
    rows = -((log(2 / 4) + log(1 / 4)) / 2 + log(2 / 4) + log(2 / 4)) / 3
    columns = -(log(2 / 4) + (log(1 / 4) + log(2 / 4)) / 2 + log(2 / 4)) / 3
    assert info_nce(logits, true).item() == pytest.approx((rows + columns) / 2, abs=1e-6)


def test_the_gradient_pushes_no_true_text_away():
    logits = torch.zeros(3, 3, requires_grad=True)
    true = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    info_nce(logits, true).backward()
    assert logits.grad is not None
    assert (logits.grad[true] < 0).all() and (logits.grad[~true] > 0).all()


@pytest.mark.parametrize(
    "true", [torch.eye(2), torch.zeros(3, 3), torch.tensor([[1.0, 1, 1], [0, 0, 0], [0, 0, 0]])]
)
def test_labels_that_leave_a_row_or_column_without_a_true_text_are_refused(true):
    with plain_python(), pytest.raises(ValueError, match="one at least in each row and column"):
        info_nce(torch.zeros(3, 3), true.bool())
