"""Pooling reads what it says, and never padding."""

import pytest
import torch

from clipbook.transformer import pool
from tests.tiny import normals

X = normals(3, 5, 4)
MASK = torch.arange(5) < torch.tensor([[5], [3], [1]])


def test_first_reads_the_first_token():
    assert torch.equal(pool(X, "first"), X[:, 0])
    assert torch.equal(pool(X, "first", MASK), X[:, 0])


def test_last_reads_the_last_real_token():
    assert torch.equal(pool(X, "last"), X[:, 4])
    assert torch.equal(pool(X, "last", MASK), torch.stack([X[0, 4], X[1, 2], X[2, 0]]))


def test_mean_averages_the_real_tokens():
    torch.testing.assert_close(pool(X, "mean"), X.sum(dim=1) / 5)
    expected = torch.stack([X[0].mean(dim=0), X[1, :3].mean(dim=0), X[2, 0]])
    torch.testing.assert_close(pool(X, "mean", MASK), expected)


@pytest.mark.parametrize("how", ["first", "last", "mean"])
def test_padding_is_never_read(how):
    changed = torch.where(MASK[..., None], X, torch.full_like(X, 1e6))
    torch.testing.assert_close(pool(changed, how, MASK), pool(X, how, MASK))


@pytest.mark.parametrize("how", ["first", "last", "mean"])
@pytest.mark.parametrize("row", [[True, False, True], [False, True, True], [False] * 3])
def test_a_mask_in_which_real_tokens_do_not_come_first_is_refused(how, row):
    with pytest.raises(ValueError, match=r"mask\[1\] .*real tokens come first"):
        pool(X[:2, :3], how, torch.tensor([[True] * 3, row]))


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="how='max'.*'first', 'last' or 'mean'"):
        pool(X, "max")
