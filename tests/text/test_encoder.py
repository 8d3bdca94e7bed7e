"""The text encoder: padding is nothing, the future is hidden, positions are known."""

from functools import cache
from math import cos, sin

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clipbook.text import TextConfig, TextEncoder, sinusoidal_positions
from tests.plain import plain_python
from tests.tiny import text_config

CHOICES = [
    ("last", "learned"),
    ("first", "learned"),
    ("last", "sinusoidal"),
    ("first", "sinusoidal"),
]


def encoder(pooling: str = "last", positions: str = "learned", **changes) -> TextEncoder:
    torch.manual_seed(0)
    made = TextEncoder(text_config(pooling=pooling, positions=positions, depth=2, **changes))
    with torch.no_grad():  # away from the small values of the start, so that differences show
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made.eval()


kept = cache(encoder)  # of which many examples are asked


def some_ids(batch: int, tokens: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(3, 330, (batch, tokens), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("pooling", "positions"), CHOICES)
@given(used=st.integers(1, 12), padding=st.integers(1, 12), seed=st.integers(0, 999))
@settings(max_examples=10)
def test_padding_changes_nothing(pooling, positions, used, padding, seed):
    model = encoder(pooling, positions)
    alone = some_ids(1, used, seed)
    padded = torch.cat([alone, some_ids(1, padding, seed + 1)], dim=1)
    mask = (torch.arange(used + padding) < used)[None]
    torch.testing.assert_close(model(padded, mask), model(alone), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("pooling", "positions"), CHOICES)
def test_company_in_the_batch_changes_nothing(pooling, positions):
    model, token_ids = encoder(pooling, positions), some_ids(3, 12)
    mask = torch.arange(12) < torch.tensor([[4], [12], [7]])
    together = model(token_ids, mask)
    for k in range(3):
        alone = model(token_ids[k : k + 1], mask[k : k + 1])
        torch.testing.assert_close(together[k : k + 1], alone, atol=1e-5, rtol=0)


def after_the_blocks(model: TextEncoder, token_ids: torch.Tensor) -> torch.Tensor:
    return model.intermediates(token_ids)["block 2"]


@pytest.mark.parametrize("pooling", ["last", "first"])
def test_a_later_token_is_seen_only_without_the_causal_mask(pooling):
    model, token_ids = encoder(pooling), some_ids(1, 8)
    changed = token_ids.clone()
    changed[0, 5] = 3 + (changed[0, 5] - 2) % 327
    change = (
        (after_the_blocks(model, token_ids) - after_the_blocks(model, changed)).abs().amax(-1)[0]
    )
    assert (change[5:] > 1e-4).all()
    if pooling == "last":
        assert (change[:5] == 0).all()
    else:
        assert (change[:5] > 1e-4).all()


def test_pooling_reads_the_last_real_token_or_the_first():
    token_ids = some_ids(2, 8)
    mask = torch.arange(8) < torch.tensor([[5], [8]])
    for pooling, where in (("last", [4, 7]), ("first", [0, 0])):
        model = encoder(pooling)
        if pooling == "first":
            mask = torch.ones_like(mask)
        read = model.norm(after_the_blocks(model, token_ids))[torch.arange(2), where]
        torch.testing.assert_close(model.features(token_ids, mask), read, atol=1e-5, rtol=0)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_the_order_of_tokens_matters(positions):
    model, token_ids = encoder("first", positions), some_ids(1, 8)
    swapped = token_ids[:, [0, 2, 1, 3, 4, 5, 6, 7]]
    assert (model(token_ids) - model(swapped)).abs().max() > 1e-3


def test_the_output_is_the_projected_features():
    model, token_ids = encoder(), some_ids(3, 8)
    assert model.features(token_ids).shape == (3, 16)
    assert model(token_ids).shape == (3, 8)
    torch.testing.assert_close(
        model(token_ids), model.features(token_ids) @ model.projection.weight.T
    )


@pytest.mark.parametrize(("pooling", "positions"), CHOICES)
def test_intermediates_are_named_from_the_embedding_to_the_output(pooling, positions):
    model, token_ids = encoder(pooling, positions), some_ids(3, 12)
    mask = torch.arange(12) < torch.tensor([[5], [8], [2]])
    parts = model.intermediates(token_ids, mask)
    assert list(parts) == ["embedded", "block 1", "block 2", "features", "projected"]
    embedded = model.token_embedding(token_ids) + model.positions[:12]
    torch.testing.assert_close(parts["embedded"], embedded)
    assert parts["block 1"].shape == parts["block 2"].shape == (3, 12, 16)
    torch.testing.assert_close(parts["features"], model.features(token_ids, mask))
    torch.testing.assert_close(parts["projected"], model(token_ids, mask))


@pytest.mark.parametrize(("tokens", "width"), [(1, 2), (7, 8), (32, 64)])
def test_sinusoidal_positions_follow_the_formula(tokens, width):
    found = sinusoidal_positions(tokens, width)
    assert found.shape == (tokens, width)
    for position in range(tokens):
        for i in range(width // 2):
            angle = position / 10_000 ** (2 * i / width)
            assert found[position, 2 * i] == pytest.approx(sin(angle), abs=1e-5)
            assert found[position, 2 * i + 1] == pytest.approx(cos(angle), abs=1e-5)


def test_sinusoidal_positions_are_not_learned():
    names = {name for name, _ in encoder(positions="sinusoidal").named_parameters()}
    assert "positions" not in names
    assert "positions" in dict(encoder().named_parameters())


@pytest.mark.parametrize("pooling", ["last", "first"])
def test_attention_weights_of_every_layer_and_head(pooling):
    model, token_ids = encoder(pooling), some_ids(3, 8)
    mask = torch.arange(8) < torch.tensor([[5], [8], [2]])
    weights = model.attention_weights(token_ids, mask)
    assert weights.shape == (2, 3, 2, 8, 8)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 2, 8))
    if pooling == "last":
        assert (weights.triu(1) == 0).all()
    else:
        assert (weights[:, 0, :, :, 5:] == 0).all()
        assert (weights[:, 1] > 0).all()


