"""Pooling reads what it says, and never padding."""

import pytest
import torch
from torch import nn

from clipbook.transformer import AttentionPooling, Block, pool
from tests.plain import plain_python
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


def attention_pooling() -> tuple[AttentionPooling, nn.MultiheadAttention]:
    """Ours with random weights, and torch's attention with the same."""
    torch.manual_seed(0)
    ours, theirs = AttentionPooling(16, 2, 24), nn.MultiheadAttention(16, 2, batch_first=True)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        theirs.in_proj_weight.copy_(ours.attention.query_key_value.weight)
        theirs.in_proj_bias.copy_(ours.attention.query_key_value.bias)
    theirs.out_proj = ours.attention.output
    return ours.eval(), theirs.eval()


@torch.no_grad()
def test_attention_pooling_is_torchs_attention_of_one_query_then_a_feed_forward_network():
    ours, theirs = attention_pooling()
    x = normals(3, 7, 16)
    query = ours.query.expand(3, 1, -1)
    answer, shares = theirs(query, x, x, average_attn_weights=False)
    expected = answer[:, 0] + ours.mlp(ours.mlp_norm(answer[:, 0]))
    out, weights = ours.with_weights(x)
    torch.testing.assert_close(out, expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours(x), expected, atol=1e-6, rtol=1e-5)
    assert weights.shape == (3, 2, 7)
    torch.testing.assert_close(weights, shares[:, :, 0], atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_attention_pooling_does_not_know_the_order_of_tokens():
    ours, _ = attention_pooling()
    x = normals(3, 7, 16)
    torch.testing.assert_close(ours(x.flip(1)), ours(x), atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_attention_pooling_with_a_query_of_nothing_weighs_all_tokens_alike():
    ours, _ = attention_pooling()
    ours.query.zero_()
    ours.attention.query_key_value.bias.zero_()
    torch.testing.assert_close(ours.with_weights(normals(2, 5, 16))[1], torch.full((2, 2, 5), 0.2))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((16, 3, 24), "width=16 is not a multiple of heads=3"), ((16, 4, 0), "mlp_width=0 is not a")],
)
def test_attention_pooling_refuses_sizes_that_make_no_sense(sizes, message):
    with pytest.raises(ValueError, match=message):
        AttentionPooling(*sizes)


@pytest.mark.parametrize("how", ["first", "last", "mean"])
@pytest.mark.parametrize("shape", [(3, 1), (3, 2), (1, 5), (3, 6)])
def test_a_mask_of_other_tokens_is_refused(how, shape):
    said = rf"^mask has the shape \({shape[0]}, {shape[1]}\), x \(3, 5, 4\); a mask says of each"
    with plain_python(), pytest.raises(ValueError, match=said):
        pool(X, how, torch.ones(shape, dtype=torch.bool))


@pytest.mark.parametrize("how", ["first", "last", "mean"])
def test_tokens_outside_a_batch_are_refused(how):
    said = r"^x of shape \(5, 4\) where \(batch, tokens, width\) is needed; try x\[None\]$"
    with plain_python(), pytest.raises(ValueError, match=said):
        pool(X[0], how)


@pytest.mark.parametrize("how", ["first", "last", "mean"])
def test_no_tokens_have_no_average(how):
    with pytest.raises(ValueError, match="holds no tokens to pool"):
        pool(torch.zeros(2, 0, 4), how)


@pytest.mark.parametrize("norm_eps", [0.0, -1.0])
def test_what_the_norm_adds_is_above_zero(norm_eps):
    for make in (Block, AttentionPooling):
        with pytest.raises(ValueError, match="norm_eps=.* is not a finite number above 0"):
            make(8, 2, 16, norm_eps=norm_eps)
