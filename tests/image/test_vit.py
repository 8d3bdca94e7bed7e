"""The ViT sees patches as a set until positions tell them apart."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from clipbook.image import ViT, ViTConfig, patchify, unpatchify
from clipbook.transformer.block import QuickGELU, TanhGELU
from tests.tiny import VIT, normals

SMALL = replace(VIT, patch_size=4, depth=2)
ORDER = torch.randperm(16, generator=torch.Generator().manual_seed(0))


def vit(**changes) -> ViT:
    torch.manual_seed(0)
    return ViT(replace(SMALL, **changes)).eval()


def shuffled(pixels: torch.Tensor) -> torch.Tensor:
    return unpatchify(patchify(pixels, 4)[:, ORDER], 4)


def last_tokens(model: ViT, pixels: torch.Tensor) -> torch.Tensor:
    return model.intermediates(pixels)["block 2"]


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_without_positions_the_order_of_patches_is_nothing(pooling):
    model, pixels = vit(pooling=pooling), normals(2, 3, 16, 16)
    with torch.no_grad():
        model.positions.zero_()
    assert not torch.equal(pixels, shuffled(pixels))
    torch.testing.assert_close(
        model.features(pixels), model.features(shuffled(pixels)), atol=1e-5, rtol=0
    )


def test_without_positions_the_tokens_move_with_their_patches():
    model, pixels = vit(), normals(2, 3, 16, 16)
    with torch.no_grad():
        model.positions.zero_()
    moved, stay = (last_tokens(model, one) for one in (shuffled(pixels), pixels))
    torch.testing.assert_close(moved, stay[:, ORDER], atol=1e-5, rtol=0)


def test_with_positions_the_order_of_patches_matters():
    model, pixels = vit(), normals(2, 3, 16, 16)
    assert (model.features(pixels) - model.features(shuffled(pixels))).abs().max() > 1e-2


def test_mean_pooling_averages_patches_and_first_reads_the_class_token():
    pixels = normals(2, 3, 16, 16)
    mean, first = vit(), vit(pooling="first")
    patches, tokens = last_tokens(mean, pixels), last_tokens(first, pixels)
    assert patches.shape == (2, 16, 16)
    assert tokens.shape == (2, 17, 16)
    torch.testing.assert_close(mean.features(pixels), mean.norm(patches.mean(dim=1)))
    torch.testing.assert_close(first.features(pixels), first.norm(tokens[:, 0]))


def test_the_class_token_comes_first_and_sees_no_pixels():
    model = vit(pooling="first", depth=0)
    tokens = model.intermediates(normals(2, 3, 16, 16))["embedded"]
    assert torch.equal(tokens[0, 0], tokens[1, 0])
    assert not torch.equal(tokens[0, 1], tokens[1, 1])


@pytest.mark.parametrize(("pooling", "tokens"), [("mean", 16), ("first", 17)])
def test_attention_weights_of_every_layer_and_head(pooling, tokens):
    weights = vit(pooling=pooling).attention_weights(normals(3, 3, 16, 16))
    assert weights.shape == (2, 3, 2, tokens, tokens)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_what_enters_the_first_block_is_the_norm_of_patches_and_positions(pooling):
    torch.manual_seed(0)
    model, pixels = ViT(replace(SMALL, pooling=pooling)), normals(2, 3, 16, 16)
    tokens = patchify(pixels, 4) @ model.patch_embedding.weight.T
    if pooling == "first":
        start = model.class_embedding.expand(2, 1, -1)
        tokens = torch.cat([start, tokens], dim=1)
    embedded = model.intermediates(pixels)["embedded"]
    torch.testing.assert_close(embedded, model.input_norm(tokens + model.positions))
    assert model.positions.shape == (16 + (pooling == "first"), 16)


def test_weights_begin_at_the_sizes_that_keep_outputs_near_one():
    config = ViTConfig(width=256, heads=4, embed_dim=256, pooling="first", position_std=0.5)
    torch.manual_seed(0)
    model = ViT(config)
    for weights, std in (
        (model.patch_embedding.weight, (3 * 8 * 8) ** -0.5),
        (model.projection.weight, 1 / 16),
        (model.class_embedding, 1 / 16),
        (model.positions, 0.5),
    ):
        assert weights.std().item() == pytest.approx(std, rel=0.15)
    assert model.patch_embedding.bias is None
    assert model.projection.bias is None


def test_blocks_have_the_activation_that_the_config_names():
    for name, kind in (("gelu", nn.GELU), ("quick_gelu", QuickGELU), ("gelu_tanh", TanhGELU)):
        model = ViT(replace(SMALL, activation=name))
        assert sum(isinstance(part, kind) for part in model.modules()) == SMALL.depth


def test_the_number_of_patches():
    assert ViTConfig(image_size=224, patch_size=32).patches == 49
    assert SMALL.patches == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": 30, "patch_size": 8}, "image_size=30 px.*patch_size=8 px; try 24 or 32"),
        ({"patch_size": 0}, "patch_size=0"),
        ({"pooling": "last"}, "pooling='last'; try mean or first"),
        ({"activation": "relu"}, "activation='relu'; try gelu or quick_gelu"),
        ({"projection": False, "embed_dim": 32}, "embed_dim=32 is not width=64.*try embed_dim=64"),
        ({"heads": 3}, "width=64 is not a multiple of heads=3; try heads=2 or 4"),
    ],
)
def test_a_config_that_cannot_be_built_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        ViTConfig(**change)


@torch.no_grad()
def test_attention_pooling_reads_all_patches_after_the_last_norm():
    model, pixels = vit(pooling="attention"), normals(2, 3, 16, 16)
    tokens = last_tokens(model, pixels)
    assert tokens.shape == (2, 16, 16)  # no class token
    torch.testing.assert_close(model.features(pixels), model.attention_pooling(model.norm(tokens)))


@torch.no_grad()
def test_without_a_projection_features_are_what_the_encoder_returns():
    model, pixels = vit(projection=False, embed_dim=16), normals(2, 3, 16, 16)
    assert torch.equal(model(pixels), model.features(pixels))
    assert not any(name.startswith("projection") for name in model.state_dict())


@torch.no_grad()
def test_without_an_input_norm_and_with_a_patch_bias_embedding_is_a_plain_sum():
    model, pixels = vit(input_norm=False, patch_bias=True), normals(2, 3, 16, 16)
    tokens = patchify(pixels, 4) @ model.patch_embedding.weight.T + model.patch_embedding.bias
    embedded = model.intermediates(pixels)["embedded"]
    torch.testing.assert_close(embedded, tokens + model.positions)
    assert not any(name.startswith("input_norm") for name in model.state_dict())


def test_the_eps_of_every_norm_is_the_configs():
    model = vit(norm_eps=0.25, pooling="attention")
    norms = [part.eps for part in model.modules() if isinstance(part, nn.LayerNorm)]
    assert norms == [0.25] * (2 * SMALL.depth + 3)


def test_an_encoder_without_blocks_has_no_attention():
    model = ViT(replace(VIT, depth=0))
    assert model.attention_weights(normals(3, 3, 16, 16)).shape == (0, 3, 2, 4, 4)
