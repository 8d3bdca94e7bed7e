"""The CNN halves the picture stage by stage, and its maps can be taken out."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from clipbook.image import CNN, CNNConfig
from tests.tiny import normals


def cnn(**changes) -> CNN:
    torch.manual_seed(0)
    return CNN(CNNConfig(**changes)).eval()


def stages(model: CNN, pixels: torch.Tensor) -> list[torch.Tensor]:
    """The maps after each stage."""
    return [maps for name, maps in model.intermediates(pixels).items() if "stage" in name]


@pytest.mark.parametrize(
    ("image_size", "widths", "sides"),
    [
        (32, (32, 64, 128), (16, 8, 4)),
        (16, (4, 8), (8, 4)),
        (8, (5, 6, 7), (4, 2, 1)),
        (30, (4, 8, 16), (15, 8, 4)),
    ],
)
def test_each_stage_halves_the_picture(image_size, widths, sides):
    model = cnn(image_size=image_size, widths=widths)
    maps = stages(model, normals(2, 3, image_size, image_size))
    assert [tuple(one.shape) for one in maps] == [
        (2, width, side, side) for width, side in zip(widths, sides, strict=True)
    ]
    assert all((one >= 0).all() for one in maps)  # after a ReLU


def test_each_stage_takes_the_maps_of_the_one_before():
    model, before = cnn(), normals(2, 3, 32, 32)
    for stage, after in zip(model.stages, stages(model, before), strict=True):
        torch.testing.assert_close(after, stage(before))
        before = after


def test_a_stage_is_relu_of_convolutions_and_batch_norms_with_a_sum_around_the_second():
    stage = cnn(image_size=16, widths=(4, 6)).stages[1]
    with torch.no_grad():
        for parameter in [*stage.parameters(), *stage.buffers()]:
            if parameter.is_floating_point():
                parameter.copy_(torch.rand_like(parameter) + 0.1)
    x = normals(2, 4, 8, 8)
    weights = [layer.weight for layer in stage.modules() if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in stage.modules() if isinstance(layer, nn.BatchNorm2d)]

    def normed(maps: torch.Tensor, norm: nn.BatchNorm2d) -> torch.Tensor:
        mean, var, gain, bias = (
            values[:, None, None]
            for values in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        )
        return (maps - mean) / (var + norm.eps).sqrt() * gain + bias

    halved = normed(functional.conv2d(x, weights[0], stride=2, padding=1), norms[0]).clamp(min=0)
    refined = normed(functional.conv2d(halved, weights[1], padding=1), norms[1])
    torch.testing.assert_close(stage(x), (halved + refined).clamp(min=0))


def test_stages_are_counted_from_one_and_only_norms_have_biases():
    model = cnn(image_size=16, widths=(4, 6))
    names = ["stage 1", "stage 2", "features", "projected"]
    assert list(model.intermediates(normals(1, 3, 16, 16))) == names
    biased = [name for name, m in model.named_modules() if getattr(m, "bias", None) is not None]
    normed = (nn.BatchNorm2d, nn.LayerNorm)
    assert biased == [name for name, m in model.named_modules() if isinstance(m, normed)]


def test_the_projection_begins_so_that_its_outputs_are_about_one():
    weight = cnn(widths=(16, 256), embed_dim=256).projection.weight
    assert weight.std().item() == pytest.approx(1 / 16, rel=0.02)


def test_features_are_the_last_maps_averaged():
    model, pixels = cnn(), normals(2, 3, 32, 32)
    pooled = stages(model, pixels)[-1].flatten(2).mean(dim=2)
    torch.testing.assert_close(model.features(pixels), model.norm(pooled))


def test_a_picture_does_not_depend_on_its_batch():
    model, pixels = cnn(), normals(3, 3, 32, 32)
    torch.testing.assert_close(model(pixels)[1:2], model(pixels[1:2]), atol=1e-5, rtol=1e-5)


def test_moving_the_picture_moves_the_maps():
    model = cnn(image_size=32, widths=(8, 8))
    pixels = torch.zeros(1, 3, 32, 32)
    pixels[..., 12:18, 12:18] = normals(1, 3, 6, 6)
    moved = pixels.roll((4, 4), dims=(2, 3))
    expected = stages(model, pixels)[-1][..., 2:5, 2:5]
    torch.testing.assert_close(stages(model, moved)[-1][..., 3:6, 3:6], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": ()}, "a CNN needs the width of each stage.*try"),
        ({"widths": (8, 0)}, r"widths\[1\]=0 is not a whole number from 1 .*try 32"),
        ({"image_size": 4, "widths": (8, 8, 8)}, "image_size=4 px can't be halved 3 times; try 8"),
    ],
)
def test_a_config_that_cannot_be_built_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        CNNConfig(**change)
