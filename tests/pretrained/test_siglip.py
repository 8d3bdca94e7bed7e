"""The whole model equals transformers.SiglipModel with the same weights."""

from dataclasses import dataclass

import pytest
import torch
import transformers
from torch.nn.functional import normalize
from transformers import SiglipConfig, SiglipModel, SiglipTextConfig, SiglipVisionConfig

from clipbook.pretrained import from_transformers
from tests.plain import plain_python
from tests.tiny import normals

VOCABULARY, PAD = 99, 1


@dataclass(frozen=True)
class Sizes:
    image_size: int
    patch_size: int
    image: tuple[int, int, int, int]  # width, depth, heads, width of the feed-forward network
    text: tuple[int, int, int, int]
    context: int


SIZES = {
    "small patches": Sizes(24, 4, (32, 2, 4, 64), (24, 3, 2, 48), 12),
    "large patches": Sizes(32, 16, (48, 1, 3, 40), (32, 2, 8, 128), 16),
    "deep": Sizes(16, 8, (16, 5, 2, 64), (16, 4, 1, 24), 8),
    "one patch": Sizes(8, 8, (20, 2, 5, 20), (20, 1, 4, 20), 10),
}


def theirs(sizes: Sizes, **changes) -> SiglipModel:
    """A random SiglipModel in which no weight is at the value that it starts from."""

    def tower(numbers: tuple[int, int, int, int]) -> dict:
        names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
        return dict(zip(names, numbers, strict=True))

    text = {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": sizes.context,
        "bos_token_id": 97,
        "eos_token_id": PAD,
        "pad_token_id": PAD,
        "projection_size": sizes.image[0],
    }
    vision = {"image_size": sizes.image_size, "patch_size": sizes.patch_size}
    torch.manual_seed(0)
    model = SiglipModel(
        SiglipConfig(
            text_config=SiglipTextConfig(**(text | tower(sizes.text) | changes)).to_dict(),
            vision_config=SiglipVisionConfig(**(vision | tower(sizes.image) | changes)).to_dict(),
        )
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
        model.logit_scale.add_(2.0)
        model.logit_bias.sub_(3.0)
    return model.eval()


def some_texts(sizes: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    """Random ids, padded to the context as SigLIP pads, and a mask of what is real."""
    token_ids = torch.randint(2, 97, (5, sizes.context), generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([2, sizes.context, 5, 3, 7])
    mask = torch.arange(sizes.context) < lengths[:, None]
    return torch.where(mask, token_ids, PAD), mask


def close(ours: torch.Tensor, expected: torch.Tensor) -> None:
    assert ours.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("masked", [False, True])
@torch.no_grad()
def test_features_embeddings_and_logits_are_equal(name, masked):
    sizes = SIZES[name]
    model = theirs(sizes)
    ours = from_transformers(model)
    pixels = normals(4, 3, sizes.image_size, sizes.image_size)
    token_ids, mask = some_texts(sizes)
    expected = model(input_ids=token_ids, pixel_values=pixels)  # no mask, as it was trained
    mask = mask if masked else None  # which changes nothing: padding is read
    seen = model.vision_model(pixel_values=pixels).pooler_output
    close(ours.image_encoder.features(pixels), seen)
    close(ours.image_encoder(pixels), seen)
    said = model.text_model(input_ids=token_ids).pooler_output
    close(ours.text_encoder(token_ids, mask), said)
    close(ours.text_encoder.intermediates(token_ids, mask)["projected"], said)
    close(ours.encode_image(pixels), expected.image_embeds)
    close(ours.encode_text(token_ids, mask), expected.text_embeds)
    close(ours(pixels, token_ids, mask), expected.logits_per_image)
    embeddings = (ours.encode_image(pixels), ours.encode_text(token_ids, mask))
    close(ours.logits(*embeddings), expected.logits_per_image)
    assert expected.logits_per_image.std() > 0.5  # the logits say something
    assert expected.logits_per_image.mean() < -1.0  # and the bias, too


@torch.no_grad()
def test_attention_weights_of_blocks_and_of_the_pooling_are_equal():
    model = theirs(SIZES["small patches"])
    model.set_attn_implementation("eager")
    pixels = normals(2, 3, 24, 24)
    expected = model.vision_model(pixel_values=pixels, output_attentions=True)
    ours = from_transformers(model).image_encoder
    close(ours.attention_weights(pixels), torch.stack(list(expected.attentions)))
    head = model.vision_model.head
    tokens = expected.last_hidden_state
    _, shares = head.attention(
        head.probe.expand(2, -1, -1), tokens, tokens, average_attn_weights=False
    )
    close(ours.attention_pooling.with_weights(tokens)[1], shares[:, :, 0])


@torch.no_grad()
def test_what_stands_in_the_places_of_padding_counts():
    sizes = SIZES["deep"]
    ours, (token_ids, mask) = from_transformers(theirs(sizes)), some_texts(sizes)
    others = torch.where(mask, token_ids, 5)
    assert (ours.encode_text(token_ids, mask) - ours.encode_text(others, mask)).abs().max() > 1e-3


def test_a_text_that_does_not_fill_the_context_is_refused():
    ours = from_transformers(theirs(SIZES["deep"]))
    message = "5 tokens are fewer than context_length=8, and this encoder reads the last place"
    for read in (ours.encode_text, ours.text_encoder.attention_weights):
        with pytest.raises(ValueError, match=message):
            read(torch.ones(2, 5, dtype=torch.int64))


def test_the_softmax_over_texts_does_not_see_the_bias_but_the_sigmoid_does():
    ours = from_transformers(theirs(SIZES["deep"]))
    rows = normalize(normals(3, 16), dim=-1)
    with torch.no_grad():
        logits = ours.logits(rows, rows)
        plain = ours.scale * rows @ rows.T
    close(logits.softmax(dim=1), plain.softmax(dim=1))
    assert (logits.sigmoid() - plain.sigmoid()).abs().max() > 0.1


def test_half_precision_weights_become_float32_and_a_copy():
    model = theirs(SIZES["deep"]).half()
    ours = from_transformers(model)
    before = ours.bias.clone()
    with torch.no_grad():
        model.logit_bias.zero_()
    assert {value.dtype for value in ours.state_dict().values()} == {torch.float32}
    assert not ours.training
    assert torch.equal(ours.bias, before)


def test_it_takes_pictures_as_siglip_does_and_says_how_it_began():
    config = from_transformers(theirs(SIZES["deep"])).config
    assert config.preprocessing.fit == "stretch"
    assert config.preprocessing.mean == config.preprocessing.std == (0.5, 0.5, 0.5)
    assert (config.initial_temperature, config.initial_bias) == (0.1, -10.0)


class Changed:
    """A model whose weights are not those that its configuration asks for."""

    def __init__(self, model: SiglipModel, change) -> None:
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
        "logit_bias",
        "logit_scale",
        "vision_model.head.probe",
        "vision_model.head.attention.in_proj_weight",
        "vision_model.head.mlp.fc2.bias",
        "vision_model.embeddings.patch_embedding.bias",
        "text_model.head.bias",
        "text_model.encoder.layers.2.self_attn.k_proj.bias",
    ],
)
def test_a_missing_weight_is_named(name):
    assert f"missing ['{name}'" in refused(lambda weights: weights.pop(name))


def test_a_leftover_weight_is_named():
    message = refused(lambda weights: weights.update({"visual_projection.weight": torch.zeros(1)}))
    assert "missing nothing" in message
    assert "left over ['visual_projection.weight']" in message
    assert "is it a plain transformers.SiglipModel?" in message


@pytest.mark.parametrize(
    ("theirs_name", "ours_name"),
    [
        ("logit_bias", "bias"),
        ("vision_model.head.probe", "image_encoder.attention_pooling.query"),
        ("text_model.head.weight", "text_encoder.projection.weight"),
    ],
)
@pytest.mark.parametrize("shape", [(2, 3), (1, 1, 3), (2,)])
def test_a_weight_of_another_shape_is_named(theirs_name, ours_name, shape):
    message = refused(lambda weights: weights.update({theirs_name: torch.zeros(shape)}))
    assert f"misshapen ['{ours_name} " in message


def test_a_model_without_the_pooling_head_is_refused_by_what_it_lacks():
    config = theirs(SIZES["deep"]).config
    config.vision_config.vision_use_head = False
    with pytest.raises(ValueError, match=r"missing \['vision_model\.head\.attention"):
        from_transformers(SiglipModel(config))


def test_a_classifier_on_the_image_tower_is_refused_by_what_it_lacks():
    model = transformers.SiglipForImageClassification(theirs(SIZES["one patch"]).config)
    with plain_python(), pytest.raises(ValueError, match=r"missing .*left over .*classifier"):
        from_transformers(model)


def test_towers_that_end_in_different_spaces_are_refused():
    with pytest.raises(ValueError, match=r"image.embed_dim=16 and text.embed_dim=12 differ"):
        from_transformers(theirs(SIZES["deep"], projection_size=12))
