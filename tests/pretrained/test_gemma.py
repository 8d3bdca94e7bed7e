"""The decoder equals transformers.GemmaForCausalLM with the same weights, and every trap shows."""

import copy
import re
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn
from torch.nn.functional import gelu
from transformers import GemmaConfig, GemmaForCausalLM

from clipbook.language import Decoder, GeGLU, RMSNorm, generate, next_token_loss
from clipbook.pretrained import decoder_from_transformers
from tests.plain import plain_python
from tests.tiny import drawing_nothing


@dataclass(frozen=True)
class Sizes:
    width: int
    depth: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_width: int
    rope_base: float = 10_000.0
    eps: float = 1e-6


SIZES = {
    "multi-query": Sizes(48, 3, 4, 1, 16, 96),
    "groups": Sizes(32, 2, 6, 2, 10, 40, rope_base=500.0),
    "a head each": Sizes(40, 4, 4, 4, 12, 64, eps=1e-3),
}
TOKENS = 11


def theirs(sizes: Sizes = SIZES["multi-query"], **changes) -> GemmaForCausalLM:
    """A random model in which no weight is at the value that it starts from."""
    config = GemmaConfig(
        vocab_size=97,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.depth,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads,
        head_dim=sizes.head_dim,
        intermediate_size=sizes.mlp_width,
        rope_parameters={"rope_type": "default", "rope_theta": sizes.rope_base},
        rms_norm_eps=sizes.eps,
        **changes,
    )
    torch.manual_seed(0)
    model = GemmaForCausalLM(config).eval().requires_grad_(False)
    for weight in model.parameters():
        size = 0.3 if weight.ndim == 1 else 1.5 * weight.shape[-1] ** -0.5
        if weight is model.model.embed_tokens.weight:
            size = 0.15  # smaller, or each token is mostly followed by itself
        weight.add_(size * torch.randn_like(weight))
    return model


def some_texts() -> tuple[torch.Tensor, torch.Tensor]:
    """Five texts of different lengths, padded on the right, and the mask of what is real."""
    token_ids = torch.randint(3, 97, (5, TOKENS), generator=torch.Generator().manual_seed(1))
    mask = torch.arange(TOKENS) < torch.tensor([[TOKENS], [2], [7], [5], [9]])
    return token_ids.where(mask, 0), mask


@torch.no_grad()
def difference(ours: Decoder, model: GemmaForCausalLM) -> float:
    """The largest between logits at real tokens."""
    token_ids, mask = some_texts()
    expected = model(input_ids=token_ids, attention_mask=mask.long()).logits
    assert expected.std() > 0.5  # the logits say something
    return float((ours(token_ids) - expected)[mask].abs().max())


@pytest.mark.parametrize("name", SIZES)
def test_logits_are_equal(name):
    model = theirs(SIZES[name])
    assert difference(decoder_from_transformers(model), model) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("name", SIZES)
def test_the_loss_is_equal(name):
    model, (token_ids, mask) = theirs(SIZES[name]), some_texts()
    labels = token_ids.where(mask, -100)
    expected = model(input_ids=token_ids, attention_mask=mask.long(), labels=labels).loss
    loss = next_token_loss(decoder_from_transformers(model)(token_ids), token_ids, mask)
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=0)


def test_what_it_writes_is_equal():
    model, prompts = theirs(), some_texts()[0][:, :2]
    expected = model.generate(
        prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=8, do_sample=False,
        pad_token_id=0, eos_token_id=None,
    )  # fmt: skip
    written = generate(decoder_from_transformers(model), prompts, 8)
    assert torch.equal(written, expected[:, 2:])
    assert len(written.unique()) > 5


@torch.no_grad()
def test_vectors_in_place_of_words_are_equal():
    model = theirs()
    ours, x = decoder_from_transformers(model), torch.randn(2, 6, 48)
    torch.testing.assert_close(
        ours.logits(ours.features(x)), model(inputs_embeds=x).logits, atol=1e-5, rtol=0
    )


def weights_without_one(model: Decoder) -> None:
    for norm in (m for m in model.modules() if isinstance(m, RMSNorm)):
        norm.weight.sub_(1)


def no_root_of_the_width(model: Decoder) -> None:
    model.embed = lambda token_ids: model.token_embedding(token_ids)


def another_base(model: Decoder) -> None:
    model.config = replace(model.config, rope_base=1000.0)


def another_eps(model: Decoder) -> None:
    for norm in (m for m in model.modules() if isinstance(m, RMSNorm)):
        norm.eps = 0.1


class ExactGeGLU(GeGLU):
    def forward(self, x):
        return self.down(gelu(self.gate(x)) * self.up(x))


def exact_gelu(model: Decoder) -> None:
    for block in model.blocks:
        block.mlp.__class__ = ExactGeGLU


def gate_and_up_exchanged(model: Decoder) -> None:
    for block in model.blocks:
        block.mlp.gate, block.mlp.up = block.mlp.up, block.mlp.gate


