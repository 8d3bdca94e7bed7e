"""Make each chapter's notebook from its source: book/<part>/<chapter>.py -> <chapter>.ipynb.

One way only, and a pure function of the source: the same text always gives the same bytes, cell
ids included. The header that readers see is made of the chapter's facts, and the set-up cell is put
in after it. Outputs are never stored; the site build and the tests make them.

    python -m bookkit.notebooks           write every notebook that is out of step
    python -m bookkit.notebooks --check   write none, and fail if one is out of step
"""

import argparse
import hashlib
import posixpath
import sys
from collections import Counter
from pathlib import Path

import nbformat

from bookkit import BOOK, ROOT, chapters

SETUP = (Path(__file__).parent / "setup_cell.py").read_text("utf-8").strip()
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def sources(book: Path = BOOK) -> dict[str, Path]:
    """The source of every notebook, by its page; editors keep copies in hidden folders."""
    pages = {path.relative_to(book).with_suffix(""): path for path in sorted(book.rglob("*.py"))}
    hidden = {page for page in pages if any(part.startswith(".") for part in page.parts)}
    return {page.as_posix(): path for page, path in pages.items() if page not in hidden}


def link(page: str, book: Path, start: str) -> str:
    """A link from the folder `start` of the book to another chapter, with words for a sentence."""
    title = chapters.read(page, book).title
    words = title if title[1:2].isupper() else title[0].lower() + title[1:]
    article, _, rest = words.partition(" ")
    before, words = ("the ", rest) if article == "the" else ("", words)
    return f"{before}[{words}]({posixpath.relpath(page, start)}.ipynb)"


def header(chapter: chapters.Chapter, book: Path = BOOK) -> list[str]:
    """What a chapter tells of itself after its opening: objectives, needs, time, place."""
    facts, start = chapter.facts, posixpath.dirname(chapter.page)
    goals = ";\n".join(f"{k}. {goal}" for k, goal in enumerate(facts.objectives, 1))
    needs = [*(link(page, book, start) for page in facts.needs), *filter(None, [facts.background])]
    listed = " and ".join(filter(None, [", ".join(needs[:-1]), needs[-1]])) if needs else "nothing"
    if not facts.needs:
        listed += "; no other chapter"
    note = f" {facts.note}" if facts.note else ""
    home = posixpath.relpath("index.md", start)
    return [
        f"After this chapter you can\n\n{goals}.",
        f"**You need** {listed}.{note} **Time:** {facts.minutes} minutes to read, "
        f"{chapter.minutes} with the exercises. On the [map of the whole model]({home}) "
        f"{facts.place}.",
    ]


def notebook(page: str, book: Path = BOOK) -> nbformat.NotebookNode:
    """The notebook made from a page's source in jupytext's percent format.

    A cell's id is a digest of its kind and text, and of how many equal ones come before it: it
    stays when the cell moves, changes when the cell does, and is never random.

    Raises:
        ValueError: a chapter's facts or exercises are not as CONTRIBUTING.md asks.
    """
    metadata, listed = chapters.cells(book / f"{page}.py")
    cells = [nbformat.from_dict(cell) for cell in listed]
    opening = [nbformat.v4.new_code_cell(SETUP, metadata={"tags": ["hide-input"]})]
    if "chapter" in metadata:
        chapter = chapters.read(page, book)
        cells[0].source = cells[0].source.replace("{question}", f"**{chapter.facts.question}**")
        opening[:0] = [nbformat.v4.new_markdown_cell(text) for text in header(chapter, book)]
        exercises = {exercise.title: exercise for exercise in chapter.exercises}
        for cell in cells:
            if "exercise" in cell.metadata:
                heading, _, task = cell.source.partition("\n\n")
                exercise = exercises[heading.removeprefix("## Exercise: ").strip()]
                points = f"{exercise.points} point{'s' * (exercise.points != 1)}"
                worth = f"*{points}, {exercise.minutes} minutes, {exercise.difficulty}.*"
                cell.source = f"{heading}\n\n{worth} {task}"
    result = nbformat.v4.new_notebook(cells=[cells[0], *opening, *cells[1:]])
    seen: Counter[str] = Counter()
    for cell in result.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
    result.metadata = nbformat.from_dict(METADATA)
    result.nbformat, result.nbformat_minor = 4, 5
    nbformat.validate(result)
    return result


def text(page: str, book: Path = BOOK) -> str:
    """What the notebook's file holds."""
    return nbformat.writes(notebook(page, book)) + "\n"


def out_of_step(book: Path = BOOK) -> dict[Path, str]:
    """The notebooks that differ from what their sources make, and what they should hold."""
    wanted = {path.with_suffix(".ipynb"): text(page, book) for page, path in sources(book).items()}
    return {
        target: content
        for target, content in wanted.items()
        if not target.exists() or target.read_text("utf-8") != content
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    try:
        stale = out_of_step()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for target, content in stale.items():
        name = target.relative_to(ROOT)
        print(f"{name} is out of step with its .py; run `make notebooks`" if check else name)
        if not check:
            target.write_text(content, "utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
