"""Answers of students, from answers/<part>/<chapter>.txt: wrong ones are refused in a sentence that
points at the mistake, right ones pass, however they are written.

entries.py tells the form of these files.
"""

import re
from collections import Counter

import pytest

from .chapter import BOOK, EXERCISES
from .entries import FOLDER, FRAME, RIGHT, WRONG, WRONG_IN_HIDING, Answer, read

LONGEST = 600  # characters of a message that a student still reads
CHAPTERS = sorted(path.relative_to(FOLDER).with_suffix("") for path in FOLDER.glob("*/*.txt"))
ANSWERS = [answer for chapter in CHAPTERS for answer in read(chapter.as_posix())]


def each(*kinds: str) -> pytest.MarkDecorator:
    """Parametrise a test with the answers of these kinds."""
    return pytest.mark.parametrize("answer", [a for a in ANSWERS if a.kind in kinds], ids=str)


def assert_points_at_the_mistake(said: str, answer: Answer) -> None:
    """In one sentence, short enough to be read, that holds the answer's words.

    Where the check names a cause, `cause; numbers, expected numbers`, the words are of the cause.
    """
    assert said, "accepted"
    found = re.search(".*".join(map(re.escape, answer.words.split(" … "))), said)
    assert found, said
    assert "\n" not in said
    assert "Traceback" not in said
    assert len(said) <= LONGEST, said
    before, numbers, _ = said.partition(", expected ")
    cause = before.partition("; the first is ")[0].rpartition("; ")[0]
    assert not numbers or found.start() <= len(cause or before), said


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
    named = Counter((answer.kind, str(answer)) for answer in ANSWERS)
    assert not [name for name, times in named.items() if times > 1]
