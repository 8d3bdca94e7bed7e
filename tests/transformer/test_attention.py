"""Attention equals PyTorch's, and its weights are what they claim to be."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from clipbook.transformer import MultiHeadAttention, allowed_keys
from clipbook.transformer.attention import check_heads
from tests.plain import plain_python
from tests.tiny import normals

SIZES = [(16, 1), (16, 4), (24, 3), (64, 8)]
MASK = torch.arange(7) < torch.tensor([[7], [3], [1]])
CASES = {
    "free": (False, None),
    "causal": (True, None),
    "padded": (False, MASK),
    "causal and padded": (True, MASK),
}


def both(width: int, heads: int) -> tuple[MultiHeadAttention, nn.MultiheadAttention]:
    """Ours and PyTorch's, with the same weights."""
    torch.manual_seed(0)
    ours = MultiHeadAttention(width, heads)
    theirs = nn.MultiheadAttention(width, heads, batch_first=True)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.copy_(width**-0.5 * torch.randn_like(parameter))
        theirs.in_proj_weight.copy_(ours.query_key_value.weight)
        theirs.in_proj_bias.copy_(ours.query_key_value.bias)
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)
    return ours, theirs


def their_masks(causal: bool, mask: torch.Tensor | None, tokens: int) -> dict:
    """PyTorch marks what is *not* allowed."""
    return {
        "attn_mask": ~torch.ones(tokens, tokens).tril().bool() if causal else None,
        "key_padding_mask": None if mask is None else ~mask,
    }


@pytest.mark.parametrize(("width", "heads"), SIZES)
@pytest.mark.parametrize("case", CASES)
def test_equals_torch(width, heads, case):
    causal, mask = CASES[case]
    ours, theirs = both(width, heads)
    x = normals(3, 7, width)
    allowed = allowed_keys(7, mask, causal=causal)
    expected, expected_weights = theirs(
        x, x, x, average_attn_weights=False, **their_masks(causal, mask, 7)
    )
    torch.testing.assert_close(ours(x, allowed), expected, atol=1e-6, rtol=0)
    gathered, weights = ours.with_weights(x, allowed)
    torch.testing.assert_close(gathered, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(weights, expected_weights, atol=1e-6, rtol=0)


@pytest.mark.parametrize("case", CASES)
def test_gradients_equal_torch(case):
    causal, mask = CASES[case]
    ours, theirs = both(16, 4)
    direction = normals(3, 7, 16, seed=1)
    gradients = []
    for run in (
        lambda x: ours(x, allowed_keys(7, mask, causal=causal)),
        lambda x: ours.with_weights(x, allowed_keys(7, mask, causal=causal))[0],
        lambda x: theirs(x, x, x, need_weights=False, **their_masks(causal, mask, 7))[0],
    ):
        x = normals(3, 7, 16).requires_grad_()
        (run(x) * direction).sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(gradients[0], gradients[2], atol=1e-5, rtol=0)
    torch.testing.assert_close(gradients[1], gradients[2], atol=1e-5, rtol=0)
    # three backward passes have added up: two into ours, one into PyTorch's
    torch.testing.assert_close(
        ours.query_key_value.weight.grad / 2, theirs.in_proj_weight.grad, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("case", CASES)
def test_weights_are_shares_of_what_is_allowed(case):
    causal, mask = CASES[case]
    allowed = allowed_keys(7, mask, causal=causal)
    _, weights = both(16, 4)[0].with_weights(normals(3, 7, 16), allowed)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 4, 7))
    assert (weights >= 0).all()
    may_look = torch.ones(3, 4, 7, 7, dtype=torch.bool)
    for k in range(3):
        for query in range(7):
            for key in range(7):
                hidden = (causal and key > query) or (mask is not None and not mask[k, key])
                may_look[k, :, query, key] = not hidden
    assert (weights[~may_look] == 0).all()
    assert (weights[may_look] > 0).all()


def test_without_masks_every_token_looks_everywhere():
    assert allowed_keys(5) is None


def test_attention_without_positions_does_not_know_the_order():
    ours, x = both(16, 4)[0], normals(1, 7, 16)
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    torch.testing.assert_close(ours(x[:, order]), ours(x)[:, order], atol=1e-6, rtol=0)


def test_one_token_gets_its_own_value():
    ours, x = both(16, 4)[0], normals(2, 1, 16)
    value = ours.query_key_value(x)[..., 32:]
    torch.testing.assert_close(ours(x), ours.output(value), atol=1e-6, rtol=0)


@given(width=st.integers(1, 400), heads=st.integers(1, 500))
def test_heads_that_do_not_divide_the_width_are_refused_with_ones_that_do(width, heads):
    if width % heads == 0:
        check_heads(width, heads)
        return
    with pytest.raises(ValueError, match=f"width={width} is not .* heads={heads}; ") as caught:
        check_heads(width, heads)
    advised = [int(one) for one in re.findall(r"\d+", str(caught.value).split("try")[1])]
    assert advised
    assert all(width % one == 0 for one in advised)


def test_the_nearest_heads_below_and_above_are_advised():
    with pytest.raises(ValueError, match="; try heads=2 or 4$"):
        check_heads(64, 3)


@pytest.mark.parametrize(
    ("width", "heads", "message"),
    [
        (16, 0, r"^heads=0 is not a whole number from 1 to .*; try 2$"),
        (16, -2, r"^heads=-2 is not a whole number from 1 to .*; try 2$"),
        (0, 2, r"^width=0 is not a whole number from 1 to .*; try 64$"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(width, heads, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(width, heads)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ([True, False, True], "has padding between real tokens"),
        ([False, True, True], "begins with padding"),
        ([False] * 3, "begins with padding"),
    ],
)
@pytest.mark.parametrize("causal", [False, True])
def test_a_mask_in_which_real_tokens_do_not_come_first_is_refused(row, problem, causal):
    with pytest.raises(ValueError, match=rf"^mask\[1\] {problem}; real tokens come first"):
        allowed_keys(3, torch.tensor([[True] * 3, row]), causal=causal)


@pytest.mark.parametrize(
    ("shape", "remedy"), [((3,), r"try mask\[None\]"), ((1, 1, 3), "give it these axes")]
)
def test_a_mask_outside_a_batch_is_refused_on_any_device(shape, remedy):
    said = rf"^mask of shape {re.escape(str(shape))} where \(batch, tokens\) is needed; {remedy}$"
    for device in ("cpu", "meta"):
        mask = torch.ones(shape, dtype=torch.bool, device=device)
        with plain_python(), pytest.raises(ValueError, match=said):
            allowed_keys(3, mask)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", [(2, 3), (2, 1)])
def test_a_mask_of_other_tokens_is_refused(shape, causal):
    with plain_python(), pytest.raises(ValueError, match=r"mask is \(2, .\) for 5 tokens"):
        allowed_keys(5, torch.ones(shape, dtype=torch.bool), causal=causal)


def test_what_is_allowed_lies_where_the_mask_lies():
    mask = torch.ones(2, 5, dtype=torch.bool, device="meta")
    assert allowed_keys(5, mask, causal=True).device.type == "meta"
