"""Presets can be built and run, alike each time."""

from dataclasses import replace

import pytest
import torch

import clipbook
from clipbook.image import Augmentation, CNNConfig
from clipbook.pairs import CLIP
from clipbook.scenes import EXAMPLE
from clipbook.streams import torch_stream
from clipbook.training import PRESETS, EmojiPreset, Preset, TrainingConfig
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


def test_numbers_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="batch_size=0 is not a whole number from 1"):
        Preset(batch_size=0)
    with pytest.raises(ValueError, match="twins=1.5 is not a finite number from 0 to 1; try 0.7"):
        Preset(twins=1.5)
    with pytest.raises(ValueError, match="batch_size=0 is not a whole number from 1"):
        replace(PRESETS["emoji"], batch_size=0)
    with pytest.raises(ValueError, match="artists_each=0 is not a whole number from 1"):
        replace(PRESETS["emoji"], artists_each=0)


@pytest.mark.parametrize("name", PRESETS)
def test_a_model_reads_what_its_tokenizer_writes_and_its_first_weights_are_those_of_a_stream(
    quick, name
):
    run = PRESETS[name].build(4)
    text = run.model.config.text
    assert (text.vocab_size, text.context_length) == (330, 24)
    assert run.model.config.image == PRESETS[name].image
    torch.manual_seed(torch_stream("initial weights", 4).initial_seed())
    weights = CLIP(run.model.config).state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in run.model.state_dict().items())


@pytest.mark.parametrize("name", PRESETS)
def test_batches_are_as_the_preset_says(quick, name):
    preset, batches = PRESETS[name], PRESETS[name].build(seed=4).batches
    assert batches.seed == 4
    assert batches.batch_size == preset.batch_size
    assert batches.image_size == preset.image.image_size
    if isinstance(preset, EmojiPreset):
        assert batches.left_out == preset.left_out
        assert batches.artists_each == preset.artists_each
        assert batches.augmentation == preset.augmentation
        trained = {p.requires_grad for p in PRESETS[name].build().model.image_encoder.parameters()}
        assert trained == {not preset.image_locked}
    else:
        assert batches.twins == preset.twins


def test_the_emoji_preset_builds_what_was_shipped(quick):
    shipped, _ = clipbook.load("emoji")
    text = PRESETS["emoji"].build().model.config.text
    known = {"vocab_size": text.vocab_size, "context_length": text.context_length}
    assert text == replace(shipped.config.text, **known)


def test_the_second_stage_of_emoji_is_of_the_first_ones_model_and_changes_its_texts_alone(quick):
    first, second = PRESETS["emoji"], PRESETS["emoji-texts"]
    assert (first.image, first.left_out) == (second.image, second.left_out)
    assert second.image_locked and not first.image_locked
    run = second.build(steps=1)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.train(workers=0, progress=False)
    changed = {
        name.partition(".")[0]
        for name, value in run.model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {"text_encoder", "log_scale"}


def test_a_run_of_emoji_is_as_long_as_asked_and_its_tokenizer_reads_its_emoji(quick, monkeypatch):
    read = []
    monkeypatch.setattr(
        module, "train_emoji_tokenizer", lambda emoji: read.append(emoji) or tiny.tokenizer()
    )
    preset = PRESETS["emoji"]
    run, short = preset.build(), preset.build(steps=9)
    assert run.config == preset.training
    assert short.config == replace(preset.training, steps=9)
    assert run.batches.seed == 0
    assert [len(one.names) for one in read] == [len(tiny.emoji().names)] * 2


def test_augmentation_of_the_preset_is_that_of_its_batches(quick):
    strong = replace(PRESETS["emoji"], augmentation=Augmentation(turn=0.3))
    assert strong.build().batches.augmentation == Augmentation(turn=0.3)


def test_a_run_keeps_its_checkpoints_its_example_and_its_word(quick, tmp_path, capsys):
    training = TrainingConfig(steps=2, warmup_steps=1, snapshots=2)
    run = Preset(CNNConfig(16, widths=(4, 8)), training, batch_size=4).build()
    history = run.train(tmp_path, workers=0, progress=False)
    assert history.snapshot_steps == [0, 2]
    assert [len(history.snapshots[0]), len(history.snapshots[0][0])] == [len(EXAMPLE)] * 2
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint-00000002"]
    assert capsys.readouterr() == ("", "")


def test_first_weights_move_no_random_state_of_a_gpu(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    with tiny.drawing_nothing():
        module.fresh(lambda: torch.nn.Linear(2, 2), 3)
    assert seeded == []
