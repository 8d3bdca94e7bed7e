"""Two towers end in one space, and the scale stays where CLIP keeps it."""

from dataclasses import replace
from math import log

import pytest
import torch
from PIL import Image

from clipbook.image import CNN, Preprocessing, ViT, ViTConfig, preprocess
from clipbook.pairs import CLIP, CLIPConfig, similarity
from clipbook.text import TextConfig
from tests import tiny
from tests.plain import plain_python


@pytest.mark.parametrize(("config", "encoder"), [(tiny.VIT, ViT), (tiny.CNN, CNN)])
def test_embeddings_have_unit_length_in_either_tower(config, encoder):
    model = tiny.clip(config).eval()
    assert isinstance(model.image_encoder, encoder)
    images = model.encode_image(tiny.normals(5, 3, 16, 16))
    token_ids, mask = tiny.tokenizer().batch(["a red circle", "a blue square above a star"])
    texts = model.encode_text(token_ids, mask)
    assert images.shape == (5, 8)
    assert texts.shape == (2, 8)
    for rows in (images, texts):
        torch.testing.assert_close(rows.norm(dim=-1), torch.ones(len(rows)))


@pytest.mark.parametrize("config", [tiny.VIT, tiny.CNN], ids=["vit", "cnn"])
@pytest.mark.parametrize("size", [16, 64])
def test_pictures_become_pixels_of_the_models_own_size(config, size):
    model = tiny.clip(replace(config, image_size=size)).eval()
    pictures = [Image.new("RGB", (40, 24), "red"), Image.new("L", (8, 8), 200)]
    pixels = model.preprocess(pictures)
    assert torch.equal(pixels, preprocess(pictures, size))
    assert model.encode_image(pixels).shape == (2, 8)


def test_pixels_lie_where_the_weights_do():
    model = tiny.clip().to("meta")
    assert model.device.type == "meta"
    assert model.preprocess(Image.new("RGB", (8, 8))).device.type == "meta"


def test_a_texts_embedding_is_the_encoders_row_over_its_length():
    model = CLIP(CLIPConfig(tiny.VIT, tiny.text_config(pooling="first"))).eval()
    token_ids, mask = tiny.tokenizer().batch(["red", "a blue square above a star", "a star"])
    rows = model.text_encoder(token_ids, mask)
    embeddings = model.encode_text(token_ids, mask)
    torch.testing.assert_close(embeddings, rows / rows.pow(2).sum(dim=1, keepdim=True).sqrt())
    # without a mask, padding is read as if it were words
    assert (model.encode_text(token_ids) - embeddings).abs().max() > 1e-3


def test_logits_of_embeddings_are_similarities_times_the_scale():
    model = tiny.clip(temperature=0.05)
    images, texts = torch.eye(2), torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.0, -1.0]])
    torch.testing.assert_close(
        model.logits(images, texts), torch.tensor([[12.0, 20.0, 0.0], [16.0, 0.0, -20.0]])
    )
    for wrong in ((2 * images, texts), (images, 2 * texts)):
        with pytest.raises(ValueError, match="has length 2, a cosine needs 1"):
            model.logits(*wrong)


def test_logits_of_pictures_and_texts_are_similarities_times_the_scale():
    model = tiny.clip(temperature=0.05).eval()
    pixels = tiny.normals(5, 3, 16, 16)
    token_ids, mask = tiny.tokenizer().batch(["a red circle", "a blue square"])
    images, texts = model.encode_image(pixels), model.encode_text(token_ids, mask)
    assert model(pixels, token_ids, mask).shape == (5, 2)
    torch.testing.assert_close(model(pixels, token_ids, mask), 20 * similarity(images, texts))


def test_the_scale_starts_at_one_over_the_temperature():
    assert tiny.clip(temperature=0.07).scale.item() == pytest.approx(1 / 0.07)
    assert CLIPConfig().initial_temperature == 0.07


@pytest.mark.parametrize(
    ("before", "after"), [(99.0, 99.0), (100.0, 100.0), (101.0, 100.0), (1e6, 100.0), (0.1, 0.1)]
)
def test_the_scale_is_clamped_at_100(before, after):
    model = tiny.clip()
    with torch.no_grad():
        model.log_scale.fill_(log(before))
    model.clamp_scale()
    assert model.scale.item() == pytest.approx(after, rel=1e-5)


def test_the_scale_is_learned():
    model = tiny.clip()
    assert "log_scale" in dict(model.named_parameters())


def test_a_batch_of_one_is_a_batch():
    model = tiny.clip().eval()
    assert model(tiny.normals(1, 3, 16, 16), *tiny.tokenizer().batch(["a star"])).shape == (1, 1)


