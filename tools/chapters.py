"""What a chapter says about itself: book/<part>/<chapter>.py -> title, minutes, exercises, ...

The text is the only place where these facts stand; guides, syllabi and indexes are made from it.
A chapter that doesn't keep to the form (see CONTRIBUTING.md) is refused, with the form that was
looked for.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jupytext
import yaml

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"

TITLE = re.compile(r"^# (.+)$", re.M)
BOLD = re.compile(r"\*\*([^*]+)\*\*", re.S)
NUMBERED = re.compile(r"^\d+\. ((?:.|\n(?!\d+\. |\n))+)", re.M)
NEEDS = re.compile(r"\*\*You need\*\*\s+(.+?)\s*\*\*Time:\*\*", re.S)
TIME = re.compile(r"\*\*Time:\*\*\s+(\d+)\s+minutes\s+to\s+read(?:,\s+(\d+)\s+with\s+the\s+exerc)?")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\.ipynb\)")
EXERCISE = re.compile(r"^## Exercise: (.+)$", re.M)
WORTH = re.compile(r"^\*(\d+) points?, (\d+) minutes(?:, (easy|medium|hard))?\.\*\s*", re.M)
AFTER = re.compile(r"^# Graded after you hand it in: (.+?)\.?$", re.M)
QUESTION = re.compile(
    r"\*\*\d+\.\*\*\s+(.+?)\s*<details>\s*<summary>[^<]*</summary>\s*(.+?)\s*</details>", re.S
)


@dataclass(frozen=True)
class Exercise:
    title: str
    task: str  # what the student is asked, in one paragraph of Markdown
    points: int
    minutes: int
    difficulty: str  # easy, medium, hard; empty if the chapter doesn't say
    checks: tuple[tuple[str, int], ...]  # grade_id and points of each check cell
    hidden: tuple[str, ...]  # what each hidden check looks at


@dataclass(frozen=True)
class Chapter:
    page: str  # as _toc.yml names it: "pairs/contrastive-loss"
    title: str
    question: str
    objectives: tuple[str, ...]
    needs: str  # as the chapter puts it, links taken off
    prerequisites: tuple[str, ...]  # pages of the chapters that it leans on
    reading: int  # minutes
    minutes: int  # with the exercises
    exercises: tuple[Exercise, ...]
    questions: tuple[tuple[str, str], ...]  # of "Check yourself", with their answers

    @property
    def points(self) -> int:
        return sum(exercise.points for exercise in self.exercises)


def pages(toc: Path = ROOT / "_toc.yml", book: Path = BOOK) -> list[str]:
    """Chapters of the table of contents, in its order: the pages that have exercises."""
    told = yaml.safe_load(toc.read_text("utf-8"))
    parts = [told, *told.get("parts", [])]
    named = [entry["file"] for part in parts for entry in part.get("chapters", [])]
    return [page for page in named if _has_exercises(book / f"{page}.py")]


def _has_exercises(source: Path) -> bool:
    return source.exists() and "# ## Exercise: " in source.read_text("utf-8")


def choose(named: Sequence[str]) -> list[str]:
    """The chapters named, each once, or all where "all" is among them.

    Raises ValueError for what is no chapter of the table of contents.
    """
    known = pages()
    unknown = [page for page in named if page not in ("all", *known)]
    if unknown or not named:
        raise ValueError(
            f"CHAPTER={' '.join(unknown)!r} is no chapter; give all, or of {', '.join(known)}"
        )
    return known if "all" in named else list(dict.fromkeys(named))


def read(page: str, book: Path = BOOK) -> Chapter:
    """One chapter. Raises ValueError where the text is not of the form that tools can read."""
    path = book / f"{page}.py"
    if not path.exists():
        raise ValueError(
            f"CHAPTER={page!r} is no chapter: there is no {path.name} in {path.parent}"
        )
    cells = jupytext.reads(path.read_text("utf-8"), fmt="py:percent").cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    text = "\n\n".join(texts)
    head = texts[0]
    opening = text.partition("\n## ")[0]
    objectives = re.search(r"After this chapter you can.*?(?=\n\n\*\*|\Z)", opening, re.S)
    time = _find(TIME, opening, page, "**Time:** 20 minutes to read, 45 with the exercises.")
    needs = _find(NEEDS, opening, page, "**You need** … **Time:** …")[1]
    bold = BOLD.findall(head)
    return Chapter(
        page=page,
        title=_find(TITLE, head, page, "# Title")[1],
        question=_line(bold[-1]) if bold else "",
        objectives=tuple(
            _line(one) for one in NUMBERED.findall(objectives[0] if objectives else "")
        ),
        needs=_line(re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", needs)).rstrip("."),
        prerequisites=tuple(
            posixpath.normpath(posixpath.join(posixpath.dirname(page), to))
            for to in LINK.findall(needs)
        ),
        reading=int(time[1]),
        minutes=int(time[2] or time[1]),
        exercises=tuple(_exercises(cells, page)),
        questions=tuple(
            (_line(asked), answer.strip())
            for asked, answer in QUESTION.findall(text.partition("\n## Check yourself")[2])
        ),
    )


def read_all(named: Sequence[str] = ()) -> list[Chapter]:
    """The chapters named, or all of the table of contents."""
    return [read(page) for page in named or pages()]


def _exercises(cells: list, page: str) -> list[Exercise]:
    """Each exercise's cells reach from its heading to the next heading of that level."""
    groups: list[list | None] = []
    for cell in cells:
        if cell.cell_type == "markdown" and EXERCISE.search(cell.source):
            groups.append([])
        elif cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.M):
            groups.append(None)
        if groups and groups[-1] is not None:
            groups[-1].append(cell)
    return [_exercise(group, page) for group in groups if group]


def _exercise(cells: list, page: str) -> Exercise:
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    title = _find(EXERCISE, text, page, "## Exercise: a title")[1].strip()
    worth = _find(WORTH, text, f"{page}, {title}", "*3 points, 15 minutes, medium.*")
    graded = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    checks = tuple(
        (cell.metadata["nbgrader"]["grade_id"], cell.metadata["nbgrader"]["points"])
        for cell in graded
    )
    total = sum(points for _, points in checks)
    if total != int(worth[1]):
        raise ValueError(f"{page}, {title}: says {worth[1]} points, its check cells give {total}")
    return Exercise(
        title=title,
        task=_line(text[worth.end() :].partition("\n\n")[0]),
        points=int(worth[1]),
        minutes=int(worth[2]),
        difficulty=worth[3] or "",
        checks=checks,
        hidden=tuple(said[1] for cell in graded for said in AFTER.finditer(cell.source)),
    )


def _find(pattern: re.Pattern, text: str, where: str, form: str) -> re.Match:
    found = pattern.search(text)
    if found is None:
        raise ValueError(f"{where}: found no text of the form {form!r}; write it so")
    return found


def _line(text: str) -> str:
    """Text without line breaks, and without the marks of a list's end."""
    return " ".join(text.split()).rstrip(";")
