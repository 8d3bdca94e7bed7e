"""The shipped model of emoji scores what its card says, and its trials are whole."""

from importlib.resources import files

import pytest
import torch

from clipbook.emoji import EXAMPLE, HELD_OUT, load_emoji
from clipbook.evaluation import evaluate_emoji
from clipbook.image import CNN
from clipbook.pretrained import emoji_trials, load, model_card, training_history
from clipbook.training import PRESETS
from clipbook.training.emoji import emoji_example
from clipbook.training.milestones import snapshot

FOLDER = files("clipbook") / "pretrained" / "emoji"
ARTISTS = ("twemoji", "noto", "fluent", "fxemoji", "emojione")


def test_it_is_ready_to_use_and_small():
    model, tokenizer = load("emoji")
    assert isinstance(model.image_encoder, CNN) and not model.training
    assert tokenizer.vocab_size == model.config.text.vocab_size
    weights = FOLDER / "emoji.safetensors"
    assert weights.stat().st_size <= 3_000_000
    assert not {one.suffix for one in FOLDER.iterdir()} & {".webp", ".png", ".svg"}


def test_its_tokenizer_never_read_a_held_out_name():
    _, tokenizer = load("emoji")
    assert all(len(tokenizer.encode(name)) > 1 for name in HELD_OUT)


@pytest.mark.slow
@pytest.mark.parametrize("artist", ["twemoji", "openmoji"])
def test_the_card_says_what_the_weights_score(artist):
    card = model_card("emoji")
    found = evaluate_emoji(*load("emoji"), load_emoji(), artist)
    for what, share in found.items():
        told = card[what if what.startswith("colour") else f"{artist}, {what}"]
        assert abs(told - share) <= 0.005, (what, told, share)


@pytest.mark.slow
def test_the_history_ends_with_the_model_that_is_shipped():
    history, (model, tokenizer) = training_history("emoji"), load("emoji")
    steps = sum(PRESETS[stage].training.steps for stage in ("emoji", "emoji-texts"))
    assert len(history.loss) == steps == history.snapshot_steps[-1] == history.evaluation_steps[-1]
    last = torch.tensor(history.snapshots[-1])
    again = torch.tensor(snapshot(model, emoji_example(load_emoji(), tokenizer, 48)))
    torch.testing.assert_close(last, again, atol=5e-3, rtol=0)  # float16 weights, four decimals
    assert (last.argmax(dim=1) == torch.arange(len(EXAMPLE))).sum() >= 7  # a share, not a promise


def test_the_card_that_people_read_says_the_same():
    text = (FOLDER / "README.md").read_text("utf-8")
    for what, value in model_card("emoji").items():
        assert f"| {what} | {value:.3f} |" in text


def test_every_trial_was_made_with_three_seeds():
    trials = emoji_trials()
    assert set(trials["artists"]) == set(ARTISTS)
    assert set(trials["baseline"]) == {*ARTISTS, "openmoji"}
    for kind in ("artists", "outlines", "vit", "positives", "languages", "whole"):
        for name, runs in trials[kind].items():
            assert set(runs) == {"0", "1", "2"}, (kind, name)
            assert len({str(run) for run in runs.values()}) == 3, "seeds that don't differ"


def test_the_second_stage_names_more_with_every_seed():
    for run in emoji_trials()["whole"]["the preset"].values():
        first, second = run["emoji"], run["emoji-texts"]
        for artist in ("twemoji", "openmoji"):
            for how in ("as drawn: first", "moved, recoloured: first", "as drawn: first five"):
                assert second[artist][how] > first[artist][how], (artist, how)
