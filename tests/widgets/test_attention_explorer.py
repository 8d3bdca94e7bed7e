"""The attention explorer in Python: what it accepts, keeps, refuses and says."""

import gzip
import json

import numpy as np
import PIL.Image
import pytest
import torch
from ipywidgets.embed import dependency_state

from clipbook.widgets import AttentionExplorer
from tests.plain import plain_python

PICTURE = PIL.Image.new("RGB", (32, 32), "red")


def attention(layers: int, heads: int, keys: int, causal: bool = False) -> torch.Tensor:
    scores = torch.randn(layers, heads, keys, keys, generator=torch.Generator().manual_seed(keys))
    if causal:
        scores = scores.masked_fill(torch.ones(keys, keys).triu(1).bool(), float("-inf"))
    return (2 * scores).softmax(-1)


def words(count: int) -> list[str]:
    return [f"token{k}" for k in range(count)]


def message_from_page(widget: AttentionExplorer, **state) -> None:
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def test_page_gets_the_weights_to_within_half_a_16_bit_step():
    weights = attention(2, 3, 5)
    widget = AttentionExplorer(weights, tokens=words(5))
    sent = np.frombuffer(widget.data, "<u2").reshape(widget.shape) / 65535
    np.testing.assert_allclose(sent, weights, atol=0.5001 / 65535)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_any_precision_with_gradients_are_taken(dtype):
    weights = attention(1, 1, 9).to(dtype).requires_grad_()
    widget = AttentionExplorer(weights, tokens=words(9))
    np.testing.assert_array_equal(widget.weights, weights.detach().float())


def test_the_mean_over_heads_of_the_last_layer_is_shown_unless_asked_otherwise():
    weights = attention(2, 3, 5)
    widget = AttentionExplorer(weights, tokens=words(5))
    assert (widget.layer, widget.head, widget.query) == (1, "mean", 0)
    np.testing.assert_allclose(widget.shown, weights[1].mean(0), atol=1e-6)
    widget.head, widget.layer = -1, "mean"
    assert widget.head == 2
    np.testing.assert_allclose(widget.shown, weights[:, 2].mean(0), atol=1e-6)


@pytest.mark.parametrize(
    ("size", "keys", "grid"),
    [
        ((32, 32), 16, [4, 4]),
        ((32, 32), 17, [4, 4]),
        ((48, 32), 24, [4, 6]),
        ((48, 32), 25, [4, 6]),
        ((32, 32), 1, [1, 1]),
        ((32, 32), 2, [1, 1]),
    ],
)
def test_patches_fill_the_picture_after_a_class_token_if_there_is_one(size, keys, grid):
    image = PIL.Image.new("RGB", size)
    assert AttentionExplorer(attention(1, 1, keys), image=image).grid == grid


def test_what_the_page_changes_is_read_in_python_and_needs_no_new_words():
    widget = AttentionExplorer(attention(2, 3, 5), tokens=words(5))
    seen, before = [], widget.alternative
    widget.observe(seen.append, names=["layer", "head", "query"])
    message_from_page(widget, layer="mean", head=2, query=4)
    assert (widget.layer, widget.head, widget.query) == ("mean", 2, 4)
    assert widget.alternative == before
    assert len(seen) == 3


GOOD = np.full((1, 2, 2, 2), 0.5)
RULES = {
    "batch": ({"weights": GOOD[0]}, ["shape (2, 2, 2)", "are not (layers", "take one: weights[:"]),
    "ragged": ({"weights": [[1.0], []]}, ["weights=[[1.0], []] can't be made", "as long"]),
    "square": ({"weights": np.full((1, 1, 2, 4), 0.25)}, ["(1, 1, 2, 4)", "as many queries as"]),
    "many": ({"weights": attention(1, 17, 64)}, ["69632 numbers", "than the 65536", "choose"]),
    "scores": ({"weights": GOOD - 1}, ["weight of -0.5", "outside [0, 1]", "after the softmax"]),
    "nan": ({"weights": GOOD * np.nan}, ["weight of nan", "outside [0, 1]", "give what comes"]),
    "sum": ({"weights": GOOD * 0.9}, ["sums to 0.9", "instead of 1", "give all keys"]),
    "neither": ({"tokens": None}, ["neither of tokens and image", "give tokens="]),
    "both": ({"image": PICTURE}, ["both of tokens and image", "give tokens="]),
    "tokens": ({"tokens": ["one"]}, ["1 tokens for 2 keys", "one text a token", "weights[..., :n"]),
    "layer": ({"layer": 1}, ["layer=1", "none of the 1 layers", "or 'mean'"]),
    "head": ({"head": "max"}, ["head='max'", "none of the 2 heads", "0 to 1"]),
    "query": ({"query": 2}, ["query=2", "none of the 2 queries", "0 to 1"]),
    "half a layer": ({"layer": 0.5}, ["layer=0.5", "none of the 1 layers"]),
    "head by truth": ({"head": True}, ["head=True", "none of the 2 heads"]),
    "half a query": ({"query": 0.5}, ["query=0.5", "none of the 2 queries"]),
    "causal": ({"causal": True}, ["weights[0, 0, 0, 1]=0.5", "no query looks", "leave causal"]),
    "picture": (
        {"weights": attention(1, 1, 7), "tokens": None, "image": PICTURE},
        ["7 keys", "32 × 32 px", "give the picture as"],
    ),
    "causal picture": (
        {"tokens": None, "image": PICTURE, "causal": True},
        ["causal=True with an image", "no before", "leave causal out"],
    ),
}


