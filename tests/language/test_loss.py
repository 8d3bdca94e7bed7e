"""What a text costs: ln V for a guess, and the next token, not the same one."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from clipbook.language import next_token_loss, token_log_probabilities
from tests.plain import plain_python
from tests.tiny import normals

IDS = torch.tensor([[1, 4, 0, 2], [3, 3, 1, 0]])


@pytest.mark.parametrize("vocabulary", [5, 400])
def test_a_guess_costs_the_logarithm_of_the_vocabulary(vocabulary):
    loss = next_token_loss(torch.zeros(2, 4, vocabulary), IDS)
    assert math.isclose(float(loss), math.log(vocabulary), rel_tol=1e-6)


def test_knowing_the_next_token_costs_nothing_and_knowing_the_same_one_much():
    next_ones = 100 * torch.nn.functional.one_hot(IDS.roll(-1, 1), 5).float()
    assert float(next_token_loss(next_ones, IDS)) < 1e-6
    same = 100 * torch.nn.functional.one_hot(IDS, 5).float()
    assert float(next_token_loss(same, IDS)) > 50


def test_the_first_token_and_the_last_row_do_not_count():
    logits, changed = normals(2, 4, 5), IDS.clone()
    changed[:, 0] = 0
    assert torch.equal(next_token_loss(logits, IDS), next_token_loss(logits, changed))
    other = logits.clone()
    other[:, -1] = 9
    assert torch.equal(next_token_loss(logits, IDS), next_token_loss(other, IDS))


def test_the_sum_over_a_text_is_the_logarithm_of_its_probability():
    logits = normals(2, 4, 5)
    p = logits.softmax(-1)
    product = p[1, 0, 3] * p[1, 1, 1] * p[1, 2, 0]
    found = token_log_probabilities(logits, IDS)[1].sum().exp()
    torch.testing.assert_close(found, product)


def test_equal_to_cross_entropy_over_what_counts():
    logits = normals(2, 4, 5)
    counted = torch.tensor([[True, True, False, True], [False, False, True, False]])
    rows, right = logits[:, :-1][counted[:, 1:]], IDS[:, 1:][counted[:, 1:]]
    torch.testing.assert_close(next_token_loss(logits, IDS, counted), cross_entropy(rows, right))


def test_the_mean_is_over_tokens_not_over_texts():
    logits = torch.zeros(2, 4, 5)
    logits[0, 0, 4] = 5.0  # one good prediction
    counted = torch.tensor([[True, True, False, False], [True, True, True, True]])
    good = math.log(math.e**5 + 4) - 5
    expected = (good + 3 * math.log(5)) / 4
    assert math.isclose(float(next_token_loss(logits, IDS, counted)), expected, rel_tol=1e-6)


def test_what_has_nothing_to_predict_is_refused():
    with pytest.raises(ValueError, match="have no next token to predict"):
        next_token_loss(normals(2, 1, 5), IDS[:, :1])
    first = torch.tensor([[True, False, False, False]] * 2)
    with pytest.raises(ValueError, match="true at no token after the first; mark at least one"):
        next_token_loss(normals(2, 4, 5), IDS, first)


def test_logits_of_other_texts_are_refused():
    with plain_python():
        for logits in (normals(2, 6, 9), normals(3, 4, 9), normals(1, 4, 9)):
            with pytest.raises(ValueError, match="leave out the rows of what stands before"):
                next_token_loss(logits, IDS)
        with pytest.raises(ValueError, match="don't fit vocab_size=2"):
            token_log_probabilities(normals(2, 4, 2), IDS)


@pytest.mark.parametrize(
    "counted",
    [torch.ones(2, 4).long(), torch.ones(2, 4), torch.ones(1, 4) > 0, torch.ones(2, 3) > 0],
)
def test_what_counts_is_said_of_each_token_by_true_or_false(counted):
    with plain_python(), pytest.raises(ValueError, match="say true or false of each token"):
        next_token_loss(normals(2, 4, 9), IDS, counted)


def test_logits_without_a_vocabulary_are_refused():
    said = r"^logits of shape \(2, 4\) where \(batch, tokens, vocab_size\) is needed; try"
    with plain_python(), pytest.raises(ValueError, match=said):
        token_log_probabilities(normals(2, 4), IDS)
