"""What is drawn, what is cut off, and that a cache changes nothing but the time."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipbook.language import Decoder, DecoderConfig, Sampler, generate
from tests.plain import plain_python
from tests.tiny import normals

CONFIG = DecoderConfig(30, width=16, depth=2, heads=4, kv_heads=1, head_dim=6, mlp_width=24)
LOGITS = torch.tensor([[0.1, 0.5, 0.05, 0.05, 0.3]]).log()


def decoder() -> Decoder:
    torch.manual_seed(0)
    model = Decoder(CONFIG).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.add_(0.4 * torch.randn_like(parameter))
    return model


def some_ids(*shape: int) -> torch.Tensor:
    return torch.randint(3, 30, shape, generator=torch.Generator().manual_seed(0))


def kept(**choices) -> list[float]:
    return [round(p, 4) for p in Sampler(**choices).probabilities(LOGITS)[0].tolist()]


def test_temperature_sharpens_and_flattens():
    assert kept() == [0.1, 0.5, 0.05, 0.05, 0.3]
    squares = torch.tensor([0.01, 0.25, 0.0025, 0.0025, 0.09])
    assert kept(temperature=0.5) == [round(p, 4) for p in (squares / squares.sum()).tolist()]
    assert kept(temperature=1e6) == [0.2] * 5


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"top_k": 1}, [0, 1, 0, 0, 0]),
        ({"top_k": 2}, [0, 0.625, 0, 0, 0.375]),
        ({"top_k": 9}, [0.1, 0.5, 0.05, 0.05, 0.3]),
        ({"top_p": 0.49}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.51}, [0, 0.625, 0, 0, 0.375]),
        ({"top_p": 0.79}, [0, 0.625, 0, 0, 0.375]),
        ({"top_p": 0.85}, [0.1111, 0.5556, 0, 0, 0.3333]),
        ({"top_p": 1.0}, [0.1, 0.5, 0.05, 0.05, 0.3]),
        ({"top_k": 2, "top_p": 0.6}, [0, 1, 0, 0, 0]),  # 0.625 of what top_k kept is enough
    ],
)
def test_what_is_kept_by_hand(choices, expected):
    assert kept(**choices) == expected


def test_of_equals_top_k_keeps_no_more():
    p = Sampler(top_k=2).probabilities(torch.zeros(3, 6))
    assert ((p > 0).sum(dim=1) == 2).all()


@given(st.floats(0.01, 1), st.integers(0, 1000))
def test_top_p_keeps_the_fewest_that_reach_it(top_p, seed):
    logits = 3 * normals(1, 12, seed=seed)
    full, cut = logits.softmax(-1)[0], Sampler(top_p=top_p).probabilities(logits)[0]
    inside = full[cut > 0]
    assert float(inside.sum()) >= top_p - 1e-5
    assert float(inside.sum() - inside.min()) < top_p + 1e-5
    assert cut.sum().isclose(torch.tensor(1.0))
    assert (full[cut == 0] <= inside.min() + 1e-6).all()


def test_draws_follow_the_probabilities():
    sampler = Sampler(top_k=2, generator=torch.Generator().manual_seed(0))
    drawn = sampler(LOGITS.expand(4000, 5)).bincount(minlength=5) / 4000
    torch.testing.assert_close(drawn, torch.tensor([0, 0.625, 0, 0, 0.375]), atol=0.03, rtol=0)


def test_a_generator_makes_draws_reproducible():
    def written(seed: int) -> torch.Tensor:
        sampler = Sampler(generator=torch.Generator().manual_seed(seed))
        return generate(decoder(), some_ids(4, 3), 10, sampler=sampler)

    assert torch.equal(written(1), written(1))
    assert not torch.equal(written(1), written(2))


def test_greedy_takes_the_most_probable_each_time():
    model, token_ids = decoder(), some_ids(3, 4)
    expected = token_ids
    for _ in range(6):
        expected = torch.cat([expected, model(expected)[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(generate(model, token_ids, 6), expected[:, 4:])


@pytest.mark.parametrize("use_cache", [True, False])
def test_prompts_of_different_lengths_are_as_each_alone(use_cache):
    model, lengths = decoder(), (5, 1, 3)
    prompts = [some_ids(1, 5)[:, :n] for n in lengths]
    alone = [generate(model, prompt, 7)[0] for prompt in prompts]
    token_ids = torch.cat([torch.nn.functional.pad(p, (0, 5 - p.shape[1])) for p in prompts])
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    found = generate(model, token_ids, 7, mask=mask, use_cache=use_cache)
    assert torch.equal(found, torch.stack(alone))


def test_the_cache_changes_no_token():
    model, token_ids = decoder(), some_ids(5, 3)
    with_cache = generate(model, token_ids, 20)
    assert torch.equal(with_cache, generate(model, token_ids, 20, use_cache=False))
    assert len(with_cache.unique()) > 3


def test_with_a_cache_each_token_is_read_once():
    model, read = decoder(), []
    model.blocks[0].register_forward_hook(lambda block, given, result: read.append(result.shape[1]))
    generate(model, some_ids(2, 4), 5)
    assert read == [4, 1, 1, 1, 1]
    read.clear()
    generate(model, some_ids(2, 4), 5, use_cache=False)
    assert read == [4, 5, 6, 7, 8]


def test_a_text_at_its_end_repeats_the_end_and_all_ended_is_the_end():
    model, token_ids = decoder(), some_ids(6, 3)
    free = generate(model, token_ids, 12)
    end = int(free[0, 4])
    found = generate(model, token_ids, 12, end_id=end)
    assert (found[0, (free[0] == end).int().argmax() :] == end).all()
    for row, expected in zip(found, free, strict=True):
        written = (row == end).int().argmax() if (row == end).any() else len(row)
        assert torch.equal(row[:written], expected[:written])
    only = generate(model, token_ids[:1], 12, end_id=end)
    assert only.shape[1] <= 5
    assert only[0, -1] == end


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"temperature": 0},
            "temperature=0 is not a finite number above 0; try 1.0, or no Sampler",
        ),
        ({"top_k": 0}, "top_k=0 is not a whole number from 1"),
        ({"top_k": 2.5}, "top_k=2.5 is not a whole number"),
        ({"top_p": 0}, "top_p=0 is not a finite number above 0; try 0.9"),
        ({"top_p": 1.1}, "top_p=1.1 is not a finite number from 0 to 1; try 0.9"),
    ],
)
def test_a_sampler_that_makes_no_sense_is_refused(choices, message):
    with plain_python(), pytest.raises(ValueError, match=re.escape(message)):
        Sampler(**choices)
    with plain_python(), pytest.raises(ValueError, match=re.escape(message)):
        replace(Sampler(), **choices)


def test_prompts_that_make_no_sense_are_refused():
    model, token_ids = decoder(), some_ids(2, 3)
    with (
        plain_python(),
        pytest.raises(ValueError, match="max_new_tokens=0 is not a whole number from 1"),
    ):
        generate(model, token_ids, 0)
    with plain_python(), pytest.raises(ValueError, match="begins with padding"):
        generate(model, token_ids, 2, mask=torch.tensor([[False, True, True]] * 2))
    with plain_python(), pytest.raises(ValueError, match="hold no tokens"):
        generate(model, token_ids[:, :0], 2)
    with (
        plain_python(),
        pytest.raises(ValueError, match=r"mask has the shape \(2, 2\), token_ids \(2, 3\)"),
    ):
        generate(model, token_ids, 2, mask=torch.ones(2, 2, dtype=torch.bool))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("temperature", [1e-5, 1e-40, 5e-324])
def test_the_lowest_temperatures_take_the_most_probable(temperature, dtype):
    logits = 50 * normals(3, 20).to(dtype)
    p = Sampler(temperature=temperature).probabilities(logits)
    assert torch.equal(p, torch.nn.functional.one_hot(logits.argmax(dim=1), 20).float())


@pytest.mark.parametrize("generator", [0, np.random.default_rng(0)])
def test_a_sampler_draws_from_a_generator_of_torchs(generator):
    with (
        plain_python(),
        pytest.raises(TypeError, match="is no torch.Generator, by which tokens are drawn"),
    ):
        Sampler(generator=generator)


@pytest.mark.parametrize("end_id", [-1, CONFIG.vocab_size, 1.5, True])
def test_an_end_that_no_text_can_write_is_refused(end_id):
    with plain_python(), pytest.raises(ValueError, match=r"end_id=.* is not a whole number"):
        generate(decoder(), some_ids(1, 3), 2, end_id=end_id)


def test_vectors_before_another_number_of_texts_are_refused():
    with plain_python(), pytest.raises(ValueError, match="give each text its own"):
        generate(decoder(), some_ids(2, 3), 2, before=torch.zeros(1, 4, CONFIG.width))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("choices", [{"top_p": 0.9}, {"top_p": 0.5, "temperature": 0.7}, {}])
def test_half_precision_keeps_as_many_as_reach_the_sum(dtype, choices):
    logits = (2 * normals(8, 512)).to(dtype)
    p = Sampler(**choices).probabilities(logits)
    torch.testing.assert_close(p, Sampler(**choices).probabilities(logits.float()))
    torch.testing.assert_close(p.sum(dim=1), torch.ones(8), atol=1e-5, rtol=0)


def test_a_prompt_outside_a_batch_is_refused():
    with plain_python(), pytest.raises(ValueError, match=r"is needed; try token_ids\[None\]$"):
        generate(decoder(), some_ids(3), 3)


def test_logits_outside_a_batch_are_refused():
    with plain_python(), pytest.raises(ValueError, match=r"where \(batch, vocab_size\)"):
        Sampler().probabilities(torch.zeros(5))
