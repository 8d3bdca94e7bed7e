"""Every question has one right answer, and training's never name a combination kept back."""

import itertools
import re

import numpy as np
import pytest

from clipbook.scenes import (
    EXAMPLE,
    HELD_OUT,
    KINDS,
    Object,
    Question,
    Scene,
    draw_question,
    is_right,
    render,
    sample,
)
from clipbook.scenes.drawing import GROUND_RGB
from clipbook.scenes.questions import box_of, caption_answers, name_of
from tests.plain import plain_python

GENERATOR = np.random.default_rng
CIRCLE = Object("circle", "red", "small", 0.3, 0.25)
SQUARE = Object("square", "blue", "large", 0.35, 0.7)
PAIR = Scene((CIRCLE, SQUARE))


def asked(scene: Scene, kind: str, tries: int = 60, **choices) -> set[tuple[str, str]]:
    generator = GENERATOR(0)
    drawn = [draw_question(scene, kind, generator, **choices) for _ in range(tries)]
    return {(question.text, question.answer) for question in drawn if question}


def test_questions_of_a_scene_by_hand():
    assert asked(PAIR, "colour") == {
        ("what colour is the circle?", "red"),
        ("what colour is the square?", "blue"),
    }
    assert asked(PAIR, "shape") == {
        ("what shape is red?", "circle"),
        ("what shape is blue?", "square"),
    }
    assert asked(PAIR, "size") == {
        ("how large is the red circle?", "small"),
        ("how large is the blue square?", "large"),
    }
    assert asked(PAIR, "place") == {
        ("where is the red circle?", "top left"),
        ("where is the blue square?", "bottom left"),
    }
    assert asked(PAIR, "caption") == {
        ("caption", "a red circle above a blue square"),
        ("caption", "a blue square below a red circle"),
    }
    assert asked(PAIR, "detect") == {
        ("detect red circle", "red circle"),
        ("detect blue square", "blue square"),
    }


def test_what_lies_beside_is_named_in_one_direction_alone():
    found = asked(PAIR, "beside", 400)
    assert len(found) == 8  # four directions from either object
    named = {pair for pair in found if pair[1] != "nothing"}
    assert named == {
        ("what is above the blue square?", "a red circle"),
        ("what is below the red circle?", "a blue square"),
    }
    orange = Scene((CIRCLE, Object("star", "orange", "small", 0.3, 0.75)))
    assert ("what is below the red circle?", "an orange star") in asked(orange, "beside")


def test_counts():
    found = dict(asked(PAIR, "count", 800))
    assert found["how many shapes?"] == "two"
    assert len(found) == 1 + 8 + 8
    assert found["how many red shapes?"] == found["how many shapes are a square?"] == "one"
    assert found["how many pink shapes?"] == found["how many shapes are a ring?"] == "none"
    twice = Scene((CIRCLE, Object("circle", "blue", "small", 0.3, 0.7)))
    assert dict(asked(twice, "count", 400))["how many shapes are a circle?"] == "two"


def test_half_of_the_questions_whether_something_exists_say_yes():
    generator = GENERATOR(1)
    for split, never_seen in (("train", False), ("held_out", True)):
        questions = []
        while len(questions) < 600:
            scene = sample(1, generator, split)[0]
            question = draw_question(scene, "exists", generator, never_seen=never_seen)
            present = {name_of(thing) for thing in scene.objects}
            name = re.fullmatch(r"is there an? (.*)\?", question.text)[1]
            assert question.answer == ("yes" if name in present else "no")
            assert (tuple(name.split()) in HELD_OUT) is never_seen
            questions.append(question)
        yes = sum(question.answer == "yes" for question in questions)
        assert 240 < yes < 360


def test_what_has_no_clear_answer_is_not_asked():
    middle = Scene((Object("circle", "red", "small", 0.45, 0.7),))  # neither left nor right
    same_shape = Scene((CIRCLE, Object("circle", "blue", "small", 0.3, 0.7)))
    same_colour = Scene((CIRCLE, Object("star", "red", "small", 0.3, 0.7)))
    assert asked(middle, "place") == set()
    assert asked(middle, "beside") == set()  # of what?
    assert asked(same_shape, "colour") == set()
    assert asked(same_colour, "shape") == set()


@pytest.mark.parametrize("kind", KINDS)
def test_no_question_of_a_training_scene_names_a_combination_that_was_kept_back(kind):
    generator = GENERATOR(2)
    names = [f"{colour} {shape}" for colour, shape in HELD_OUT]
    for scene in sample(300, generator):
        question = draw_question(scene, kind, generator)
        if question:
            assert not any(name in f"{question.text} {question.answer}" for name in names)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("count", "caption")])
def test_never_seen_questions_are_about_such_a_combination(kind):
    generator = GENERATOR(3)
    for scene in sample(200, generator, "held_out"):
        question = draw_question(scene, kind, generator, never_seen=True)
        if question and question.about:
            assert (question.about.colour, question.about.shape) in HELD_OUT
    assert draw_question(PAIR, "size", generator, never_seen=True) is None


@pytest.mark.parametrize("scene", [scene for scene, _ in EXAMPLE[2:4] + EXAMPLE[6:]])
def test_a_box_is_the_smallest_around_what_is_drawn(scene):
    size = 256
    picture = np.asarray(render(Scene(scene.objects, "dark"), size))
    drawn = (picture != np.array(GROUND_RGB["dark"])).any(axis=2)
    rows, columns = np.where(drawn.any(axis=1))[0], np.where(drawn.any(axis=0))[0]
    seen = [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]
    assert np.allclose(box_of(scene.objects[0]), np.array(seen) / size, atol=1.5 / size)


def test_either_order_of_a_caption_is_right_and_no_other_words():
    question = Question("caption", "caption", "a red circle above a blue square")
    assert all(is_right(question, PAIR, answer) for answer in caption_answers(PAIR))
    for wrong in (
        "a red circle below a blue square",
        "a red circle",
        "",
        "a circle above a square",
    ):
        assert not is_right(question, PAIR, wrong)
    near = Scene((CIRCLE, Object("square", "blue", "large", 0.65, 0.62)))
    assert near.relation is None
    assert caption_answers(near)[0] == "a red circle and a blue square"


def test_the_same_generator_asks_the_same():
    scenes = sample(20, GENERATOR(4))
    first, second = (
        [draw_question(scene, kind, generator) for scene, kind in itertools.product(scenes, KINDS)]
        for generator in (GENERATOR(5), GENERATOR(5))
    )
    assert first == second


def test_what_is_no_kind_and_no_generator_is_refused():
    with plain_python():
        with pytest.raises(ValueError, match="kind='weight'; try colour or shape"):
            draw_question(PAIR, "weight", GENERATOR(0))
        with pytest.raises(TypeError, match="comes from a NumPy generator"):
            draw_question(PAIR, "colour", 7)
