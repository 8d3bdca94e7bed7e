"""Whoever evaluates leaves a model as it was: modes, batch norm's memory, gradients."""

import pytest
import torch
from torch import nn

from clipbook.evaluation import class_embeddings, zero_shot
from clipbook.evaluation import scenes as scenes_module
from clipbook.evaluation.scenes import evaluate_scenes
from clipbook.pairs import CLIP
from clipbook.pairs.modes import evaluating
from clipbook.training.milestones import snapshot
from tests import tiny

NAMES = ["a star", "a red ring"]
PIXELS = tiny.normals(3, 3, 16, 16)
LOOKS = {
    "zero_shot": lambda model: zero_shot(model, tiny.tokenizer(), PIXELS, NAMES),
    "class_embeddings": lambda model: class_embeddings(model, tiny.tokenizer(), NAMES),
    "evaluate_scenes": lambda model: evaluate_scenes(model, tiny.tokenizer(), scenes=4),
    "snapshot": lambda model: snapshot(model, tiny.batches()[0]),
}


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch):
    monkeypatch.setattr(scenes_module, "PAIRS_OF_SCENES", 5)


def modes(model: nn.Module) -> list[bool]:
    return [part.training for part in model.modules()]


def partly(mode: str) -> CLIP:
    """A CNN, which has batch norm, in train mode, in eval mode, or in part in either."""
    model = tiny.clip(tiny.CNN).train(mode != "eval")
    if mode == "partly":
        model.image_encoder.stages[0].eval()
        model.text_encoder.norm.eval()
    return model


@pytest.mark.parametrize("mode", ["train", "eval", "partly"])
@pytest.mark.parametrize("look", LOOKS)
def test_a_look_changes_nothing_and_sees_the_model_in_eval_mode(look, mode):
    model, before = partly(mode), partly(mode)
    seen = LOOKS[look](model)
    expected = LOOKS[look](partly("eval"))
    same = torch.equal(seen, expected) if isinstance(seen, torch.Tensor) else seen == expected
    assert same
    assert modes(model) == modes(before)
    state = before.state_dict()  # with the batch norm's means and variances
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not (isinstance(seen, torch.Tensor) and seen.requires_grad)


@pytest.mark.parametrize("mode", ["train", "eval", "partly"])
@pytest.mark.parametrize("look", LOOKS)
def test_an_error_on_the_way_changes_nothing_either(look, mode):
    model = partly(mode)

    def broken(*arguments):
        raise RuntimeError("out of memory")

    model.text_encoder.forward = broken
    with pytest.raises(RuntimeError, match="out of memory"):
        LOOKS[look](model)
    assert modes(model) == modes(partly(mode))
    assert torch.is_grad_enabled()


def test_within_no_gradients_are_kept():
    model = partly("train")
    with evaluating(model):
        assert not any(modes(model))
        assert not model.encode_image(PIXELS).requires_grad
    assert model.encode_image(PIXELS).requires_grad


def test_a_part_that_decides_its_mode_itself_is_put_back_too():
    class Frozen(nn.BatchNorm2d):
        def train(self, mode: bool = True):
            return super().train(False)

    model = nn.Sequential(Frozen(3), nn.Dropout())
    model[0].training = True
    with evaluating(model):
        assert not any(modes(model))
    assert modes(model) == [True, True, True]
