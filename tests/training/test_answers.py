"""Recipes for models that answer, the loop that trains them, and what they are worth."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch

import clipbook
from clipbook.evaluation import answers as evaluation
from clipbook.evaluation import blind_baseline, draw_questions, evaluate_answers, grade
from clipbook.image import Preprocessing, normalise
from clipbook.language import Answerer, DecoderConfig, iou, load_paligemma
from clipbook.language import __main__ as command
from clipbook.pairs import CLIP
from clipbook.scenes import KINDS, Question
from clipbook.training import (
    ANSWERS_PRESETS,
    AnswersPreset,
    QuestionBatches,
    TrainingConfig,
    answer_text,
    first_blocks,
    make_optimisers,
    train,
    train_answer_tokenizer,
)
from clipbook.training.objectives import objective_of
from tests import tiny
from tests.plain import plain_python

TOKENIZER = train_answer_tokenizer()
ENCODER = tiny.clip(replace(tiny.VIT, depth=2))
QUICK = TrainingConfig(steps=4, learning_rate=1e-3, checkpoint_every=2)
PLAIN = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
SIZES = ("depth", "width", "blocks", "batch_size")
SMALL = AnswersPreset(QUICK, depth=1, width=16, blocks=1, batch_size=8)


def batches(**choices) -> QuestionBatches:
    return QuestionBatches(TOKENIZER, 16, 16, **choices)


def test_the_first_blocks_say_what_they_said_within_the_whole():
    vit = clipbook.load("shapes")[0].image_encoder
    pixels = tiny.normals(2, 3, 32, 32)
    for blocks in (1, 2, 3):
        with tiny.drawing_nothing():
            short = first_blocks(vit, blocks)
        name = f"block {blocks}"
        assert torch.equal(short.intermediates(pixels)[name], vit.intermediates(pixels)[name])
        assert len(short.blocks) == blocks
    with pytest.raises(ValueError, match="blocks=4 is not a whole number from 0 to 3; try 2$"):
        first_blocks(vit, 4)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        *(({name: 0}, f"{name}=0 is not a whole number from 1") for name in SIZES),
        ({"two": 1.5}, "two=1.5 is not a finite number from 0 to 1;"),
        ({"image": "melted"}, "^image='melted'; try frozen"),
        ({"kinds": {"weight": 1.0}}, "kind='weight'; try colour"),
        ({"kinds": ("colour",)}, "asks nothing; try"),
        ({"prefix": 1}, "prefix=1 is neither True nor False"),
        ({"width": 30}, "width=30 gives 4 heads of 7 numbers, .*; try 24$"),
        ({"width": 3}, "width=3 gives 4 heads of 0 numbers, .*; try 8$"),
    ],
)
def test_presets_that_make_no_sense_are_refused(choices, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        replace(SMALL, **choices)


def test_a_preset_builds_the_sizes_and_choices_that_it_names():
    kinds = {"size": 1.0, "place": 2.0}
    preset = replace(SMALL, depth=3, width=32, blocks=2, prefix=False, kinds=kinds, two=0.25)
    session = preset.build(CLIP(replace(ENCODER.config, preprocessing=PLAIN)), 7, steps=9)
    config = session.answerer.model.config
    assert config.decoder == DecoderConfig(
        TOKENIZER.vocab_size, 32, 3, heads=4, kv_heads=1, head_dim=8, mlp_width=256
    )
    assert (config.image.depth, config.prefix, config.preprocessing) == (2, False, PLAIN)
    assert session.config == replace(QUICK, steps=9)
    expected = QuestionBatches(TOKENIZER, 8, 16, kinds=kinds, two=0.25, seed=7)
    assert session.batches.identity() == expected.identity()


def test_in_half_precision_the_answers_are_computed_in_it():
    model = SMALL.build(ENCODER).answerer.model
    pictures, *rest = SMALL.build(ENCODER).batches[0]
    kinds = []
    model.projection.register_forward_hook(lambda *call: kinds.append(call[-1].dtype))
    cost = objective_of(model, QUICK).cost
    whole, half = (cost(model, kind, normalise(pictures), *rest) for kind in (None, torch.bfloat16))
    assert kinds == [torch.float32, torch.bfloat16]
    assert half.item() != whole.item()
    assert half.item() == pytest.approx(whole.item(), abs=0.1)


@pytest.mark.parametrize("name", ANSWERS_PRESETS)
def test_a_preset_fixes_weights_and_batches_by_its_seed(name):
    clip = clipbook.load("shapes")[0]
    first, again, other = (ANSWERS_PRESETS[name].build(clip, seed) for seed in (4, 4, 5))
    assert first.batches.identity() == again.batches.identity() != other.batches.identity()
    json.dumps(first.batches.identity())
    weights, same = (run.answerer.model.state_dict() for run in (first, again))
    assert all(torch.equal(weights[key], same[key]) for key in weights)
    key = "projection.weight"
    assert not torch.equal(weights[key], other.answerer.model.state_dict()[key])
    theirs = clip.image_encoder.state_dict()
    for key, value in first.answerer.model.image_encoder.state_dict().items():
        assert torch.equal(value, theirs[key])
    assert not any(p.requires_grad for p in first.answerer.model.image_encoder.parameters())
    assert first.config.steps == ANSWERS_PRESETS[name].training.steps


@pytest.mark.parametrize(
    ("image", "learned", "moves"),
    [
        ("frozen", True, False),
        ("trained", True, True),
        ("random, frozen", False, False),
        ("from scratch", False, True),
    ],
)
def test_the_image_encoder_is_trained_as_it_is_told(image, learned, moves):
    session = replace(SMALL, image=image).build(ENCODER)
    encoder = session.answerer.model.image_encoder
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    expected = ENCODER.image_encoder.state_dict()
    assert torch.equal(before["positions"], expected["positions"]) is learned
    projection = session.answerer.model.projection.weight.detach().clone()
    session.train(progress=False, workers=0)
    assert torch.equal(before["positions"], encoder.state_dict()["positions"]) is not moves
    assert not torch.equal(projection, session.answerer.model.projection.weight)


def test_a_rate_of_its_own_for_the_image_encoder():
    session = replace(SMALL, image="trained").build(ENCODER)
    model = session.answerer.model
    for optimiser in ("muon", "adamw"):
        config = replace(QUICK, optimiser=optimiser)
        plain = rates(model, config)
        slower = rates(model, replace(config, image_rate=0.1))
        for name, rate in plain.items():
            factor = 0.1 if name.startswith("image_encoder.") else 1
            assert slower[name] == pytest.approx(rate * factor)
    with pytest.raises(ValueError, match="image_rate=0.0 is not a finite number above 0"):
        replace(QUICK, image_rate=0.0)


def rates(model, config) -> dict[str, float]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [group for one in make_optimisers(model, config) for group in one.param_groups]
    return {names[id(p)]: group["lr"] for group in groups for p in group["params"]}


def test_a_run_that_is_stopped_ends_in_the_weights_of_one_that_was_not(tmp_path):
    whole = SMALL.build(ENCODER)
    history = whole.train(tmp_path / "whole", progress=False, workers=0)
    assert len(history.loss) == 4
    assert history.scale == [1.0] * 4
    half = SMALL.build(ENCODER)
    folder = tmp_path / "half"

    class Stopped(Exception):
        pass

    def stop(model):
        raise Stopped

    with pytest.raises(Stopped):
        half.train(folder, progress=False, workers=0, evaluate=stop, evaluate_at=[3])
    again = SMALL.build(ENCODER)
    assert again.train(folder, progress=False, workers=0).loss == history.loss
    for name, value in whole.answerer.model.state_dict().items():
        assert torch.equal(value, again.answerer.model.state_dict()[name])
    with pytest.raises(ValueError, match=r"data.seed=0, not 1"):
        SMALL.build(ENCODER, seed=1).train(folder, progress=False, workers=0)


def test_weights_that_are_kept_are_read_again(tmp_path):
    session = SMALL.build(ENCODER)
    session.train(tmp_path, progress=False, workers=0, keep_at=[4])
    kept = load_paligemma(tmp_path / "weights-00000004.safetensors")
    assert torch.equal(kept.projection.weight, session.answerer.model.projection.weight)


def test_batches_that_do_not_fit_are_refused():
    session = SMALL.build(ENCODER)
    model = session.answerer.model
    pictures, token_ids, in_prompt, in_answer = session.batches[0]
    no_answer = (pictures, token_ids, in_prompt, in_answer & (torch.arange(8) != 5)[:, None])
    with pytest.raises(ValueError, match="a question without an answer"):
        train(model, [no_answer] * 4, QUICK, progress=False, workers=0)
    large = (pictures.repeat(1, 2, 2, 1), token_ids, in_prompt, in_answer)
    with pytest.raises(ValueError, match="make the batches with image_size=16"):
        train(model, [large] * 4, QUICK, progress=False, workers=0)
    with pytest.raises(ValueError, match="a similarity matrix, which a CLIP alone has"):
        train(model, [large] * 4, QUICK, example=large[:3])


def test_an_image_encoder_without_blocks_is_refused():
    with pytest.raises(ValueError, match=r"no ViT.*clipbook.load\('shapes'\)"):
        SMALL.build(tiny.clip(tiny.CNN))


def test_all_right_answers_are_shares_of_one(monkeypatch):
    asked = draw_questions(5) + draw_questions(5, "never seen")
    monkeypatch.setattr(Answerer, "ask_all", lambda self, pictures, questions: answers(questions))
    given = iter(asked)

    def answers(questions):
        told = []
        for text in questions:
            _, question = next(given)
            assert question.text == text
            told.append(answer_text(question))
        return told

    session = SMALL.build(ENCODER)
    results = evaluate_answers(session.answerer, 5)
    for split in ("seen", "never seen"):
        assert results[f"mean, {split}"] == 1
        assert all(results[f"{kind}, {split}"] == 1 for kind in KINDS)
        assert 0.8 < results[f"box IoU, {split}"] < 1  # by the width of bins


def test_answers_are_graded_one_by_one():
    scene, question = next(
        (scene, question) for scene, question in draw_questions(1) if question.box
    )
    text = answer_text(question)
    assert grade(question, scene, text, 32)[0]
    other = "pink heart" if question.answer != "pink heart" else "red ring"
    assert not grade(question, scene, text.replace(question.answer, other), 32)[0]
    assert grade(question, scene, question.answer, 32) == (False, 0.0)
    shifted = "<loc0000><loc0000><loc0001><loc0001> " + question.answer
    assert not grade(question, scene, shifted, 32)[0]
    plain = Question("size", "how large is the red circle?", "small")
    assert grade(plain, scene, "small", 32) == (True, 0.0)
    assert grade(plain, scene, "large", 32) == (False, 0.0)


def test_evaluation_asks_of_scenes_that_training_does_not_show():
    asked = draw_questions(6, seed=1)
    assert asked != draw_questions(6, seed=2)
    assert asked == draw_questions(6, seed=1)
    assert Counter(question.kind for _, question in asked) == dict.fromkeys(KINDS, 6)
    shown = {scene for k in range(20) for scene, _ in batches().questions(k)}
    assert not shown & {scene for scene, _ in asked}
    assert all(scene.held_out for scene, _ in draw_questions(6, "never seen"))


@pytest.mark.parametrize("pictures", ["own", "another's", "none"])
def test_what_is_shown_is_what_was_chosen(monkeypatch, pictures):
    shown = []
    monkeypatch.setattr(
        Answerer, "ask_all", lambda self, p, questions: shown.append(p) or ["?"] * len(questions)
    )
    session = SMALL.build(ENCODER)
    evaluate_answers(session.answerer, 3, kinds=("size",), pictures="own")
    evaluate_answers(session.answerer, 3, kinds=("size",), pictures=pictures)
    own, other = shown[0], shown[2]
    if pictures == "none":
        assert other is None
    elif pictures == "own":
        assert (own == other).all()
    else:
        assert (own != other).any(axis=(1, 2, 3)).all()
        assert sorted(map(bytes, own)) == sorted(map(bytes, other))


def test_the_blind_baseline_says_what_is_commonest(monkeypatch):
    monkeypatch.setattr(evaluation, "COUNTED", 5_000)  # checked types make it slow
    results = blind_baseline(60)
    assert results["mean, seen"] < 0.4
    assert 0.3 < results["exists, seen"] < 0.7  # half of the answers are yes
    assert results["colour, never seen"] == 0  # the very combination that training never shows
    assert results["caption, seen"] < 0.1
    assert 0.1 < results["box IoU, seen"] < 0.3


def test_the_blind_box_lies_where_most_boxes_are():
    boxes = [(0.1, 0.6, 0.4, 0.9)] * 6 + [(0.0, 0.0, 1.0, 1.0)] * 60  # top, left, bottom, right
    often, near = evaluation._best_squares(boxes)
    assert iou(often, boxes[0]) > 0.5 and iou(near, boxes[-1]) > 0.2
    assert iou(near, boxes[-1]) > iou(often, boxes[-1])


def test_the_command_trains_writes_and_says_what_it_is_worth(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(ANSWERS_PRESETS, "answers", replace(SMALL, kinds={"size": 1.0}))
    monkeypatch.setattr(command, "load", lambda name: (ENCODER, None))
    monkeypatch.setattr(
        "sys.argv", ["language", "--preset", "answers", "--out", str(tmp_path / "run")]
    )
    command.main()
    printed = capsys.readouterr().out
    assert "trained from step 0 to 4" in printed
    assert "size, never seen" in printed
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert history["evaluation_steps"] == sorted({4 * k // 7 for k in range(8)})
    load_paligemma(tmp_path / "run" / "model.safetensors")
    command.main()
    assert "finished there before; nothing was trained again" in capsys.readouterr().out
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.safetensors").write_text("?")
    monkeypatch.setattr(
        "sys.argv", ["language", "--preset", "answers", "--out", str(tmp_path / "other")]
    )
    with pytest.raises(SystemExit):
        command.main()
    assert "no checkpoint that says which run" in capsys.readouterr().err
    occupied = str(tmp_path / "other/model.safetensors")
    monkeypatch.setattr("sys.argv", ["language", "--preset", "answers", "--out", occupied])
    with pytest.raises(SystemExit):
        command.main()
    assert f"{occupied} is a file; give another folder" in capsys.readouterr().err


def test_what_is_no_clip_has_no_encoder_to_begin_with():
    with plain_python(), pytest.raises(ValueError, match="is no CLIP; try clipbook.load"):
        SMALL.build(clipbook.load("shapes"))


@pytest.mark.parametrize("questions", [0, 2.5, True])
def test_a_number_of_questions_that_makes_no_sense_is_refused(questions):
    with plain_python(), pytest.raises(ValueError, match="questions=.* is not a whole number"):
        train_answer_tokenizer.__wrapped__(questions)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (lambda batch: batch[:3], "a batch of 3 parts; a PaliGemma takes pictures, and the three"),
        (lambda batch: (batch[0][:2], *batch[1:]), "give each text its own"),
        (lambda batch: (batch[0], batch[1] + 10_000, *batch[2:]), "don't fit vocab_size="),
        (lambda batch: (*batch[:2], ~batch[2], batch[3]), "does not begin with its true values"),
        (lambda batch: (*batch[:3], batch[3].long()), "say true or false of each token"),
        (lambda batch: (batch[0] / 255, *batch[1:]), "of torch.float32; give levels 0 to 255"),
    ],
)
def test_a_batch_of_another_form_is_refused_where_it_is_made(changes, said):
    session = SMALL.build(ENCODER)
    model = session.answerer.model
    wrong = changes(session.batches[0])
    with plain_python(), pytest.raises(ValueError, match=said):
        objective_of(model, session.config).prepare(model, wrong)


def test_kinds_that_make_no_evaluation_are_refused():
    answerer = SMALL.build(ENCODER).answerer
    with plain_python():
        for measure in (
            lambda kinds: draw_questions(1, kinds=kinds),
            lambda kinds: blind_baseline(1, kinds=kinds),
            lambda kinds: evaluate_answers(answerer, 1, kinds=kinds),
        ):
            for kinds, said in (
                ((), "kinds is empty"),
                ("colour", "kinds='colour' is one string"),
                (["weight"], "kind='weight'; try colour"),
            ):
                with pytest.raises(ValueError, match=said):
                    measure(kinds)


def test_a_kind_that_is_named_twice_is_asked_once():
    assert len(draw_questions(2, kinds=iter(["colour", "size", "colour"]))) == 4


def test_anothers_picture_needs_another_question():
    answerer = SMALL.build(ENCODER).answerer
    with pytest.raises(ValueError, match="n=1 is not a whole number from 2 to"):
        evaluate_answers(answerer, 1, kinds=("colour",), pictures="another's")


def test_a_cnn_has_no_first_blocks():
    said = "no ViT but a CNN, whose blocks can't be counted; try that of clipbook.load"
    with plain_python(), pytest.raises(ValueError, match=said):
        first_blocks(tiny.clip(tiny.CNN).image_encoder, 1)
