"""Presets can be built and run, alike each time."""

from dataclasses import replace

import pytest
import torch

from clipbook.scenes import EXAMPLE
from clipbook.training import PRESETS, EmojiPreset
from clipbook.training import presets as module
from tests import tiny


@pytest.fixture
def quick(monkeypatch):
    """Presets with a tokenizer that takes no time to train, and a handful of emoji."""
    monkeypatch.setattr(module, "train_tokenizer", tiny.tokenizer)
    monkeypatch.setattr(module, "train_emoji_tokenizer", lambda emoji: tiny.tokenizer())
    monkeypatch.setattr(module, "load_emoji", tiny.emoji)
    for name, preset in PRESETS.items():
        if isinstance(preset, EmojiPreset):
            monkeypatch.setitem(PRESETS, name, replace(preset, batch_size=len(EXAMPLE)))


@pytest.mark.parametrize("name", PRESETS)
def test_the_seed_fixes_weights_and_batches(quick, name):
    torch.manual_seed(0)
    first, second, other = (PRESETS[name].build(seed) for seed in (4, 4, 5))
    weights, again = first.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(value, again[key]) for key, value in weights.items())
    assert not torch.equal(other.model.text_encoder.positions, weights["text_encoder.positions"])
    assert torch.equal(first.batches[2][0], second.batches[2][0])
    assert not torch.equal(first.batches[2][0], other.batches[2][0])


def test_building_leaves_the_global_generator_alone(quick):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    PRESETS["cpu"].build()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains_for_as_long_as_asked(quick, name):
    run = PRESETS[name].build(steps=2)
    history = run.train(progress=False)
    assert len(history.loss) == 2
    assert history.snapshot_steps[0] == 0
    assert history.snapshot_steps[-1] == 2
    assert {len(history.snapshots[0]), len(history.snapshots[0][0])} == {len(EXAMPLE)}
    assert run.config.steps == 2
    assert PRESETS[name].build().config.steps > 100
