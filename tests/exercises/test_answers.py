"""Answers of students, from answers/<part>/<chapter>.txt: wrong ones are refused in a sentence that
points at the mistake, right ones pass, however they are written.

entries.py tells the form of these files.
"""

import re

import pytest

from .chapter import BOOK, EXERCISES
from .entries import FOLDER, FRAME, RIGHT, WRONG, WRONG_IN_HIDING, Answer, read

LONGEST = 600  # characters of a message that a student still reads
CHAPTERS = sorted(path.relative_to(FOLDER).with_suffix("") for path in FOLDER.glob("*/*.txt"))
ANSWERS = [answer for chapter in CHAPTERS for answer in read(chapter.as_posix())]
SLOW = {
    "text/attention attention-previous a constant that is large enough": "lists of 1000 x 1000",
}


def each(*kinds: str) -> pytest.MarkDecorator:
    """Parametrise a test with the answers of these kinds."""
    return pytest.mark.parametrize(
        "answer",
        [
            pytest.param(
                answer,
                id=str(answer),
                marks=[pytest.mark.slow] if str(answer) in SLOW else [],
            )
            for answer in ANSWERS
            if answer.kind in kinds
        ],
    )


def assert_points_at_the_mistake(said: str, answer: Answer) -> None:
    """In one sentence, short enough to be read, with the answer's words before any numbers."""
    assert said, "accepted"
    found = re.search(".*".join(map(re.escape, answer.words.split(" … "))), said)
    assert found, said
    assert "\n" not in said
    assert "Traceback" not in said
    assert len(said) <= LONGEST, said
    numbers = said.find(", expected ")
    assert numbers < 0 or found.start() <= numbers, said


@each(WRONG)
def test_visible_check_refuses_a_wrong_answer_and_names_the_mistake(answer):
    exercise = EXERCISES[answer.exercise]
    said = exercise.visible_says(exercise.define(answer.code))
    assert_points_at_the_mistake(said, answer)


@each(WRONG_IN_HIDING)
def test_hidden_check_refuses_what_the_visible_one_cannot_see(answer):
    exercise = EXERCISES[answer.exercise]
    names = exercise.define(answer.code)
    assert exercise.visible_says(names) == ""
    assert_points_at_the_mistake(exercise.hidden_says(names), answer)


@each(RIGHT, FRAME)
def test_right_answer_written_otherwise_passes_both_checks(answer):
    exercise = EXERCISES[answer.exercise]
    names = exercise.define(answer.code)
    assert exercise.visible_says(names) == ""
    assert exercise.hidden_says(names) == ""


@pytest.mark.parametrize("name", EXERCISES)
def test_every_exercise_has_five_wrong_answers_and_a_right_one(name):
    chapter = EXERCISES[name].chapter
    kinds = [one.kind for one in ANSWERS if (one.chapter, one.exercise) == (chapter, name)]
    wrong = kinds.count(WRONG) + kinds.count(WRONG_IN_HIDING)
    file = f"tests/exercises/answers/{chapter}.txt"
    assert wrong >= 5, f"{name} has {wrong} wrong answers in {file}; write {5 - wrong} more"
    assert RIGHT in kinds, f"{name} has no right answer beside the book's own in {file}; write one"


def test_every_answer_has_an_exercise_and_a_label_of_its_own():
    for chapter in CHAPTERS:
        assert (BOOK / chapter).with_suffix(".py").is_file(), chapter
    for answer in ANSWERS:
        assert answer.exercise in EXERCISES, answer
        assert EXERCISES[answer.exercise].chapter == answer.chapter, answer
    named = [(answer.kind, str(answer)) for answer in ANSWERS]
    twice = {one for one in named if named.count(one) > 1}
    assert not twice
