"""The shipped model that answers scores what its card says, and its trials are whole."""

import json
from importlib.resources import files

import pytest
import torch

import clipbook
from bookkit.ship import FRESH, QUESTIONS
from clipbook.evaluation import evaluate_answers
from clipbook.image import ViT
from clipbook.language import AnswerTokenizer, iou
from clipbook.pretrained import answer_trials, load, model_card, training_history
from clipbook.scenes import EXAMPLE, KINDS, render
from clipbook.scenes.questions import box_of, caption_answers, name_of
from clipbook.training import ANSWERS_PRESETS, first_blocks

FOLDER = files("clipbook") / "pretrained" / "answers"
SCENES = [scene for scene, _ in EXAMPLE]
PICTURES = [render(scene) for scene in SCENES]


def test_it_is_ready_to_use_and_small():
    model, tokenizer = clipbook.load("answers")
    assert isinstance(model.image_encoder, ViT)
    assert not model.training
    assert isinstance(tokenizer, AnswerTokenizer)
    assert tokenizer.vocab_size == model.config.decoder.vocab_size
    assert tokenizer.bins == 32
    assert (FOLDER / "answers.safetensors").stat().st_size <= 2_000_000
    assert sum(one.stat().st_size for one in FOLDER.iterdir()) <= 2_500_000


def test_its_image_encoder_is_that_of_shapes():
    model, _ = load("answers")
    blocks = ANSWERS_PRESETS["answers"].blocks
    theirs = first_blocks(load("shapes")[0].image_encoder, blocks).state_dict()
    for name, value in model.image_encoder.state_dict().items():
        assert torch.equal(value, theirs[name].half().float()), name


def test_it_answers_about_the_running_example():
    answers = load("answers")
    right = [
        answers.caption(picture) in caption_answers(scene)
        for picture, scene in zip(PICTURES, SCENES, strict=True)
    ]
    assert sum(right) >= 7  # a share, not a promise
    numbers = [answers.ask(picture, "how many shapes?") for picture in PICTURES]
    assert (
        sum(n == ("one", "two")[len(s.objects) - 1] for n, s in zip(numbers, SCENES, strict=True))
        >= 7
    )
    overlaps = [
        iou(box_of(thing), box)
        for picture, scene in zip(PICTURES, SCENES, strict=True)
        for thing in scene.objects
        for box in answers.detect(picture, name_of(thing))[:1]
    ]
    assert len(overlaps) == 12
    assert sum(overlaps) / len(overlaps) > 0.6


@pytest.mark.slow
def test_the_card_says_what_the_weights_score():
    card = model_card("answers")
    for what, share in evaluate_answers(load("answers"), QUESTIONS, seed=FRESH).items():
        assert abs(card[what] - share) <= 0.005, (what, card[what], share)


def test_it_reaches_what_was_promised():
    card = model_card("answers")
    assert card["mean, seen"] >= 0.95
    assert card["mean, never seen"] >= 0.92
    assert min(card["box IoU, seen"], card["box IoU, never seen"]) >= 0.72
    for kind in KINDS:
        assert min(card[f"{kind}, seen"], card[f"{kind}, never seen"]) >= 0.88, kind
    assert card["mean, seen, another's picture"] < 0.4


def test_the_history_is_that_of_the_preset():
    history = training_history("answers")
    steps = ANSWERS_PRESETS["answers"].training.steps
    assert len(history.loss) == steps == history.evaluation_steps[-1]
    last = history.evaluations[-1]
    card = model_card("answers")
    assert abs(last["mean, seen"] - card["mean, seen"]) < 0.05


def test_the_card_that_people_read_says_the_same():
    text = (FOLDER / "README.md").read_text("utf-8")
    for what, value in model_card("answers").items():
        assert f"| {what} | {value:.3f} |" in text


def test_every_trial_was_made_with_the_same_seeds():
    trials = answer_trials()
    runs = json.loads(json.dumps(trials["arms"]))
    assert "contrastive, frozen" in runs
    for arm, seeds in runs.items():
        assert set(seeds) <= {"0", "1", "2"}, arm
        assert len({str(run) for run in seeds.values()}) == len(seeds), "seeds that don't differ"
        for run in seeds.values():
            assert {f"{kind}, seen" for kind in KINDS} <= run["own"].keys()
