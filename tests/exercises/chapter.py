"""An exercise as it stands in a chapter: its check cells, run on answers that tests make up."""

import functools
import inspect
import linecache
import re
from types import CodeType

import torch

from bookkit import BOOK
from bookkit.chapters import cells
from clipbook.exercises import CheckFailed, comparing

# They are called for each number of a list: without the types that tests/conftest.py has checked.
for name, function in inspect.getmembers(comparing, inspect.isfunction):
    if name.startswith("_"):
        setattr(comparing, name, inspect.unwrap(function))


def run(source: str, names: dict, cell: str) -> None:
    """Run a cell's source as a notebook does: as a file of its own, whose lines are known."""
    file = f"<{cell}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(_compiled(source, file), names)


@functools.lru_cache(maxsize=256)
def _compiled(source: str, file: str) -> CodeType:
    return compile(source, file, "exec")


@functools.cache
def _cells(chapter: str) -> dict[str, str]:
    """Sources of a chapter's nbgrader cells, by grade_id."""
    return {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in cells(BOOK / f"{chapter}.py")[1]
        if "nbgrader" in cell.metadata
    }


class Exercise:
    """The cells whose grade_id is the name (the answer), name-check and name-hidden."""

    def __init__(self, chapter: str, name: str) -> None:
        self.chapter = chapter
        self.solution = _cells(chapter)[name]
        for part in ("check", "hidden"):
            assert f"{name}-{part}" in _cells(chapter), f"{chapter}: no cell {name}-{part}"
        self.visible = _cells(chapter)[f"{name}-check"]
        self.hidden = _cells(chapter)[f"{name}-hidden"]

    def define(self, answer: str) -> dict:
        """The names that an answer leaves behind, in a notebook that has imported torch."""
        names = {"torch": torch, "__name__": "__main__"}
        run(answer, names, "answer")
        return names

    def visible_says(self, names: dict) -> str:
        """What the visible check says of the names that an answer left behind; empty if right."""
        return _said(self.visible, names, "check")

    def hidden_says(self, names: dict) -> str:
        """The same of the hidden check, which follows the visible one in the notebook."""
        return _said(self.hidden, names, "hidden check")


def _said(source: str, names: dict, cell: str) -> str:
    try:
        run(source, names, cell)
    except CheckFailed as failed:
        return str(failed)
    return ""


NAMED = re.compile(r'"solution": true.*"grade_id": "([^"]+)"')
EXERCISES = {
    name: Exercise(path.relative_to(BOOK).with_suffix("").as_posix(), name)
    for path in sorted(BOOK.glob("[a-z]*/*.py"))
    for name in NAMED.findall(path.read_text("utf-8"))
}