def test_too_many_tokens_are_refused():
    with pytest.raises(ValueError, match="25 tokens are more than context_length=24.*batch"):
        encoder()(some_ids(1, 25))


@pytest.mark.parametrize("wrong", [-1, 330])
@pytest.mark.parametrize("method", ["forward", "intermediates", "attention_weights"])
def test_ids_outside_the_vocabulary_are_refused(wrong, method):
    token_ids = some_ids(2, 8)
    token_ids[1, 3] = wrong
    with pytest.raises(ValueError, match=f"{wrong}.*don't fit vocab_size=330.*tokenizer"):
        getattr(encoder(), method)(token_ids)


@pytest.mark.parametrize("pooling", ["last", "first"])
@pytest.mark.parametrize("method", ["forward", "features", "intermediates", "attention_weights"])
@given(row=st.lists(st.booleans(), min_size=4, max_size=9))
def test_a_mask_is_read_where_real_tokens_come_first_and_refused_elsewhere(pooling, method, row):
    mask = torch.tensor([[True] * len(row), row])
    run = getattr(kept(pooling), method)
    if row[0] and row == sorted(row, reverse=True):
        out = run(some_ids(2, len(row)), mask)
        for values in out.values() if isinstance(out, dict) else [out]:
            assert values.isfinite().all()
        return
    with pytest.raises(ValueError, match=r"mask\[1\] .*real tokens come first.*Tokenizer.batch"):
        run(some_ids(2, len(row)), mask)


def test_no_tokens_and_a_mask_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"token_ids \(0, 4\) hold no tokens; give at least one"):
        encoder()(some_ids(0, 4), torch.ones(0, 4, dtype=torch.bool))
    with plain_python(), pytest.raises(ValueError, match=r"shape \(1, 4\), token_ids \(2, 4\)"):
        encoder()(some_ids(2, 4), torch.ones(1, 4, dtype=torch.bool))


