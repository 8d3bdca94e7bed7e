"""Two towers end in one space, and the scale stays where CLIP keeps it."""

from dataclasses import replace
from math import log

import pytest
import torch

from clipbook.image import CNN, ViT, ViTConfig
from clipbook.pairs import CLIPConfig, similarity
from clipbook.text import TextConfig
from tests import tiny


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


def test_logits_are_similarities_times_the_scale():
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


@pytest.mark.parametrize("temperature", [0.0, -0.07, float("nan")])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(ValueError, match="initial_temperature=.* is not above 0; try 0.07"):
        replace(CLIPConfig(), initial_temperature=temperature)
