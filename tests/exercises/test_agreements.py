"""What two of the book's answers, or one and the package, must agree on: no answer says that."""

import pytest
import torch

from clipbook.evaluation import recall_at_k

from .chapter import EXERCISES


def answer(exercise: str, function: str):
    return EXERCISES[exercise].define(EXERCISES[exercise].solution)[function]


def test_pair_is_right_if_picture_and_caption_have_a_margin_above_0():
    grid = torch.rand(30, 30, generator=torch.Generator().manual_seed(0))
    margins = answer("margins", "margins")
    right = (margins(grid) > 0) & (margins(grid.T) > 0)
    assert answer("share-right", "share_right")(grid) == right.float().mean()


def test_ranks_agree_with_the_package_s_recall():
    similarities = torch.rand(20, 20, generator=torch.Generator().manual_seed(0))
    ranks = answer("caption-ranks", "caption_ranks")(similarities)
    for k in (1, 3, 20):
        share = (ranks <= k).float().mean().item()
        assert share == pytest.approx(recall_at_k(similarities, k)[0])
