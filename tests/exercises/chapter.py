"""An exercise as it stands in a chapter: its check cells, run on answers that tests make up."""

import linecache
import re
from pathlib import Path

import jupytext
import pytest
import torch

from clipbook.exercises import CheckFailed

BOOK = Path(__file__).resolve().parents[2] / "book"
LONGEST = 600  # characters of a message that a student still reads


def run(source: str, names: dict, cell: str) -> None:
    """Run a cell's source as a notebook does: as a file of its own, whose lines are known."""
    file = f"<{cell}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)


class Exercise:
    """The cells whose grade_id is the name (the answer), name-check and name-hidden."""

    def __init__(self, chapter: str, name: str) -> None:
        source = (BOOK / f"{chapter}.py").read_text("utf-8")
        cells = {
            cell.metadata["nbgrader"]["grade_id"]: cell.source
            for cell in jupytext.reads(source, fmt="py:percent").cells
            if "nbgrader" in cell.metadata
        }
        self.solution = cells[name]
        self.visible = cells[f"{name}-check"]
        self.hidden = cells[f"{name}-hidden"]

    def define(self, answer: str) -> dict:
        """The names that an answer leaves behind, in a notebook that has imported torch."""
        names = {"torch": torch, "__name__": "__main__"}
        run(answer, names, "answer")
        return names

    def check(self, answer: str, *, hidden: bool) -> None:
        names = self.define(answer)
        run(self.visible, names, "check")
        if hidden:
            run(self.hidden, names, "hidden check")

    def assert_accepted(self, answer: str, *, hidden: bool = True) -> None:
        self.check(answer, hidden=hidden)

    def assert_refused(self, answer: str, hint: str, *, hidden: bool = False) -> None:
        """In one sentence that holds the hint, a regular expression."""
        with pytest.raises(CheckFailed) as refused:
            self.check(answer, hidden=hidden)
        said = str(refused.value)
        found = re.search(hint, said)
        assert found, said
        assert "\n" not in said
        assert "Traceback" not in said
        assert len(said) <= LONGEST, said
        numbers = said.find(", expected ")  # what to look at comes before the numbers
        assert numbers < 0 or found.start() <= numbers, said


def but(answer: str, *changes: tuple[str, str]) -> str:
    """The right answer with a mistake in it."""
    for right, wrong in changes:
        assert answer.count(right) == 1, right
        answer = answer.replace(right, wrong)
    return answer


def cases(answers: dict) -> list:
    """Parameters of a test: exercise, answer and perhaps hint, from {exercise: {label: answer}}."""
    return [
        pytest.param(name, *(one if isinstance(one, tuple) else (one,)), id=f"{name}: {label}")
        for name, found in answers.items()
        for label, one in found.items()
    ]


def every(answers: dict) -> list:
    """Parameters of a test: exercise and label, from {exercise: {label: answer}}."""
    return [
        pytest.param(name, kind, id=f"{name}: {kind}") for name in answers for kind in answers[name]
    ]


def labels(cases: list) -> list[str]:
    """Labels of cases that are (exercise, label, ...)."""
    return [case[1] for case in cases]
