"""Captions are true, varied, and judged rightly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipbook.scenes import (
    Object,
    Phrase,
    Scene,
    Statement,
    captions,
    describes,
    sample,
    say,
    state,
)
from clipbook.scenes.captions import say_more, state_all
from tests.plain import plain_python
from tests.scenes.reader import read, true_of

SEEDS = st.integers(0, 2**32 - 1)
RED_CIRCLE = Object("circle", "red", "small", 0.5, 0.2)
BLUE_SQUARE = Object("square", "blue", "large", 0.5, 0.7)


@given(SEEDS, st.sampled_from(["train", "held_out"]))
@settings(max_examples=10)
def test_all_captions_of_a_scene_are_true(seed, split):
    for scene in sample(8, np.random.default_rng(seed), split):
        said = captions(scene)
        assert len(set(said)) == len(said) > 2
        assert [caption for caption in said if not true_of(caption, scene)] == []


@given(SEEDS)
@settings(max_examples=10)
def test_every_wording_of_a_true_statement_is_true(seed):
    generator = np.random.default_rng(seed)
    for scene in sample(30, generator):
        for statement in (state(scene, generator), state_all(scene)):
            caption = say(statement, generator)
            assert true_of(caption, scene), caption


@given(SEEDS)
@settings(max_examples=15)
def test_describes_agrees_with_reading_the_caption(seed):
    generator = np.random.default_rng(seed)
    scenes = sample(40, generator) + sample(20, generator, "held_out")
    statements = [state(scene, generator) for scene in scenes]
    said = [say(statement, generator) for statement in statements]
    truth = np.array([[true_of(caption, scene) for caption in said] for scene in scenes])
    assert (describes(statements, scenes) == truth).all()
    assert truth.sum() > len(scenes)  # so that the agreement is about more than the diagonal


@pytest.mark.parametrize(
    ("caption", "is_true"),
    [
        ("a small red circle above a blue square", True),
        ("a blue square under a little red circle", True),
        ("a blue square and a red shape", True),
        ("a blue square above a small red circle", False),
        ("a blue circle above a red square", False),
        ("a red circle", False),  # says nothing of the other object
        ("a red circle to the left of a blue square", False),
        ("a big red circle above a blue square", False),
    ],
)
def test_the_reader_itself_knows_true_from_false(caption, is_true):
    assert true_of(caption, Scene((RED_CIRCLE, BLUE_SQUARE))) is is_true


def test_the_plainest_wording():
    full = Statement(
        (Phrase("circle", "red", "small"), Phrase("square", "orange", None, "bottom left")), "above"
    )
    assert say(full) == "a small red circle above an orange square in the bottom left"
    assert say(Statement((Phrase(None, "blue"),))) == "a blue shape"
    assert say(Statement((Phrase("star"), Phrase("ring")))) == "a star and a ring"


def test_wording_varies_with_the_generator():
    statement = Statement((Phrase("circle", "red", "small"), Phrase("square", "blue")), "left of")
    generator = np.random.default_rng(0)
    said = {say(statement, generator) for _ in range(300)}
    assert len(said) >= 8
    assert {str(read(caption)) for caption in said} == {str(read(say(statement)))}


def test_statements_leave_attributes_out_but_never_an_object():
    generator = np.random.default_rng(0)
    scene = Scene((RED_CIRCLE, BLUE_SQUARE))
    statements = [state(scene, generator) for _ in range(300)]
    assert {len(one.phrases) for one in statements} == {2}
    for name in ("shape", "colour", "size"):
        said = [getattr(phrase, name) for one in statements for phrase in one.phrases]
        assert None in said
        assert len(set(said)) == 3
    assert all(phrase.shape or phrase.colour for one in statements for phrase in one.phrases)
    assert {one.relation for one in statements} == {"above", None}


def test_a_full_statement_leaves_out_nothing_that_can_be_said():
    (thing,) = state_all(Scene((RED_CIRCLE,))).phrases
    assert thing == Phrase("circle", "red", "small", None)  # no word for that place
    assert state_all(Scene((RED_CIRCLE, BLUE_SQUARE))).relation == "above"


@given(SEEDS)
@settings(max_examples=15)
def test_one_more_thing_is_said_until_all_is(seed):
    generator = np.random.default_rng(seed)
    for scene in sample(10, generator):
        statement = state(scene, generator)
        while (more := say_more(statement, scene, generator)) is not None:
            assert facts(more) == facts(statement) + 1
            assert true_of(say(more), scene)
            statement = more
        assert statement == state_all(scene)


def facts(statement: Statement) -> int:
    said = [(one.shape, one.colour, one.size, one.place) for one in statement.phrases]
    return sum(value is not None for values in said for value in values) + bool(statement.relation)


def test_captions_run_from_the_fullest_to_the_plainest():
    said = captions(Scene((RED_CIRCLE, BLUE_SQUARE)))
    assert said[0] == "a small red circle above a large blue square"
    assert said[-1] in ("a blue shape and a red shape", "a red shape and a blue shape")
    assert "a blue square below a red circle" in said


def test_one_object_is_not_two():
    one = Statement((Phrase("circle"),))
    two = Statement((Phrase("circle"), Phrase("square")))
    scenes = [Scene((RED_CIRCLE,)), Scene((RED_CIRCLE, BLUE_SQUARE))]
    assert describes([one, two], scenes).tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Phrase("blob"), "^shape='blob'; try circle or square"),
        (lambda: Phrase("circle", "mauve"), "^colour='mauve'; try red or orange"),
        (lambda: Phrase("circle", "red", "huge"), "^size='huge'; try small or large$"),
        (lambda: Phrase("circle", place="left"), "^place='left'; try top left or"),
        (lambda: Phrase(["circle"]), r"^shape=\['circle'\]; try circle or square"),
        (lambda: Statement(()), r"^phrases=\(\) are not one or two phrases in a tuple; try"),
        (lambda: Statement((Phrase("star"),) * 3), "are not one or two phrases in a tuple; try"),
        (lambda: Statement(("star",)), r"^phrases=\('star',\) are not one or two phrases"),
        (lambda: Statement(Phrase("star")), "are not one or two phrases in a tuple; try"),
        (lambda: Statement((Phrase("star"),) * 2, "beside"), "^relation='beside'; try above or"),
        (
            lambda: Statement((Phrase("star"),), "above"),
            "^relation='above' of a single phrase: .* give two phrases, or no relation$",
        ),
    ],
)
def test_what_no_caption_can_say_is_refused(build, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        build()


def test_phrases_in_a_list_become_a_tuple():
    with plain_python():
        statement = Statement([Phrase("star")])
    assert statement == Statement((Phrase("star"),))
    assert len({statement, Statement((Phrase("star"),))}) == 1