@pytest.mark.parametrize("case", RULES)
def test_bad_input_gets_value_rule_and_remedy(case):
    changed, parts = RULES[case]
    with plain_python(), pytest.raises(ValueError) as error:
        AttentionExplorer(**({"weights": GOOD, "tokens": ["one", "two"]} | changed))
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(("name", "value"), [("layer", 2), ("head", "all"), ("query", 5)])
def test_a_refused_assignment_changes_nothing(name, value):
    widget = AttentionExplorer(attention(2, 3, 5), tokens=words(5))
    before = widget.get_state()
    with pytest.raises(ValueError, match="; use 0 to"):
        setattr(widget, name, value)
    assert widget.get_state() == before


def test_alternative_names_the_keys_that_a_query_looks_at_most():
    row = [0.05, 0.7, 0.25]
    widget = AttentionExplorer([[[row, row, row]]], tokens=["a", " red", " disc"], query=2)
    assert widget.alternative == (
        "Attention, layer 0, mean of all heads: “␣disc” looks most at “␣red” (0.70), then itself "
        "(0.25) and “a” (0.05); even shares would be 0.33."
    )


def test_alternative_names_patches_after_the_class_token_and_places_from_1():
    row = [0.1, 0.0, 0.0, 0.0, 0.9]
    widget = AttentionExplorer([[[row] * 5]], image=PICTURE, head=0, query=2)
    assert widget.alternative == (
        "Attention, layer 0, head 0: Patch 1 (row 1, column 2) looks most at row 2, column 2 "
        "(0.90), then the class token (0.10) and row 1, column 1 (0.00); even shares would be 0.20."
    )


@pytest.mark.parametrize(
    ("token", "name"), [("", "“∅”"), (" a\n", "“␣a↵”"), ("\0\ufffe<&", "“0000FFFE<&”")]
)
def test_alternative_names_a_token_that_has_no_shape(token, name):
    widget = AttentionExplorer(attention(1, 1, 3), tokens=[token, "the", "a"])
    assert f": {name} looks most at" in widget.alternative


def test_alternative_claims_no_preference_where_there_is_none():
    even = AttentionExplorer(np.full((1, 1, 4, 4), 0.25), tokens=words(4))
    assert "“token0” looks at all 4 keys alike (0.25)." in even.alternative
    first = AttentionExplorer(attention(1, 1, 4, causal=True), tokens=words(4), causal=True)
    assert "“token0” may look only at itself." in first.alternative
    first.query = 1
    assert "even shares would be 0.50" in first.alternative
    assert "token2" not in first.alternative


@pytest.mark.parametrize(("layers", "heads", "keys"), [(3, 4, 17), (2, 2, 32), (2, 8, 64)])
def test_state_stays_small(layers, heads, keys):
    weights = attention(layers, heads, keys)
    given = {"image": PICTURE} if keys == 17 else {"tokens": words(keys)}
    widget = AttentionExplorer(weights, **given)
    state = json.dumps(dependency_state([widget], drop_defaults=False))
    assert len(gzip.compress(state.encode())) <= (150_000 if keys == 64 else 30_000)


@pytest.mark.parametrize(
    ("tokens", "parts"),
    [
        ("ab", ["tokens='ab' is one string", "try a list"]),
        (["a", "b\ud800"], ["tokens[1]=", "lone surrogate at 1", "try text.encode"]),
    ],
)
def test_what_is_no_list_of_texts_is_refused_by_name(tokens, parts):
    with pytest.raises(ValueError) as raised:
        AttentionExplorer(attention(1, 1, 2), tokens=tokens)
    assert all(part in str(raised.value) for part in parts)
