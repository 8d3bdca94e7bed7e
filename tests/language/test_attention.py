"""Shared keys and values are the usual attention with repeated ones."""

import re

import pytest
import torch

from clipbook.language import GroupedQueryAttention, KVCache, rotary
from clipbook.language.rotary import turns
from clipbook.transformer import MultiHeadAttention
from tests.plain import plain_python
from tests.tiny import normals


@torch.no_grad()
def test_with_a_head_each_and_no_turn_it_is_the_usual_attention():
    ours, usual = GroupedQueryAttention(16, 4, 4, 4), MultiHeadAttention(16, 4)
    usual.query_key_value.weight.copy_(
        torch.cat([ours.query.weight, ours.key.weight, ours.value.weight])
    )
    usual.query_key_value.bias.zero_()
    usual.output.weight.copy_(ours.output.weight)
    usual.output.bias.zero_()
    x, still = normals(2, 5, 16), turns(torch.zeros(5, dtype=torch.long), 4, 10.0)
    torch.testing.assert_close(ours(x, still), usual(x), atol=1e-6, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("kv_heads", [1, 2, 3, 6])
def test_groups_share_in_order(kv_heads):
    """Query head h looks at head h // (heads / kv_heads) of keys and values, step by step."""
    attention = GroupedQueryAttention(12, 6, kv_heads, 4)
    x, positions = normals(2, 5, 12), torch.arange(5)
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    found = attention(x, turns(positions, 4, 10_000.0), causal)
    gathered = []
    for head in range(6):
        shared = head // (6 // kv_heads)
        query = (x @ attention.query.weight.T)[..., 4 * head : 4 * head + 4]
        key = (x @ attention.key.weight.T)[..., 4 * shared : 4 * shared + 4]
        value = (x @ attention.value.weight.T)[..., 4 * shared : 4 * shared + 4]
        query, key = (rotary(part[:, None], positions)[:, 0] for part in (query, key))
        scores = (query @ key.transpose(1, 2) / 4**0.5).masked_fill(~causal, -torch.inf)
        gathered.append(scores.softmax(-1) @ value)
    expected = torch.cat(gathered, -1) @ attention.output.weight.T
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_fewer_heads_of_keys_make_a_smaller_cache():
    held = {}
    for kv_heads in (1, 4):
        cache = KVCache(1)
        attention = GroupedQueryAttention(16, 4, kv_heads, 4)
        attention(normals(2, 5, 16), turns(torch.arange(5), 4, 10.0), None, cache)
        held[kv_heads] = cache.numbers
    assert held == {1: 2 * 2 * 5 * 4, 4: 4 * 2 * 2 * 5 * 4}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((16, 4, 3, 4), "heads=4 is not a multiple of kv_heads=3; try kv_heads=1 or 2 or 4"),
        ((16, 4, 1, 5), "head_dim=5 is odd"),
        ((16, 0, 1, 4), "heads=0 is not a whole number"),
        ((16, 4, 0, 4), "kv_heads=0 is not a whole number"),
        ((2.5, 4, 1, 4), "width=2.5 is not a whole number"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, message):
    with plain_python(), pytest.raises(ValueError, match=re.escape(message)):
        GroupedQueryAttention(*sizes)
