"""The whole model equals transformers.CLIPModel with the same weights."""

import re
from dataclasses import dataclass

import pytest
import torch
import transformers
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from clipbook.pairs import info_nce
from clipbook.pretrained import from_transformers
from tests.plain import plain_python
from tests.tiny import clip, drawing_nothing, normals

VOCABULARY, END = 99, 98


@dataclass(frozen=True)
class Sizes:
    image_size: int
    patch_size: int
    image: tuple[int, int, int, int]  # width, depth, heads, width of the feed-forward network
    text: tuple[int, int, int, int]
    context: int
    embed_dim: int
    activation: str


SIZES = {
    "small patches": Sizes(24, 4, (32, 2, 4, 64), (24, 3, 2, 48), 12, 16, "quick_gelu"),
    "large patches": Sizes(32, 16, (48, 1, 3, 40), (32, 2, 8, 128), 16, 20, "gelu"),
    "deep": Sizes(16, 8, (16, 5, 2, 64), (16, 4, 1, 24), 8, 12, "quick_gelu"),
    "one patch": Sizes(8, 8, (20, 2, 5, 20), (20, 1, 4, 20), 10, 20, "gelu"),
}


def theirs(sizes: Sizes, **changes) -> CLIPModel:
    """A random CLIPModel in which no weight is at the value that it starts from."""

    def tower(numbers: tuple[int, int, int, int]) -> dict:
        names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
        choices = {"hidden_act": sizes.activation, "projection_dim": sizes.embed_dim}
        return dict(zip(names, numbers, strict=True)) | choices | changes

    text = CLIPTextConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=sizes.context,
        bos_token_id=97,
        eos_token_id=END,
        pad_token_id=1,
        **tower(sizes.text),
    )
    vision = CLIPVisionConfig(
        image_size=sizes.image_size, patch_size=sizes.patch_size, **tower(sizes.image)
    )
    torch.manual_seed(0)
    model = CLIPModel(
        CLIPConfig(
            text_config=text.to_dict(),
            vision_config=vision.to_dict(),
            projection_dim=sizes.embed_dim,
        )
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model.eval()


def some_texts(sizes: Sizes, padded: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Random ids that end in the end token, and the mask of what is real."""
    token_ids = torch.randint(2, 97, (5, sizes.context), generator=torch.Generator().manual_seed(1))
    lengths = (
        torch.tensor([2, sizes.context, 5, 3, 7]) if padded else torch.tensor([sizes.context] * 5)
    )
    token_ids[torch.arange(5), lengths - 1] = END
    mask = torch.arange(sizes.context) < lengths[:, None]
    return torch.where(mask, token_ids, 1), mask


def close(ours: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    assert ours.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(ours, expected, atol=tolerance, rtol=1e-5)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@torch.no_grad()
def test_features_embeddings_and_logits_are_equal(name, padded):
    sizes = SIZES[name]
    model = theirs(sizes)
    ours = from_transformers(model)
    pixels = normals(4, 3, sizes.image_size, sizes.image_size)
    token_ids, mask = some_texts(sizes, padded)
    expected = model(input_ids=token_ids, pixel_values=pixels, attention_mask=mask.long())
    seen = model.vision_model(pixel_values=pixels).pooler_output
    said = model.text_model(input_ids=token_ids, attention_mask=mask.long()).pooler_output
    close(ours.image_encoder.features(pixels), seen)
    close(ours.text_encoder.features(token_ids, mask), said)
    close(ours.encode_image(pixels), expected.image_embeds)
    close(ours.encode_text(token_ids, mask), expected.text_embeds)
    close(ours(pixels, token_ids, mask), expected.logits_per_image)
    assert expected.logits_per_image.std() > 0.5  # the logits say something


@torch.no_grad()
def test_without_a_mask_unpadded_texts_are_equal():
    sizes = SIZES["small patches"]
    model, (token_ids, _) = theirs(sizes), some_texts(sizes, padded=False)
    expected = model.text_model(input_ids=token_ids).pooler_output
    close(from_transformers(model).text_encoder.features(token_ids), expected)


@pytest.mark.parametrize("name", ["small patches", "large patches"])
@torch.no_grad()
def test_attention_weights_are_equal(name):
    sizes = SIZES[name]
    model = theirs(sizes)
    model.set_attn_implementation("eager")
    pixels = normals(2, 3, sizes.image_size, sizes.image_size)
    expected = model.vision_model(pixel_values=pixels, output_attentions=True).attentions
    ours = from_transformers(model).image_encoder.attention_weights(pixels)
    close(ours, torch.stack(list(expected)))


def test_the_loss_is_equal():
    sizes = SIZES["deep"]
    model = theirs(sizes)
    pixels = normals(5, 3, sizes.image_size, sizes.image_size)
    token_ids, mask = some_texts(sizes, padded=True)
    with torch.no_grad():
        expected = model(
            input_ids=token_ids, pixel_values=pixels, attention_mask=mask.long(), return_loss=True
        ).loss
        close(info_nce(from_transformers(model)(pixels, token_ids, mask)), expected)


def test_half_precision_weights_become_float32():
    model = theirs(SIZES["deep"]).half()
    with drawing_nothing():
        ours = from_transformers(model)
    assert {value.dtype for value in ours.state_dict().values()} == {torch.float32}
    assert not ours.training


def test_it_is_a_copy():
    model = theirs(SIZES["deep"])
    ours = from_transformers(model)
    before = ours.text_encoder.token_embedding.weight.clone()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(ours.text_encoder.token_embedding.weight, before)


class Changed:
    """A model whose weights are not those that its configuration asks for."""

    def __init__(self, model: CLIPModel, change) -> None:
        self.config = model.config
        self.weights = dict(model.state_dict())
        change(self.weights)

    def state_dict(self) -> dict[str, torch.Tensor]:
        return self.weights


def refused(change) -> str:
    with plain_python(), pytest.raises(ValueError) as caught:
        from_transformers(Changed(theirs(SIZES["deep"]), change))
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "logit_scale",
        "visual_projection.weight",
        "text_model.encoder.layers.2.self_attn.k_proj.bias",
        "vision_model.encoder.layers.4.mlp.fc2.weight",
        "vision_model.pre_layrnorm.weight",
    ],
)
def test_a_missing_weight_is_named(name):
    assert f"missing ['{name}'" in refused(lambda weights: weights.pop(name))


def test_a_leftover_weight_is_named():
    message = refused(lambda weights: weights.update({"adapter.weight": torch.zeros(1)}))
    assert "missing nothing" in message
    assert "left over ['adapter.weight']" in message


def test_a_weight_of_another_shape_is_named():
    message = refused(lambda weights: weights.update({"text_projection.weight": torch.zeros(3, 3)}))
    assert "text_encoder.projection.weight" in message
    assert "(3, 3)" in message


@pytest.mark.parametrize(
    "name",
    [
        "vision_model.encoder.layers.1.self_attn.k_proj.weight",
        "text_model.encoder.layers.0.self_attn.q_proj.bias",
        "vision_model.embeddings.patch_embedding.weight",
        "vision_model.embeddings.class_embedding",
        "logit_scale",
    ],
)
@pytest.mark.parametrize("shape", [(), (3,), (3, 3), (3, 3, 3)])
def test_any_weight_of_another_shape_is_a_value_error(name, shape):
    if (name, shape) != ("logit_scale", ()):
        refused(lambda weights: weights.update({name: torch.zeros(shape)}))


def test_weights_without_memory_are_missing():
    with torch.device("meta"):
        empty = theirs(SIZES["one patch"])
    with pytest.raises(ValueError, match=r"missing \['logit_scale', 'text_model"):
        from_transformers(empty)


def test_whole_numbers_are_no_weights():
    def to_int8(weights):
        weights.update({name: value.to(torch.int8) for name, value in weights.items()})

    assert "of another type ['image_encoder." in refused(to_int8)


def small(config: type, **more):
    return config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, **more
    )


def another_models() -> dict[str, object]:
    """Other models of transformers, among them the towers of this one, and what is no model."""
    text, image = (
        small(CLIPTextConfig, vocab_size=99),
        small(CLIPVisionConfig, image_size=16, patch_size=8),
    )
    siglip_text = small(transformers.SiglipTextConfig, vocab_size=99)
    siglip_image = small(transformers.SiglipVisionConfig, image_size=16, patch_size=8)
    bert = small(transformers.BertConfig, vocab_size=99)
    return {
        "CLIPTextModel": transformers.CLIPTextModel(text),
        "CLIPTextModelWithProjection": transformers.CLIPTextModelWithProjection(text),
        "CLIPVisionModel": transformers.CLIPVisionModel(image),
        "CLIPVisionModelWithProjection": transformers.CLIPVisionModelWithProjection(image),
        "SiglipTextModel": transformers.SiglipTextModel(siglip_text),
        "SiglipVisionModel": transformers.SiglipVisionModel(siglip_image),
        "BertModel": transformers.BertModel(bert),
        "CLIP": clip(),
        "Linear": torch.nn.Linear(3, 3),
        "None": None,
        "'openai/clip": "openai/clip-vit-base-patch32",
        "{'weight'": {"weight": torch.zeros(1)},
        "CLIPConfig": CLIPConfig(),
        "<class": CLIPModel,
        "7": 7,
    }


@pytest.mark.parametrize("name", another_models())
def test_anything_but_a_clip_model_is_refused_by_what_it_is(name):
    with (
        plain_python(),
        pytest.raises(ValueError, match=f"^hf_model is {re.escape(name)}") as caught,
    ):
        from_transformers(another_models()[name])
    said = str(caught.value)
    assert "neither a transformers.CLIPModel nor a transformers.SiglipModel; try " in said


def test_a_classifier_on_the_image_tower_is_refused_by_what_it_lacks():
    sizes = SIZES["one patch"]
    model = transformers.CLIPForImageClassification(theirs(sizes).config)
    with plain_python(), pytest.raises(ValueError, match=r"missing \['logit_scale'.*classifier"):
        from_transformers(model)


def test_pictures_of_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match=r"patch_embedding\.weight \(16, 64\) for \(16, 192\)"):
        from_transformers(theirs(SIZES["deep"], num_channels=1))


@pytest.mark.parametrize("activation", ["relu", "gelu_new"])
def test_an_activation_that_our_blocks_do_not_know_is_refused(activation):
    message = f"hidden_act='{activation}': our blocks know gelu, quick_gelu, gelu_pytorch_tanh"
    with pytest.raises(ValueError, match=message):
        from_transformers(theirs(SIZES["deep"], hidden_act=activation))


@torch.no_grad()
def test_the_eps_of_their_norms_is_ours():
    """One so large that it shows."""
    sizes = SIZES["one patch"]
    model = theirs(sizes, layer_norm_eps=0.5)
    pixels, (token_ids, mask) = normals(2, 3, 8, 8), some_texts(sizes, padded=True)
    ours = from_transformers(model)
    close(ours.image_encoder.features(pixels), model.vision_model(pixels).pooler_output)
    said = model.text_model(input_ids=token_ids, attention_mask=mask.long()).pooler_output
    close(ours.text_encoder.features(token_ids, mask), said)
