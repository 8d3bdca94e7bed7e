"""Both image encoders can be put in the same place."""

import inspect
import re

import pytest
import torch

from clipbook.image import CNN, CNNConfig, ViT, ViTConfig
from tests.plain import plain_python
from tests.tiny import normals

ENCODERS = [(ViT, ViTConfig()), (CNN, CNNConfig())]


@pytest.mark.parametrize(("encoder", "config"), ENCODERS)
def test_pixels_become_features_become_an_embedding(encoder, config):
    torch.manual_seed(0)
    model = encoder(config).eval()
    assert model.config is config
    pixels = normals(5, 3, config.image_size, config.image_size)
    features, out = model.features(pixels), model(pixels)
    assert features.shape == (5, config.width)
    assert out.shape == (5, config.embed_dim)
    torch.testing.assert_close(out, features @ model.projection.weight.T)


@pytest.mark.parametrize(("encoder", "config"), ENCODERS)
def test_the_last_intermediates_are_features_and_the_output(encoder, config):
    torch.manual_seed(0)
    model, pixels = encoder(config).eval(), normals(5, 3, 32, 32)
    parts = model.intermediates(pixels)
    assert list(parts)[-2:] == ["features", "projected"]
    torch.testing.assert_close(parts["features"], model.features(pixels))
    torch.testing.assert_close(parts["projected"], model(pixels))


@pytest.mark.parametrize("method", ["forward", "features", "intermediates"])
def test_both_are_called_alike(method):
    vit, cnn = (str(inspect.signature(getattr(encoder, method))) for encoder, _ in ENCODERS)
    assert vit == cnn


@pytest.mark.parametrize(("encoder", "config"), ENCODERS)
@pytest.mark.parametrize("shape", [(1, 3, 24, 24), (1, 3, 32, 24), (2, 3, 64, 64)])
def test_a_picture_of_another_size_is_refused(encoder, config, shape):
    message = rf"{re.escape(str(shape))}, the encoder takes \(batch, 3, 32, 32\).*size=32\)"
    with pytest.raises(ValueError, match=message):
        encoder(config)(torch.zeros(shape))


@pytest.mark.parametrize(("encoder", "config"), ENCODERS)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 32, 32, 3)])
def test_what_is_no_batch_of_rgb_pictures_is_refused(encoder, config, shape):
    message = rf"{re.escape(str(shape))}, the encoder takes \(batch, 3, 32, 32\); try .*preprocess"
    with plain_python(), pytest.raises(ValueError, match=message):
        encoder(config)(torch.zeros(shape))


@pytest.mark.parametrize(("encoder", "config"), ENCODERS)
def test_a_batch_of_one_is_a_batch(encoder, config):
    assert encoder(config).eval()(normals(1, 3, 32, 32)).shape == (1, 64)
