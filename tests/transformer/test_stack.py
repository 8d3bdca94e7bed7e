"""A stack is its blocks, one after another, and shows what each of them hands on."""

import pytest
import torch
from torch import nn

from clipbook.transformer import Block, Stack, allowed_keys, pool
from tests.tiny import normals

MASK = torch.arange(7) < torch.tensor([[7], [3], [1]])
ALLOWED = [None, allowed_keys(7, causal=True), allowed_keys(7, MASK)]
CASES = pytest.mark.parametrize("allowed", ALLOWED, ids=["free", "causal", "padded"])


def stack(depth: int = 3) -> Stack:
    torch.manual_seed(0)
    return Stack(Block(16, 4, 40) for _ in range(depth))


@CASES
def test_blocks_run_one_after_another(allowed):
    first, second, third = blocks = stack()
    x = normals(3, 7, 16)
    expected = third(second(first(x, allowed), allowed), allowed)
    torch.testing.assert_close(blocks(x, allowed), expected)


@CASES
def test_intermediates_are_what_each_block_takes_and_gives(allowed):
    blocks, x = stack(), normals(3, 7, 16)
    tokens = blocks.intermediates(x, allowed)
    assert list(tokens) == ["embedded", "block 1", "block 2", "block 3"]
    assert tokens["embedded"] is x
    before = x
    for block, after in zip(blocks, list(tokens.values())[1:], strict=True):
        torch.testing.assert_close(after, block(before, allowed))
        before = after


@CASES
def test_attention_weights_are_those_of_each_block_for_its_own_input(allowed):
    blocks, x = stack(), normals(3, 7, 16)
    tokens, weights = blocks.intermediates(x, allowed), blocks.attention_weights(x, allowed)
    assert weights.shape == (3, 3, 4, 7, 7)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 3, 4, 7))
    for block, before, own in zip(blocks, tokens.values(), weights, strict=False):
        torch.testing.assert_close(own, block.with_weights(before, allowed)[1])


def test_an_empty_stack_changes_nothing():
    x = normals(3, 7, 16)
    assert stack(0)(x) is x
    assert stack(0).intermediates(x) == {"embedded": x}


def test_weights_are_named_as_in_a_list_of_blocks():
    plain = nn.ModuleList(stack())
    assert list(stack().state_dict()) == list(plain.state_dict())
    assert next(iter(stack().state_dict())) == "0.attention_norm.weight"


def test_a_part_of_a_stack_is_a_stack():
    blocks, x = stack(), normals(3, 7, 16)
    torch.testing.assert_close(blocks[:2](x), blocks.intermediates(x)["block 2"])


def test_an_empty_stack_has_no_attention():
    assert stack(0).attention_weights(normals(3, 7, 16)).shape == (0, 3, 0, 7, 7)


POOLED = pytest.mark.parametrize(
    ("how", "mask", "allowed"),
    [
        *[(how, None, allowed) for how in ("first", "last", "mean") for allowed in ALLOWED],
        *[(how, MASK, ALLOWED[2]) for how in ("first", "last", "mean")],
        ("last", MASK, ALLOWED[1]),
    ],
)


@POOLED
def test_what_is_pooled_has_the_values_and_gradients_of_all_tokens(how, mask, allowed):
    gradients = []
    for whole in (False, True):
        blocks, x = stack().double(), normals(3, 7, 16).double().requires_grad_()
        found = (
            pool(blocks(x, allowed), how, mask) if whole else blocks.pooled(x, how, mask, allowed)
        )
        (found * normals(3, 16, seed=1)).sum().backward()
        gradients.append([found, x.grad, *(weight.grad for weight in blocks.parameters())])
    for ours, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(("how", "tokens"), [("first", 1), ("last", 1), ("mean", 7)])
def test_the_last_block_works_for_the_token_alone_that_is_read(how, tokens):
    blocks, seen = stack(), []
    for block in blocks:
        block.mlp.register_forward_pre_hook(lambda _, given: seen.append(given[0].numel()))
    blocks.pooled(normals(3, 7, 16), how)
    assert seen == [3 * 7 * 16, 3 * 7 * 16, 3 * tokens * 16]


def test_an_empty_stack_pools_what_it_is_given():
    x = normals(3, 7, 16)
    assert torch.equal(stack(0).pooled(x, "last", MASK), pool(x, "last", MASK))


@pytest.mark.parametrize("how", ["max", ""])
def test_an_unknown_pooling_is_refused(how):
    with pytest.raises(ValueError, match=f"how='{how}' is no way to pool; try 'first', 'last' or"):
        stack().pooled(normals(3, 7, 16), how)
