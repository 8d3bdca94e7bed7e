"""What a chapter is: its place in the book, its facts, its exercises.

Facts stand once, in the front matter of book/<part>/<chapter>.py, as CONTRIBUTING.md lists them;
headers, map, syllabi, indexes and guides are made from them. Points stand with nbgrader's cells,
an exercise's minutes and difficulty in the metadata of the cell that asks it.
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext
import yaml

from bookkit import BOOK, ROOT

TITLE = re.compile(r"^# (.+)$", re.M)
EXERCISE = re.compile(r"^## Exercise: (.+)$", re.M)
HIDDEN = re.compile(r"^# Graded after you hand it in: (.+?)\.?$", re.M)
QUESTION = re.compile(
    r"\*\*\d+\.\*\*\s+(.+?)\s*<details>\s*<summary>[^<]*</summary>\s*(.+?)\s*</details>", re.S
)


@dataclass(frozen=True)
class Facts:
    """The front matter of a chapter."""

    question: str  # that the chapter answers; the opening holds it where {question} stands
    objectives: list[str]  # "After this chapter you can …"
    minutes: int  # to read
    place: str  # on the map of the whole model: "On the map …"
    needs: list[str] = field(default_factory=list)  # chapters, as _toc.yml names them
    background: str = ""  # what is needed beside chapters
    note: str = ""  # a sentence about what is needed, or about the time
    band: str = ""  # the chapter's word in the small map of its part
    builds: list[str] = field(default_factory=list)  # names of clipbook that it builds by hand
    seed: dict[str, list[str]] = field(default_factory=dict)  # line of the outline: section, words


@dataclass(frozen=True)
class Exercise:
    title: str
    task: str  # what the student is asked, in one paragraph of Markdown
    minutes: int
    difficulty: str  # easy, medium or hard
    checks: tuple[tuple[str, int], ...]  # grade_id and points of each check cell
    hidden: tuple[str, ...]  # what each hidden check looks at

    @property
    def points(self) -> int:
        return sum(points for _, points in self.checks)


@dataclass(frozen=True)
class Chapter:
    page: str  # as _toc.yml names it: "pairs/contrastive-loss"
    title: str
    facts: Facts
    exercises: tuple[Exercise, ...]
    questions: tuple[tuple[str, str], ...]  # of "Check yourself", with their answers

    @property
    def points(self) -> int:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def minutes(self) -> int:
        """To read and to solve the exercises."""
        return self.facts.minutes + sum(exercise.minutes for exercise in self.exercises)


def parts(toc: Path = ROOT / "_toc.yml") -> list[tuple[str, list[str]]]:
    """Caption and pages of each part of the table of contents; the cover, without one, is first."""
    contents = yaml.safe_load(toc.read_text("utf-8"))
    listed = [
        (part.get("caption", ""), [entry["file"] for entry in part.get("chapters", [])])
        for part in contents.get("parts", [contents])
    ]
    return [("", [contents["root"]]), *listed]


def pages(toc: Path = ROOT / "_toc.yml") -> list[str]:
    """Every page of the table of contents, cover first."""
    return [page for _, listed in parts(toc) for page in listed]


def names(toc: Path = ROOT / "_toc.yml", book: Path = BOOK) -> list[str]:
    """The pages that are chapters, in the order of the table of contents."""
    sources = {page: book / f"{page}.py" for page in pages(toc)}
    return [page for page, path in sources.items() if path.exists() and "chapter" in cells(path)[0]]


@functools.cache
def _parsed(text: str) -> Any:
    return jupytext.reads(text, fmt="py:percent")


def cells(path: Path) -> tuple[dict, list]:
    """Front matter and cells of a source, to be read and not to be changed.

    Raises ValueError for a front matter that is no YAML.
    """
    try:
        notebook = _parsed(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())
        raise ValueError(
            f"{path.stem}: its front matter is no YAML ({why}); quote what holds a colon"
        ) from error
    return notebook.metadata, notebook.cells


def choose(wanted: Sequence[str]) -> list[str]:
    """The chapters that are wanted, each once, or all where "all" is among them.

    Raises:
        ValueError: one is no chapter of the table of contents.
    """
    known = names()
    unknown = [page for page in wanted if page not in ("all", *known)]
    if unknown or not wanted:
        raise ValueError(
            f"CHAPTER={' '.join(unknown)!r} is no chapter; give all, or of {', '.join(known)}"
        )
    return known if "all" in wanted else list(dict.fromkeys(wanted))


def facts(metadata: dict, page: str) -> Facts:
    """The facts in a front matter.

    Raises:
        ValueError: one is missing, unknown or not of its kind.
    """
    given = metadata.get("chapter", {})
    try:
        chapter = Facts(**given)
    except TypeError as error:
        what = str(error).replace("Facts.__init__()", "the front matter")
        raise ValueError(f"{page}: {what}; CONTRIBUTING.md lists what belongs there") from None
    for name, kind in (("objectives", list), ("needs", list), ("minutes", int), ("seed", dict)):
        if not isinstance(getattr(chapter, name), kind):
            raise ValueError(f"{page}: {name} is {given[name]!r}; make it a {kind.__name__}")
    for name in chapter.builds:
        if not name.startswith("clipbook."):
            raise ValueError(
                f"{page}: builds {name!r}; give full names, such as clipbook.pairs.info_nce"
            )
    return chapter


def read(page: str, book: Path = BOOK) -> Chapter:
    """One chapter.

    Raises:
        ValueError: there is none, or it lacks what CONTRIBUTING.md asks of it.
    """
    path = book / f"{page}.py"
    if not path.exists():
        raise ValueError(
            f"CHAPTER={page!r} is no chapter: there is no {path.name} in {path.parent}"
        )
    metadata, listed = cells(path)
    text = "\n\n".join(cell.source for cell in listed if cell.cell_type == "markdown")
    title = TITLE.search(text)
    if title is None:
        raise ValueError(f"{page}: no line like '# Title' begins it; write one")
    return Chapter(
        page=page,
        title=title[1],
        facts=facts(metadata, page),
        exercises=tuple(_exercises(listed, page)),
        questions=tuple(
            (_line(question), answer.strip())
            for question, answer in QUESTION.findall(text.partition("\n## Check yourself")[2])
        ),
    )


def read_all(wanted: Sequence[str] = ()) -> list[Chapter]:
    """The chapters that are wanted, or all of the table of contents."""
    return [read(page) for page in wanted or names()]


def _exercises(listed: list, page: str) -> list[Exercise]:
    """Each exercise's cells reach from its heading to the next heading of that level."""
    groups: list[list | None] = []
    for cell in listed:
        if cell.cell_type == "markdown" and EXERCISE.search(cell.source):
            groups.append([])
        elif cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.M):
            groups.append(None)
        if groups and groups[-1] is not None:
            groups[-1].append(cell)
    return [_exercise(group, page) for group in groups if group]


def _exercise(group: list, page: str) -> Exercise:
    heading, _, text = group[0].source.partition("\n\n")
    title = heading.removeprefix("## Exercise: ").strip()
    worth = group[0].metadata.get("exercise", {})
    if worth.keys() != {"minutes", "difficulty"}:
        raise ValueError(
            f"{page}, {title}: its cell must begin with a line like "
            '# %% [markdown] exercise={"minutes": 15, "difficulty": "easy"}'
        )
    graded = [cell for cell in group if cell.metadata.get("nbgrader", {}).get("grade")]
    roles = [cell.metadata["nbgrader"] for cell in graded]
    return Exercise(
        title=title,
        task=_line(text.partition("\n\n")[0]),
        **worth,
        checks=tuple((role["grade_id"], role["points"]) for role in roles),
        hidden=tuple(match[1] for cell in graded for match in HIDDEN.finditer(cell.source)),
    )


def _line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())
