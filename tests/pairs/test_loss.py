"""The loss on logits whose loss is known."""

import importlib.util
from functools import cache
from math import exp, log

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning.losses import SupConLoss
from torch.nn.functional import normalize
from transformers.models.clip.modeling_clip import image_text_contrastive_loss

from clipbook.pairs import alignment, info_nce, sigmoid_loss, supervised_contrastive
from tests.plain import plain_python
from tests.tiny import normals


@cache
def open_clip_loss():
    """open_clip's SigLipLoss, by its file alone: the package itself needs torchvision."""
    (folder,) = importlib.util.find_spec("open_clip").submodule_search_locations
    spec = importlib.util.spec_from_file_location("open_clip_loss", f"{folder}/loss.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SigLipLoss


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


@pytest.mark.parametrize("n", [1, 2, 8, 128])
def test_a_sigmoid_without_an_opinion_costs_ln_2_a_cell(n):
    assert sigmoid_loss(torch.zeros(n, n)).item() == pytest.approx(n * log(2), rel=1e-6)


def test_a_sigmoid_loss_of_two_by_two_by_hand():
    # the odds of "yes": own cells 3 : 1 and 1 : 1, the others 1 : 4 and 1 : 1
    logits = torch.log(torch.tensor([[3.0, 1 / 4], [1.0, 1.0]]))
    cells = log(4 / 3) + log(5 / 4) + log(2) + log(2)
    assert sigmoid_loss(logits).item() == pytest.approx(cells / 2, abs=1e-6)


@given(n=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_the_sigmoid_loss_equals_open_clips(n, seed):
    images, texts = (normalize(normals(n, 8, seed=seed + k), dim=1) for k in range(2))
    theirs = open_clip_loss()()(images, texts, torch.tensor(7.0), torch.tensor(-3.0))
    ours = sigmoid_loss(7.0 * images @ texts.T - 3.0)
    torch.testing.assert_close(ours, theirs)


def test_the_sigmoid_loss_equals_transformers():
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    tower |= {"num_hidden_layers": 1}
    text = tower | {"vocab_size": 99, "max_position_embeddings": 8, "projection_size": 16}
    vision = tower | {"image_size": 16, "patch_size": 8}
    config = transformers.SiglipConfig(text_config=text, vision_config=vision)
    torch.manual_seed(0)
    theirs = transformers.SiglipModel(config).eval()
    found = theirs(
        input_ids=torch.randint(3, 90, (5, 8)), pixel_values=normals(5, 3, 16, 16), return_loss=True
    )
    torch.testing.assert_close(sigmoid_loss(found.logits_per_image), found.loss)


def test_the_gradient_of_the_sigmoid_loss_is_belief_minus_truth():
    logits = normals(4, 6).requires_grad_()
    true = normals(4, 6, seed=1) > 0
    sigmoid_loss(logits, true).backward()
    torch.testing.assert_close(logits.grad, (logits.sigmoid() - true.float()).detach() / 4)


def test_a_cell_of_the_sigmoid_loss_knows_nothing_of_the_others():
    logits = normals(3, 3)
    changed = logits.clone()
    changed[0, 1] += 5
    one = torch.nn.functional.softplus(changed[0, 1]) - torch.nn.functional.softplus(logits[0, 1])
    torch.testing.assert_close(sigmoid_loss(changed) - sigmoid_loss(logits), one / 3)


@given(n=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_labels_on_the_diagonal_are_the_plain_sigmoid_loss(n, seed):
    logits = 10 * normals(n, n, seed=seed)
    diagonal = torch.eye(n, dtype=torch.bool)
    torch.testing.assert_close(sigmoid_loss(logits, diagonal), sigmoid_loss(logits))


def test_the_sigmoid_loss_is_finite_for_logits_of_any_size():
    logits = torch.tensor([[-1e4, 1e4], [1e4, -1e4]], requires_grad=True)
    loss = sigmoid_loss(logits)
    loss.backward()
    assert loss.item() == pytest.approx(2e4)
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_a_picture_of_which_no_text_is_true_is_fine_by_the_sigmoid_loss():
    loss = sigmoid_loss(torch.zeros(2, 3), torch.tensor([[True, True, False], [False] * 3]))
    assert loss.item() == pytest.approx(3 * log(2))


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (0, 0)])
def test_the_sigmoid_loss_refuses_a_matrix_that_is_not_square(shape):
    with pytest.raises(ValueError, match=f"logits are {shape[0]}×{shape[1]}.*unless true="):
        sigmoid_loss(torch.zeros(shape))


def test_the_sigmoid_loss_refuses_labels_of_another_shape():
    with plain_python(), pytest.raises(ValueError, match=r"true is \(2, 2\), logits \(3, 3\)"):
        sigmoid_loss(torch.zeros(3, 3), torch.eye(2).bool())


@pytest.mark.parametrize("loss", [info_nce, sigmoid_loss, alignment])
@pytest.mark.parametrize("true", [torch.eye(3), torch.eye(3).long(), np.eye(3, dtype=bool), [[1]]])
def test_labels_that_are_not_true_or_false_are_refused(loss, true):
    with plain_python(), pytest.raises(ValueError, match="a tensor of true or false is needed"):
        loss(torch.zeros(3, 3), true)


@given(st.integers(3, 12), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_the_supervised_contrastive_loss_equals_pytorch_metric_learnings(n, things, seed):
    rows = normalize(normals(n, 5, seed=seed).double(), dim=1)
    shown = torch.from_numpy(np.random.default_rng(seed).integers(0, things, n))
    shown[0] = shown[1] = 0  # one match at least, and something else: theirs is 0 without
    shown[2] = 1
    ours = supervised_contrastive(rows @ rows.T / 0.1, shown[:, None] == shown)
    theirs = SupConLoss(temperature=0.1)(rows, shown)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_a_picture_chooses_among_the_others_alone(n):
    same = torch.eye(n, dtype=torch.bool)
    same[0, 1] = same[1, 0] = True
    logits = torch.full((n, n), 2.0)
    assert supervised_contrastive(logits, same).item() == pytest.approx(log(n - 1), abs=1e-6)
    alone = supervised_contrastive(logits.fill_diagonal_(50.0), same)  # what it is to itself
    assert alone.item() == pytest.approx(log(n - 1), abs=1e-6)


def test_the_supervised_contrastive_loss_by_hand():
    """Picture 0 has two matches, 3 has none and counts only among the choices."""
    logits = torch.tensor([[9.0, 1, 2, 0], [1, 9, 0, 3], [2, 0, 9, 1], [0, 3, 1, 9]])
    same = torch.zeros(4, 4).bool()
    same[0, 1] = same[1, 0] = same[0, 2] = same[2, 0] = True
    first = log(exp(1) + exp(2) + exp(0)) - (1 + 2) / 2
    second = log(exp(1) + exp(0) + exp(3)) - 1
    third = log(exp(2) + exp(0) + exp(1)) - 2
    loss = supervised_contrastive(logits.requires_grad_(), same)
    assert loss.item() == pytest.approx((first + second + third) / 3, rel=1e-6)
    loss.backward()
    assert logits.grad.isfinite().all()
    assert (logits.grad.diagonal() == 0).all() and (logits.grad[3] == 0).all()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_pictures_without_a_match_cost_nothing_and_pull_nowhere(n):
    logits = torch.arange(float(n * n)).view(n, n).requires_grad_()
    loss = supervised_contrastive(logits, torch.eye(n, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize(
    ("logits", "same", "said"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 2).bool(), "logits are 3×2, same .3, 2.; both compare"),
        (torch.zeros(3, 3), torch.eye(2).bool(), "logits are 3×3, same .2, 2.; both compare"),
        (torch.zeros(3, 3), torch.eye(3), "same holds torch.float32, a tensor of true or false"),
    ],
)
def test_what_the_supervised_contrastive_loss_cannot_compare_is_refused(logits, same, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        supervised_contrastive(logits, same)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_alignment_is_the_mean_squared_distance_of_matching_rows(n, seed):
    images, texts = (normalize(normals(n, 5, seed=seed + k).double(), dim=1) for k in (0, 1))
    distances = torch.cdist(images, texts) ** 2
    torch.testing.assert_close(alignment(images @ texts.T), distances.diagonal().mean())
    true = torch.from_numpy(np.random.default_rng(seed).random((n, n)) < 0.5)
    true[0, 0] = True
    torch.testing.assert_close(alignment(images @ texts.T, true), distances[true].mean())


def test_alignment_pulls_what_belongs_together_and_pushes_nothing():
    similarities = torch.tensor([[1.0, 0.9], [-0.5, -1.0]], requires_grad=True)
    loss = alignment(similarities)
    assert loss.item() == pytest.approx((0 + 4) / 2)
    loss.backward()
    assert torch.equal(similarities.grad, -torch.eye(2))


@pytest.mark.parametrize(
    ("similarities", "true", "said"),
    [
        (torch.zeros(3, 2), None, "true is .3, 3., similarities .3, 2."),
        (torch.zeros(0, 0), None, "as at least one is"),
        (torch.zeros(2, 2), torch.zeros(2, 2).bool(), "as at least one is"),
        (torch.zeros(2, 2), torch.eye(3).bool(), "true is .3, 3., similarities .2, 2."),
        (
            torch.zeros(4),
            None,
            "similarities of shape .4,. where .* is needed; give each picture a row of cosines",
        ),
    ],
)
def test_what_alignment_cannot_be_of_is_refused(similarities, true, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        alignment(similarities, true)


@pytest.mark.parametrize("loss", [info_nce, sigmoid_loss, supervised_contrastive])
@pytest.mark.parametrize("shape", [(2,), (1, 2, 2)])
def test_logits_that_are_no_matrix_are_refused(loss, shape):
    said = r"^logits of shape .* where \(rows, columns\) is needed; give each picture a row of scal"
    with plain_python(), pytest.raises(ValueError, match=said + "ed similarities$"):
        loss(torch.zeros(shape), torch.ones(shape, dtype=torch.bool))


def test_many_cells_in_half_precision_cost_what_they_cost_in_float32():
    logits = torch.zeros(512, 512)
    for dtype in (torch.float16, torch.bfloat16):
        loss = sigmoid_loss(logits.to(dtype))
        assert loss.dtype == dtype
        assert loss.item() == pytest.approx(sigmoid_loss(logits).item(), rel=0.01)


def test_alignment_adds_up_more_than_half_precision_holds():
    far = torch.full((300, 300), -1.0).half()
    assert alignment(far, torch.ones(300, 300).bool()).item() == 4


def test_several_true_texts_keep_the_precision_of_the_logits():
    true = torch.eye(3).bool()
    for dtype in (torch.float16, torch.float32, torch.float64):
        assert info_nce(torch.eye(3, dtype=dtype), true).dtype == dtype
