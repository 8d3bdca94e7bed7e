"""The decoder sees what is before, remembers what it has read, and takes vectors as well as ids."""

import math
from dataclasses import replace

import pytest
import torch

from clipbook.language import Decoder, DecoderConfig, KVCache, next_token_loss
from clipbook.language.rotary import turns
from tests import tiny
from tests.plain import plain_python
from tests.tiny import normals

CONFIG = DecoderConfig(40, width=16, depth=3, heads=4, kv_heads=2, head_dim=6, mlp_width=24)


def decoder(config: DecoderConfig = CONFIG) -> Decoder:
    """Random, with no weight at the value that it starts from."""
    torch.manual_seed(0)
    model = Decoder(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def some_ids(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(40, shape, generator=torch.Generator().manual_seed(seed))


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_no_token_sees_a_later_one():
    model, token_ids = decoder(), some_ids(2, 9)
    changed = token_ids.clone()
    changed[:, 5:] = some_ids(2, 4, seed=1)
    assert torch.equal(model(token_ids)[:, :5], model(changed)[:, :5])
    assert (model(token_ids)[:, 5:] - model(changed)[:, 5:]).abs().max() > 0.1


def test_padding_behind_a_text_changes_none_of_it():
    model, token_ids = decoder(), some_ids(1, 6)
    padded = torch.nn.functional.pad(token_ids, (0, 4))
    close(model(padded)[:, :6], model(token_ids))


def test_every_earlier_token_counts_and_so_does_their_order():
    model, token_ids = decoder(), some_ids(1, 6)
    last = model(token_ids)[0, -1]
    for k in range(5):
        changed = token_ids.clone()
        changed[0, k] = (changed[0, k] + 1) % 40
        assert (model(changed)[0, -1] - last).abs().max() > 1e-3
    swapped = token_ids[:, [1, 0, 2, 3, 4, 5]]
    assert (model(swapped)[0, -1] - last).abs().max() > 1e-3


def test_norms_stand_before_attention_and_network_and_at_the_end():
    model, x = decoder(), 3 * normals(2, 5, 16)
    expected, by = x, turns(torch.arange(5), 6, 10_000.0)
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    for block in model.blocks:
        expected = expected + block.attention(block.attention_norm(expected), by, causal)
        expected = expected + block.mlp(block.mlp_norm(expected))
    close(model.features(x), model.norm(expected))


def test_shifted_positions_change_nothing():
    model, x = decoder(), normals(2, 7, 16)
    close(model.features(x, positions=torch.arange(7) + 300), model.features(x))
    stretched = model.features(x, positions=3 * torch.arange(7))
    assert (stretched - model.features(x)).abs().max() > 1e-2


def test_embeddings_are_rows_times_the_root_of_the_width_and_logits_are_not():
    model, token_ids = decoder(), some_ids(2, 3)
    table = model.token_embedding.weight
    close(model.embed(token_ids), 4 * table[token_ids])
    features = normals(2, 16)
    close(model.logits(features), features @ table.T)


@pytest.mark.parametrize("cuts", [(5,), (1, 1, 1), (3, 4), (2, 1, 5)])
def test_reading_in_pieces_with_a_cache_equals_reading_at_once(cuts):
    model, token_ids = decoder(), some_ids(3, 11)
    cache, start, pieces = KVCache(3), 0, []
    for length in (*cuts, 11 - sum(cuts)):
        pieces.append(model(token_ids[:, start : start + length], cache))
        start += length
        assert cache.tokens == start
    close(torch.cat(pieces, dim=1), model(token_ids))


def test_a_cache_whose_positions_begin_anew_is_noticed():
    """The classic mistake: new tokens are read as if they stood at 0."""
    model, token_ids, cache = decoder(), some_ids(1, 6), KVCache(3)
    model(token_ids[:, :5], cache)
    x = model.embed(token_ids[:, 5:])
    wrong = model.logits(model.features(x, positions=torch.tensor([0]), cache=cache))
    assert (wrong[:, -1] - model(token_ids)[:, -1]).abs().max() > 1e-3


def test_vectors_may_stand_before_the_words_and_see_one_another():
    """What a picture in front of a question needs: a prefix whose tokens all see all of it."""
    model, picture, words = decoder(), normals(2, 3, 16), some_ids(2, 4)
    x = torch.cat([picture, model.embed(words)], dim=1)
    allowed = torch.ones(7, 7, dtype=torch.bool).tril()
    allowed[:3, :3] = True
    free, causal = model.features(x, allowed=allowed), model.features(x)
    assert (free - causal).abs().max() > 1e-2
    changed = x.clone()
    changed[:, 2] += 1
    assert (model.features(changed, allowed=allowed)[:, 0] - free[:, 0]).abs().max() > 1e-3
    assert torch.equal(model.features(changed)[:, 0], causal[:, 0])


def test_a_decoder_without_blocks_says_nothing_but_the_token_itself():
    model = decoder(replace(CONFIG, depth=0))
    token_ids = some_ids(1, 4)
    close(model(token_ids)[0, 2], model(token_ids[:, 2:3])[0, 0])


def test_a_decoder_without_blocks_has_no_attention():
    bare = decoder(replace(CONFIG, depth=0))
    assert bare.attention_weights(bare.embed(some_ids(2, 3))).shape == (0, 2, 4, 3, 3)


@pytest.mark.parametrize("seed", range(3))
def test_a_new_decoder_guesses(seed):
    torch.manual_seed(seed)
    model, token_ids = Decoder(DecoderConfig(500)), torch.randint(500, (8, 20))
    loss = next_token_loss(model(token_ids), token_ids)
    assert abs(loss.item() - math.log(500)) < 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kv_heads": 3}, "heads=4 is not a multiple of kv_heads=3"),
        ({"head_dim": 7}, "head_dim=7 is odd"),
        ({"width": 0}, "width=0 is not a whole number from 1"),
        ({"depth": -1}, "depth=-1 is not a whole number from 0"),
        ({"mlp_width": "8"}, "mlp_width='8' is not a whole number"),
        ({"rope_base": 0}, "rope_base=0 is not a finite number above 0; try 10000.0"),
        ({"norm_eps": -1.0}, "norm_eps=-1.0 is not a finite number above 0"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(changes, message):
    with plain_python(), pytest.raises(ValueError, match=message):
        DecoderConfig(**changes)


@pytest.mark.parametrize("bad", [[[-1, 3]], [[3, 40]]])
def test_ids_outside_the_vocabulary_are_refused(bad):
    with (
        plain_python(),
        pytest.raises(ValueError, match="don't fit vocab_size=40; use the tokenizer"),
    ):
        decoder()(torch.tensor(bad))


def test_no_tokens_are_refused():
    with plain_python(), pytest.raises(ValueError, match="hold no tokens"):
        decoder()(torch.zeros(2, 0, dtype=torch.long))


def test_a_cache_refuses_another_batch_and_a_block_that_is_not_there():
    model, cache = decoder(), KVCache(3)
    model(some_ids(3, 2), cache)
    with (
        plain_python(),
        pytest.raises(ValueError, match="2 texts for a cache that has read 3; a new batch needs"),
    ):
        model(some_ids(2, 2), cache)
    with plain_python(), pytest.raises(ValueError, match="block=1 of a cache for 1"):
        model(some_ids(3, 2), KVCache(1))
    with plain_python(), pytest.raises(ValueError, match="depth=-1 is not a whole number from 0"):
        KVCache(-1)


def test_an_empty_cache_holds_nothing():
    assert KVCache(3).tokens == KVCache(3).numbers == 0


def test_a_cache_counts_the_tokens_of_any_block():
    cache, keys = KVCache(2), torch.zeros(1, 1, 3, 6)
    cache.extend(1, keys, keys)
    assert cache.tokens == 3


@pytest.mark.parametrize(
    ("shape", "remedy"), [((3,), r"try token_ids\[None\]"), ((1, 1, 3), "give it these axes")]
)
def test_a_text_outside_a_batch_is_refused(shape, remedy):
    said = rf"^token_ids of shape .* where \(batch, tokens\) is needed; {remedy}$"
    with plain_python(), pytest.raises(ValueError, match=said):
        decoder()(torch.ones(shape, dtype=torch.long))


def test_ids_that_are_no_whole_numbers_are_refused():
    for model in (Decoder(DecoderConfig(20)), tiny.clip().text_encoder):
        with (
            plain_python(),
            pytest.raises(ValueError, match="float32; give torch.int64: try"),
        ):
            model(torch.zeros(1, 3))
