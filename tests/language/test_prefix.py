"""Who sees whom: the mask by hand, and what follows from it in a model."""

import pytest
import torch

from clipbook.language import prefix_mask
from tests.plain import plain_python


def rows(*texts: str) -> torch.Tensor:
    return torch.tensor([[letter == "p" for letter in text] for text in texts])


def test_the_mask_of_ragged_rows_by_hand():
    mask = prefix_mask(rows("pp..", "p..."))
    assert mask.shape == (2, 1, 4, 4)
    assert mask[0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert mask[1, 0].int().tolist() == torch.ones(4, 4).tril().int().tolist()


def test_all_prefix_is_all_free():
    assert prefix_mask(rows("ppp")).all()


@pytest.mark.parametrize("broken", [".pp.", "p.p.", "...."])
def test_a_prefix_that_does_not_come_first_is_refused(broken):
    with pytest.raises(ValueError, match=r"in_prefix\[1\] does not begin with its true values"):
        prefix_mask(rows("pp..", broken))


@pytest.mark.parametrize(
    "numbers", [torch.ones(2, 3).long(), torch.ones(2, 3), torch.ones(2, 0) > 0]
)
def test_what_says_neither_true_nor_false_is_refused(numbers):
    with plain_python(), pytest.raises(ValueError, match="say true or false of one token at least"):
        prefix_mask(numbers)


def test_a_text_outside_a_batch_is_refused():
    said = r"^in_prefix of shape \(3,\) where \(batch, tokens\) is needed; try in_prefix\[None\]$"
    with plain_python(), pytest.raises(ValueError, match=said):
        prefix_mask(torch.ones(3, dtype=torch.bool))
