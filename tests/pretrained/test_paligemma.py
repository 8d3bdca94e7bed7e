"""PaliGemma equals transformers' with the same weights, and every trap on the way to it shows."""

import copy
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import (
    Gemma2Config,
    GemmaConfig,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    SiglipVisionConfig,
)

from clipbook.language import PaliGemma, RMSNorm, prefix_mask
from clipbook.pretrained import from_transformers, paligemma_from_transformers
from clipbook.pretrained.paligemma import build_paligemma, paligemma_config

IMAGE, WORDS = 127, 120
PROMPTS = torch.tensor([3, 5, 7, 4, 6])
TOKENS = 12

EYE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
EYE |= {"num_attention_heads": 4, "image_size": 32, "patch_size": 8}
TEXT = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3, "head_dim": 16}
TEXT |= {"num_attention_heads": 4, "num_key_value_heads": 1}
SIZES = {
    "one head of keys": (EYE, TEXT),
    "groups": (
        EYE | {"image_size": 24, "num_hidden_layers": 1, "layer_norm_eps": 1e-3},
        TEXT | {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 10},
    ),
    "a head each": (
        EYE | {"hidden_size": 40, "num_attention_heads": 2, "patch_size": 16},
        TEXT
        | {"num_key_value_heads": 4, "num_hidden_layers": 2, "hidden_size": 32}
        | {"rms_norm_eps": 1e-3, "rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
    ),
}


def theirs(name: str = "one head of keys", **vision) -> PaliGemmaForConditionalGeneration:
    """A random model in which no weight is at the value that it starts from."""
    eye, text = SIZES[name]
    width = text["hidden_size"]
    config = PaliGemmaConfig(
        vision_config=SiglipVisionConfig(**{"vision_use_head": False} | eye | vision),
        text_config=GemmaConfig(vocab_size=128, **text),
        image_token_index=IMAGE,
        vocab_size=128,
        projection_dim=width,
        hidden_size=width,
    )
    torch.manual_seed(0)
    model = PaliGemmaForConditionalGeneration(config).eval().requires_grad_(False)
    for weight_name, weight in model.named_parameters():
        size = 0.3 if weight.ndim == 1 else 1.5 * weight.shape[-1] ** -0.5
        if "embed_tokens" in weight_name:
            size = 0.3 * weight.shape[-1] ** -0.5
        weight.add_(size * torch.randn_like(weight))
    return model


def some_questions(model) -> dict[str, torch.Tensor]:
    """Five pictures with prompts and answers of three tokens, padded on the right."""
    generator = torch.Generator().manual_seed(1)
    size = model.config.vision_config.image_size
    place = torch.arange(TOKENS)[None]
    in_prompt = place < PROMPTS[:, None]
    in_answer = (place >= PROMPTS[:, None]) & (place < PROMPTS[:, None] + 3)
    token_ids = torch.randint(3, WORDS, (5, TOKENS), generator=generator)
    return {
        "pixels": torch.randn(5, 3, size, size, generator=generator),
        "token_ids": token_ids.where(in_prompt | in_answer, 0),
        "in_prompt": in_prompt,
        "in_answer": in_answer,
    }


def their_inputs(model, asked: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    vision = model.config.vision_config
    images = torch.full((5, (vision.image_size // vision.patch_size) ** 2), IMAGE)
    real = asked["in_prompt"] | asked["in_answer"]
    return {
        "input_ids": torch.cat([images, asked["token_ids"]], 1),
        "pixel_values": asked["pixels"],
        "attention_mask": torch.cat([torch.ones_like(images), real.long()], 1),
        "token_type_ids": torch.cat([images * 0, (~asked["in_prompt"]).long()], 1),
    }


@torch.no_grad()
def difference(ours: PaliGemma, model: PaliGemmaForConditionalGeneration) -> float:
    """The largest between logits at real tokens."""
    asked = some_questions(model)
    expected = model(**their_inputs(model, asked)).logits[:, -TOKENS:]
    assert expected.std() > 0.3  # the logits say something
    mine = ours(asked["pixels"], asked["token_ids"], asked["in_prompt"])
    return float((mine - expected)[asked["in_prompt"] | asked["in_answer"]].abs().max())


@pytest.mark.parametrize("name", SIZES)
def test_logits_of_ragged_batches_are_equal(name):
    model = theirs(name)
    assert difference(from_transformers(model), model) < 1e-5


@pytest.mark.parametrize("name", SIZES)
@torch.no_grad()
def test_the_loss_on_answers_is_equal(name):
    model = theirs(name)
    asked = some_questions(model)
    inputs = their_inputs(model, asked)
    patches = inputs["input_ids"].shape[1] - TOKENS
    labels = asked["token_ids"].where(asked["in_answer"], -100)
    labels = torch.cat([torch.full((5, patches), -100), labels], 1)
    expected = model(**inputs, labels=labels).loss
    assert from_transformers(model).loss(**asked) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("name", SIZES)
def test_the_tokens_of_generate_are_equal(name):
    model = theirs(name)
    asked = some_questions(model)
    ours = from_transformers(model)
    for k, length in enumerate(PROMPTS.tolist()):  # theirs needs prompts of one length
        inputs = {key: value[k : k + 1] for key, value in their_inputs(model, asked).items()}
        cut = inputs["input_ids"].shape[1] - TOKENS + length
        for key in ("input_ids", "attention_mask", "token_type_ids"):
            inputs[key] = inputs[key][:, :cut]
        written = model.generate(
            **inputs, max_new_tokens=6, do_sample=False, eos_token_id=None, pad_token_id=0
        )[:, cut:]
        alone = ours.generate(
            asked["pixels"][k : k + 1], asked["token_ids"][k : k + 1, :length], max_new_tokens=6
        )
        assert alone.tolist() == written.tolist()
        for use_cache in (True, False):  # and so are those of all prompts at once
            together = ours.generate(
                asked["pixels"],
                asked["token_ids"].where(asked["in_prompt"], 0)[:, : max(PROMPTS)],
                asked["in_prompt"][:, : max(PROMPTS)],
                6,
                use_cache=use_cache,
            )
            assert together[k].tolist() == written[0].tolist()


def test_tokens_of_all_prompts_are_not_all_alike():
    model = theirs()
    asked = some_questions(model)
    written = from_transformers(model).generate(
        asked["pixels"], asked["token_ids"][:, :3], max_new_tokens=6
    )
    assert len({tuple(row) for row in written.tolist()}) == 5


TRAPS = {
    "w instead of 1 + w": lambda m: [
        x.weight.sub_(1) for x in m.modules() if isinstance(x, RMSNorm)
    ],
    "no √width": lambda m: setattr(m.decoder, "embed", lambda i: m.decoder.token_embedding(i)),
    "√width for the picture, too": lambda m: [
        p.mul_(m.config.decoder.width**0.5) for p in m.projection.parameters()
    ],
    "the picture divided by √width": lambda m: [
        p.div_(m.config.decoder.width**0.5) for p in m.projection.parameters()
    ],
    "no norm after the last block": lambda m: setattr(m.image_encoder, "norm", nn.Identity()),
    "the plain norm": lambda m: setattr(m, "config", replace(m.config, image_norm="plain")),
    "tokens after another block": lambda m: setattr(
        m, "config", replace(m.config, tokens_after="block 1")
    ),
    "GELU exactly": lambda m: [b.mlp.__setitem__(1, nn.GELU()) for b in m.image_encoder.blocks],
    "a causal mask": lambda m: setattr(m, "config", replace(m.config, prefix=False)),
    "another base": lambda m: setattr(
        m.decoder, "config", replace(m.decoder.config, rope_base=1000.0)
    ),
    "no bias of the projection": lambda m: m.projection.bias.zero_(),
    "no bias of the patches": lambda m: m.image_encoder.patch_embedding.bias.zero_(),
}


@pytest.mark.parametrize("trap", TRAPS)
@torch.no_grad()
def test_every_trap_shows(trap):
    model = theirs()
    sprung = copy.deepcopy(from_transformers(model))
    TRAPS[trap](sprung)
    assert difference(sprung, model) > 1e-4


@torch.no_grad()
def test_without_token_type_ids_every_token_sees_every_other():
    model = theirs()
    asked = some_questions(model)
    inputs = their_inputs(model, asked)
    whole = asked["in_prompt"] | True
    inputs["attention_mask"] = torch.ones_like(inputs["attention_mask"])
    del inputs["token_type_ids"]
    found = model(**inputs).logits[:, -TOKENS:]
    ours = from_transformers(model)
    free = ours(asked["pixels"], asked["token_ids"], whole)
    assert (found - free).abs().max() < 2e-5
    prefix = ours(asked["pixels"], asked["token_ids"], asked["in_prompt"])
    assert (found - prefix).abs().max() > 0.1


@torch.no_grad()
def test_positions_may_count_from_one():
    model = theirs()
    asked, ours = some_questions(model), from_transformers(model)
    patches = ours.image_embeddings(asked["pixels"])
    x = torch.cat([patches, ours.decoder.embed(asked["token_ids"])], 1)
    free = torch.ones(5, patches.shape[1], dtype=torch.bool)
    allowed = prefix_mask(torch.cat([free, asked["in_prompt"]], 1))
    expected = ours.decoder.features(x, allowed=allowed)
    positions = torch.arange(1, x.shape[1] + 1)
    found = ours.decoder.features(x, allowed=allowed, positions=positions)
    assert (found - expected).abs().max() < 2e-5


@pytest.mark.parametrize("name", SIZES)
def test_what_rounding_hides_stands_in_the_configuration(name):
    """An eps of 1e-5 instead of 1e-6 shows as 4e-6, less than rounding; so it is looked up."""
    eye, text = SIZES[name]
    config = from_transformers(theirs(name)).config
    assert config.image.norm_eps == eye.get("layer_norm_eps", 1e-6)
    assert config.decoder.norm_eps == text.get("rms_norm_eps", 1e-6)
    assert config.image.activation == "gelu_tanh"
    assert config.tokens_after == f"block {eye['num_hidden_layers']}"
    assert config.image_norm == "learned"
    assert config.prefix
    assert config.preprocessing.mean == (0.5, 0.5, 0.5)
    assert config.preprocessing.fit == "stretch"


def test_weights_are_a_copy():
    model = theirs()
    ours = from_transformers(model)
    before = ours.projection.bias.clone()
    model.model.multi_modal_projector.linear.bias.add_(1)
    assert torch.equal(ours.projection.bias, before)
    assert not ours.training
    assert all(p.requires_grad and p.dtype == torch.float32 for p in ours.parameters())


def older_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As in the files that were published in 2024."""
    named = {}
    for name, value in weights.items():
        name = re.sub(r"^model\.vision_tower\.", "vision_tower.vision_model.", name)
        name = re.sub(r"^model\.language_model\.", "language_model.model.", name)
        name = re.sub(r"^model\.multi_modal", "multi_modal", name)
        named[re.sub("^lm_head", "language_model.lm_head", name)] = value
    return named


def test_names_of_the_published_files_are_read_alike():
    model = theirs()
    weights = older_names(model.state_dict())
    assert not any(name.startswith("model.") for name in weights)
    ours = build_paligemma(paligemma_config(model.config), weights, "a file")
    assert difference(ours, model) < 1e-5


def test_weights_that_do_not_fit_are_named():
    model = theirs()
    config, weights = paligemma_config(model.config), model.state_dict()
    fewer = {k: v for k, v in weights.items() if "projector.linear.bias" not in k}
    with pytest.raises(ValueError, match=r"missing \['model.multi_modal_projector.linear.bias'\]"):
        build_paligemma(config, fewer, "a file")
    with pytest.raises(ValueError, match=r"left over \['more'\]"):
        build_paligemma(config, {**weights, "more": torch.ones(1)}, "a file")
    name = "model.multi_modal_projector.linear.bias"
    with pytest.raises(ValueError, match=r"misshapen \['projection.bias \(3,\) for \(48,\)'\]"):
        build_paligemma(config, {**weights, name: torch.ones(3)}, "a file")
    with pytest.raises(ValueError, match=r"one table for both; try hf_model.tie_weights\(\)"):
        build_paligemma(config, {**weights, "lm_head.weight": torch.ones(128, 48)}, "a file")


def test_what_ours_cannot_express_is_refused():
    with pytest.raises(ValueError, match="left over .*head"):
        paligemma_from_transformers(theirs(vision_use_head=True))
    with pytest.raises(ValueError, match="hidden_act='relu'"):
        paligemma_from_transformers(theirs(hidden_act="relu"))
    second = copy.deepcopy(theirs().config)
    second.text_config = Gemma2Config(**TEXT)
    with pytest.raises(ValueError, match="model_type='gemma2': our decoder has model_type='gemma'"):
        paligemma_config(second)


@pytest.mark.parametrize("read", [from_transformers, paligemma_from_transformers])
@pytest.mark.parametrize(
    "other", [None, nn.Linear(2, 2), "google/paligemma", SimpleNamespace(config=PaliGemmaConfig())]
)
def test_anything_else_is_refused(read, other):
    with pytest.raises(ValueError, match=r"(?s)^hf_model is .* transformers\."):
        read(other)
