"""Each parameter is updated once, in the way that suits it."""

import pytest
import torch
from torch import nn

from clipbook.image import CNN
from clipbook.training import TrainingConfig
from clipbook.training.optimisers import (
    group_parameters,
    learning_rate_factor,
    make_optimisers,
    set_learning_rate,
    usable_device,
)
from clipbook.transformer import Block
from tests import tiny
from tests.plain import plain_python

MODELS = {"vit": tiny.VIT, "cnn": tiny.CNN}


def expected_group(model: nn.Module, name: str) -> str:
    """From the kind of module that a parameter belongs to."""
    owner, _, kind = name.rpartition(".")
    module = model.get_submodule(owner)
    if name == "image_encoder.positions":
        return "positions"
    if name == "image_encoder.patch_embedding.weight":
        return "matrices"
    if kind != "weight" or isinstance(module, nn.Embedding | nn.LayerNorm | nn.BatchNorm2d):
        return "plain"  # biases, norms, embeddings, the class token, the scale
    parents = [owner.rsplit(".", k)[0] for k in range(owner.count(".") + 1)]
    in_block = any(isinstance(model.get_submodule(parent), Block) for parent in parents)
    return "matrices" if in_block else "weights"


@pytest.mark.parametrize("image", MODELS)
def test_every_parameter_is_in_its_group_and_in_no_other(image):
    model = tiny.clip(MODELS[image])
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = group_parameters(model)
    found = [(names[id(one)], group) for group, members in groups.items() for one in members]
    assert sorted(found) == sorted((name, expected_group(model, name)) for name in names.values())


def test_the_learning_rate_stays_at_zero_after_the_last_step():
    factors = [learning_rate_factor(step, 10, 100) for step in range(300)]
    assert max(factors) == factors[9] == 1.0
    assert factors[100:] == [0.0] * 200
    assert factors[55] == pytest.approx(0.5)


def test_a_run_within_its_warm_up_ends_on_the_line():
    assert [learning_rate_factor(step, 4, 3) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 0]


@pytest.mark.parametrize("device", ["gpu", "cuda:63", "meta", "", 1.5])
def test_a_device_that_cannot_be_used_is_named(device):
    said = (
        rf"^device={device!r} is none that PyTorch can use here \(.+\); try 'cpu', or leave it out$"
    )
    with plain_python(), pytest.raises(ValueError, match=said):
        usable_device(device)
    assert usable_device("cpu") == usable_device(torch.device("cpu")) == torch.device("cpu")


def decay_by_name(model: nn.Module, config: TrainingConfig) -> dict[str, tuple[str, float, float]]:
    """For each parameter, its optimiser, decay and largest learning rate."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {}
    for optimiser in make_optimisers(model, config):
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                name = names[id(parameter)]
                assert name not in found, f"{name} is updated twice"
                kind = type(optimiser).__name__
                found[name] = (kind, group["weight_decay"], group["peak"])
    assert found.keys() == set(names.values())
    return found


@pytest.mark.parametrize("image", MODELS)
def test_adamw_decays_weights_but_no_norms_biases_or_embeddings(image):
    model = tiny.clip(MODELS[image])
    config = TrainingConfig(
        optimiser="adamw", learning_rate=0.1, weight_decay=0.2, position_rate=3.0
    )
    for name, (kind, decay, rate) in decay_by_name(model, config).items():
        group = expected_group(model, name)
        assert kind == "AdamW"
        assert decay == (0.2 if group in ("matrices", "weights") else 0.0), name
        assert rate == pytest.approx(0.3 if group == "positions" else 0.1), name


@pytest.mark.parametrize("image", MODELS)
def test_muon_takes_the_matrices_of_the_blocks_and_the_patch_embedding_alone(image):
    model = tiny.clip(MODELS[image])
    config = TrainingConfig(optimiser="muon", learning_rate=0.1, matrix_rate=5.0, weight_decay=0.2)
    for name, (kind, decay, rate) in decay_by_name(model, config).items():
        group = expected_group(model, name)
        assert kind == ("Muon" if group == "matrices" else "AdamW"), name
        if group == "matrices":
            assert (decay, rate) == (0.2, pytest.approx(0.5))


def test_muon_without_matrices_is_adamw():
    model = CNN(tiny.CNN)
    assert [type(one).__name__ for one in make_optimisers(model, TrainingConfig())] == ["AdamW"]


def test_the_learning_rate_warms_up_in_a_straight_line():
    assert [learning_rate_factor(step, 4, 100) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_the_learning_rate_falls_along_a_cosine():
    assert learning_rate_factor(10, 10, 110) == pytest.approx(1)
    assert learning_rate_factor(35, 10, 110) == pytest.approx(0.5 + 0.5 * 2**-0.5)
    assert learning_rate_factor(60, 10, 110) == pytest.approx(0.5)
    assert learning_rate_factor(110, 10, 110) == pytest.approx(0)
    assert learning_rate_factor(1, 0, 1) == pytest.approx(0)
    factors = [learning_rate_factor(step, 10, 110) for step in range(9, 110)]
    assert factors == sorted(factors, reverse=True)
    assert min(factors) > 0


@pytest.mark.parametrize(("warmup", "steps"), [(0, 10), (10, 10), (50, 10), (0, 1), (1, 1)])
def test_short_runs_have_a_learning_rate_too(warmup, steps):
    factors = [learning_rate_factor(step, warmup, steps) for step in range(steps)]
    assert all(0 < factor <= 1 for factor in factors)


def test_setting_the_learning_rate_keeps_the_proportions():
    optimisers = make_optimisers(tiny.clip(), TrainingConfig(learning_rate=0.1))
    for factor in (0.5, 0.25, 1.0):
        set_learning_rate(optimisers, factor)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                assert group["lr"] == pytest.approx(factor * group["peak"])


def test_the_scale_does_not_decay():
    model = tiny.clip()
    optimisers = make_optimisers(model, TrainingConfig(weight_decay=0.5, learning_rate=0.1))
    before = model.log_scale.item()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for optimiser in optimisers:
        optimiser.step()
    assert model.log_scale.item() == before
    assert model.image_encoder.norm.weight.tolist() == [1.0] * 16