def test_towers_that_end_in_different_spaces_are_refused():
    with pytest.raises(ValueError, match=r"image.embed_dim=32 and text.embed_dim=\s*64 differ"):
        CLIPConfig(ViTConfig(embed_dim=32), TextConfig(embed_dim=64))


@pytest.mark.parametrize(
    "temperature", [0.0, -0.07, float("nan"), float("inf"), 0.009, 1_000_001.0, 1e300]
)
def test_a_temperature_that_leaves_no_scale_between_0_and_100_is_refused(temperature):
    message = r"initial_temperature=.* is not a finite number from 0\.01 to 1e\+06; try 0.07"
    with pytest.raises(ValueError, match=message):
        replace(CLIPConfig(), initial_temperature=temperature)


@pytest.mark.parametrize("temperature", [0.01, 1e6])
def test_at_the_ends_the_scale_is_a_number_above_0_and_at_most_100(temperature):
    assert 0 < tiny.clip(temperature=temperature).scale.item() <= 100.0001


def with_bias(bias: float | None) -> CLIP:
    return CLIP(replace(tiny.clip(temperature=0.05).config, initial_bias=bias)).eval()


def test_a_bias_is_added_to_every_logit_and_learned():
    model = with_bias(-10.0)
    images, texts = torch.eye(2), torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    torch.testing.assert_close(
        model.logits(images, texts), torch.tensor([[2.0, 10.0], [6.0, -10.0]])
    )
    pixels, batch = tiny.normals(2, 3, 16, 16), tiny.tokenizer().batch(["a star", "a red ring"])
    pairs = similarity(model.encode_image(pixels), model.encode_text(*batch))
    torch.testing.assert_close(model(pixels, *batch), 20 * pairs - 10)
    assert "bias" in dict(model.named_parameters())


def test_without_a_number_there_is_no_bias():
    assert "bias" not in with_bias(None).state_dict()
    assert CLIPConfig().initial_bias is None


@pytest.mark.parametrize("bias", ["0", float("nan"), float("inf"), True, -1e7])
def test_what_is_no_bias_is_refused(bias):
    with plain_python(), pytest.raises(ValueError, match="initial_bias=.*; try -10.0"):
        CLIPConfig(initial_bias=bias)


def test_pictures_are_taken_by_the_models_own_steps_and_numbers():
    halves = Preprocessing("stretch", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    model = CLIP(replace(tiny.clip().config, preprocessing=halves))
    picture = Image.new("RGB", (40, 24), "red")
    picture.paste("white", (0, 0, 4, 24))
    assert torch.equal(model.preprocess(picture), preprocess(picture, 16, halves))
    assert not torch.equal(model.preprocess(picture), tiny.clip().preprocess(picture))


def test_what_is_no_preprocessing_is_refused():
    with plain_python(), pytest.raises(ValueError, match="preprocessing='crop' says nothing of"):
        CLIPConfig(preprocessing="crop")


@pytest.mark.parametrize("field", ["image", "text"])
def test_what_is_no_config_of_a_tower_is_refused(field):
    kinds = {"image": "ViTConfig or CNNConfig", "text": "TextConfig"}[field]
    message = f"{field}=None is no config of its tower; try a {kinds}$"
    with plain_python(), pytest.raises(ValueError, match=message):
        CLIPConfig(**{field: None})


@pytest.mark.parametrize("image", [tiny.VIT, tiny.CNN], ids=["vit", "cnn"])
def test_a_gpu_never_waits_in_a_forward_pass(image):
    """Tensors on "meta" have no values: whatever would wait for one raises there."""
    model = tiny.clip(image).to("meta")
    pixels = torch.empty(4, 3, 16, 16, device="meta")
    token_ids = torch.empty(4, 24, dtype=torch.int64, device="meta")
    mask = torch.empty(4, 24, dtype=torch.bool, device="meta")
    assert model(pixels, token_ids, mask).shape == (4, 4)
    with pytest.raises((NotImplementedError, RuntimeError)):
        mask.all().item()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_a_model_in_another_precision_takes_the_same_pictures(kind):
    model = tiny.clip().to(kind).eval()
    pixels = model.preprocess(tiny.batches()[0][0].numpy())
    embeddings = model.encode_image(pixels)
    assert embeddings.dtype == kind
    wanted = tiny.clip().eval().encode_image(pixels)
    torch.testing.assert_close(embeddings.float(), wanted, atol=0.03, rtol=0)


def test_levels_are_no_pixels():
    with plain_python(), pytest.raises(ValueError, match="pixels are of torch.uint8; an encoder"):
        tiny.clip().encode_image(torch.zeros(2, 3, 16, 16, dtype=torch.uint8))