def scaled_by_the_width_of_the_model(model: Decoder) -> None:
    for block in model.blocks:  # as if a head had width numbers
        block.attention.query.weight.mul_((model.config.head_dim / model.config.width) ** 0.5)


def logits_of_the_scaled_table(model: Decoder) -> None:
    plain = model.logits
    model.logits = lambda features: plain(features) * model.config.width**0.5


TRAPS = {
    weights_without_one: 0.1,
    no_root_of_the_width: 0.1,
    another_base: 0.1,
    another_eps: 1e-2,
    exact_gelu: 5e-5,
    gate_and_up_exchanged: 0.1,
    scaled_by_the_width_of_the_model: 1e-2,
    logits_of_the_scaled_table: 0.1,
}


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_each_trap_shows(trap):
    """The tests above would fail if our decoder fell into one: none hides below the tolerance."""
    model = theirs()
    ours = decoder_from_transformers(model).requires_grad_(False)
    with plain_python():
        trap(ours)
        assert difference(ours, model) > TRAPS[trap]


def test_turning_neighbours_instead_of_halves_shows(monkeypatch):
    def neighbours(x, by):
        cos, sin = by
        first, second = x[..., ::2], x[..., 1::2]
        turned = first * cos - second * sin, second * cos + first * sin
        return torch.stack(turned, dim=-1).flatten(-2)

    model = theirs()
    monkeypatch.setattr("clipbook.language.attention.turn", neighbours)
    assert difference(decoder_from_transformers(model), model) > 0.1


def test_settings_too_fine_for_logits_are_carried_over():
    """1e-5 for 1e-6 moves logits by less than rounding does, so eps is compared itself."""
    ours = decoder_from_transformers(theirs(SIZES["multi-query"]))
    assert {m.eps for m in ours.modules() if isinstance(m, RMSNorm)} == {1e-6}
    assert ours.config.rope_base == 10_000.0
    ours = decoder_from_transformers(theirs(SIZES["a head each"]))
    assert {m.eps for m in ours.modules() if isinstance(m, RMSNorm)} == {1e-3}


def test_it_is_a_copy_in_float32_and_in_eval_mode():
    model = theirs().half()
    with drawing_nothing():
        ours = decoder_from_transformers(model)
    before = copy.deepcopy(ours.state_dict())
    for weight in model.parameters():
        weight.zero_()
    assert {value.dtype for value in before.values()} == {torch.float32}
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())
    assert not ours.training


class Changed:
    """A model whose weights are not those that its configuration asks for."""

    def __init__(self, change) -> None:
        model = theirs()
        self.config = model.config
        self.weights = dict(model.state_dict())
        change(self.weights)

    def state_dict(self) -> dict[str, torch.Tensor]:
        return self.weights


def refused(model) -> str:
    with plain_python(), pytest.raises(ValueError) as caught:
        decoder_from_transformers(model)
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "model.embed_tokens.weight",
        "model.norm.weight",
        "model.layers.2.self_attn.k_proj.weight",
        "model.layers.0.mlp.gate_proj.weight",
        "model.layers.1.post_attention_layernorm.weight",
    ],
)
def test_a_missing_weight_is_named(name):
    assert f"missing ['{name}'" in refused(Changed(lambda weights: weights.pop(name)))


def test_a_leftover_weight_is_named():
    name = "model.layers.0.pre_feedforward_layernorm.weight"  # of Gemma 2
    message = refused(Changed(lambda weights: weights.update({name: torch.zeros(1)})))
    assert f"missing nothing, left over ['{name}']" in message


def test_a_weight_of_another_shape_is_named():
    name = "model.layers.0.mlp.up_proj.weight"
    message = refused(Changed(lambda weights: weights.update({name: torch.zeros(3, 3)})))
    assert "blocks.0.mlp.up.weight" in message
    assert "(3, 3)" in message


def test_a_head_of_its_own_is_refused():
    message = refused(
        Changed(lambda weights: weights.update({"lm_head.weight": torch.ones(97, 48)}))
    )
    assert message.startswith("lm_head.weight differs from model.embed_tokens.weight")


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_act": "silu"},
        {"attention_bias": True},
        {"tie_word_embeddings": False},
        {"use_bidirectional_attention": True},
    ],
)
def test_what_our_decoder_cannot_express_is_refused(changes):
    ((name, value),) = changes.items()
    assert refused(theirs(**changes)).startswith(f"{name}={value!r}: our decoder has {name}=")


def test_angles_that_are_not_plain_are_refused():
    model = theirs()
    model.config.rope_parameters = {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
    assert refused(model).startswith("rope_type='linear': our decoder turns by plain angles")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, "None"),
        (nn.Linear(2, 2), "Linear"),
        ("google/gemma-2b", "'google/gemma-2b'"),
        (GemmaConfig(), "GemmaConfig"),
    ],
)
def test_anything_else_is_refused(model, said):
    message = refused(model)
    assert message.startswith("hf_model is ")
    assert said in message
    assert "not a transformers.GemmaForCausalLM; try" in re.sub(r"\s+", " ", message)