def test_a_mask_of_numbers_is_refused():
    with plain_python(), pytest.raises(ValueError, match=r"torch.int64.*try mask.bool\(\)"):
        encoder()(some_ids(2, 4), torch.ones(2, 4, dtype=torch.int64))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pooling": "mean"}, "pooling='mean'; try last or first"),
        ({"positions": "rotary"}, "positions='rotary'; try learned or sinusoidal"),
        ({"activation": "relu"}, "activation='relu'; try gelu or quick_gelu"),
        ({"width": 64, "heads": 3}, "width=64 is not a multiple of heads=3.*try"),
        ({"width": 63, "heads": 2}, "width=63 is not a multiple of heads=2; try heads=1 or 3"),
        ({"heads": 0}, "heads=0.*try"),
        ({"width": 15, "heads": 3, "positions": "sinusoidal"}, "width=15 is odd.*try 16"),
    ],
)
def test_a_config_that_cannot_be_built_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        TextConfig(**change)


@torch.no_grad()
def test_the_last_place_is_read_padding_or_not_and_sees_every_place():
    model, token_ids = encoder("last_place"), some_ids(3, 24)
    mask = torch.arange(24) < torch.tensor([[24], [5], [1]])
    read = model.norm(after_the_blocks(model, token_ids))[:, -1]
    torch.testing.assert_close(model.features(token_ids, mask), read)
    weights = model.attention_weights(token_ids, mask)
    assert (weights > 0).all()
    torch.testing.assert_close(weights, model.attention_weights(token_ids))


def test_fewer_tokens_than_the_last_place_needs_are_refused():
    for method in ("forward", "features", "intermediates", "attention_weights"):
        with pytest.raises(ValueError, match="7 tokens are fewer than context_length=24"):
            getattr(encoder("last_place"), method)(some_ids(2, 7))


def test_a_projection_with_a_bias_adds_it():
    model, token_ids = encoder(projection_bias=True), some_ids(2, 6)
    with torch.no_grad():
        model.projection.bias.fill_(3.0)
        projected = model.features(token_ids) @ model.projection.weight.T
        torch.testing.assert_close(model(token_ids), projected + 3.0)
    assert encoder().projection.bias is None


def test_the_eps_of_every_norm_is_the_configs():
    model = encoder(norm_eps=0.25)
    norms = [part.eps for part in model.modules() if isinstance(part, torch.nn.LayerNorm)]
    assert norms == [0.25] * (2 * model.config.depth + 1)


@pytest.mark.parametrize("method", ["forward", "features", "intermediates", "attention_weights"])
@pytest.mark.parametrize("mask", [None, torch.ones(3, dtype=torch.bool)])
def test_a_text_outside_a_batch_is_refused(method, mask):
    said = r"^token_ids of shape \(3,\) where \(batch, tokens\) is needed; try token_ids\[None\]$"
    with plain_python(), pytest.raises(ValueError, match=said):
        getattr(encoder(), method)(torch.tensor([1, 5, 2]), mask)


def test_an_encoder_without_blocks_has_no_attention():
    model = TextEncoder(text_config(depth=0))
    assert model.attention_weights(some_ids(3, 7)).shape == (0, 3, 2, 7, 7)


@pytest.mark.parametrize(
    ("tokens", "width", "said"),
    [
        (-1, 4, "^tokens=-1 is not a whole number from 0 to 1,048,576; try 32$"),
        (2.5, 4, "^tokens=2.5 is not a whole number"),
        (3, -2, "^width=-2 is not a whole number from 1 to 1,048,576; try 64$"),
        (3, 2.5, "^width=2.5 is not a whole number"),
    ],
)
def test_waves_of_no_size_are_refused(tokens, width, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        sinusoidal_positions(tokens, width)


def test_no_tokens_have_no_waves():
    assert sinusoidal_positions(0, 4).shape == (0, 4)
