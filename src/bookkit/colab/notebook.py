"""One chapter as Colab opens it: a file alone, with nothing beside it and no Sphinx to read it.

A reader's notebook has each exercise blank, its solution after it in a folded form, and no hidden
checks. A student's has neither solutions nor hidden checks, and keeps nbgrader's metadata, so that
it can be graded. In both the set-up cell is folded and installs the package from where it is told,
citations and links lead to the web, pictures are inside, and the address and version are told.
"""

import ast
import base64
import mimetypes
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from pybtex.database import BibliographyData, Entry

from bookkit.address import opens, pages_address, slug
from bookkit.cells import blank, says_nothing, solved, visible

CITATION = re.compile(r"\{cite:\w+\}`([^`]+)`")
LINK = re.compile(r"(!?\[[^\]]*\])\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")
STANDS_IN = """\
# @title Solution: it stands in while yours is blank. Double-click to read it.
yours = {names}


{solution}


is_written = lambda answer: "NotImplementedError" not in answer.__code__.co_names
globals().update({{name: f for name, f in yours.items() if is_written(f)}})"""


@dataclass(frozen=True)
class Edition:
    """What a copy is stamped with, and what its links need."""

    address: str  # of the repository
    version: str
    package: str  # what pip installs: the address of a wheel
    pages: frozenset[str]  # the chapters that are published, as "pairs/similarity-matrix"
    sources: BibliographyData
    book: Path  # folder of the chapters


def for_readers(
    master: nbformat.NotebookNode, page: str, edition: Edition
) -> nbformat.NotebookNode:
    """The chapter with blank exercises, each followed by its solution in a folded form.

    Raises:
        ValueError: an exercise is not made of functions, or a citation or picture is missing.
    """
    return _made(master, page, edition, _reader_cells)


def for_students(
    master: nbformat.NotebookNode, page: str, edition: Edition
) -> nbformat.NotebookNode:
    """The chapter without solutions and hidden checks.

    Raises:
        ValueError: a citation or picture is missing.
    """
    return _made(master, page, edition, _student_cells)


def _made(master, page: str, edition: Edition, cells_of: Callable) -> nbformat.NotebookNode:
    made = nbformat.from_dict(master)
    made.cells = [new for cell in master.cells for new in cells_of(nbformat.from_dict(cell))]
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = _on_its_own(cell.source, page, edition)
    made.cells[0].source += (
        f"\n\n*A copy of [The CLIP Book]({pages_address(edition.address)}/{page}.html), "
        f"version {edition.version}, made from [{slug(edition.address)}]({edition.address}).*"
    )
    setup = next(cell for cell in made.cells if cell.cell_type == "code")
    package = f'PACKAGE = "{edition.package}"'
    setup.source = re.sub(r'^PACKAGE = ".*"$', package, setup.source, flags=re.M)
    setup.source = f"# @title Set-up\n{setup.source}"
    setup.metadata["cellView"] = "form"
    made.metadata["clipbook"] = {"repository": edition.address, "version": edition.version}
    nbformat.validate(made)
    return made


def _reader_cells(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    role = cell.metadata.pop("nbgrader", {})
    if role.get("solution"):
        form = nbformat.from_dict(cell)
        form.source, form.id = _standing_in(cell.source, role["grade_id"]), f"{cell.id}-solution"
        form.metadata["cellView"] = "form"
        cell.source = blank(cell.source)
        return [cell, form]
    if role.get("grade"):
        cell.source = visible(cell.source)
    return [] if role.get("grade") and says_nothing(cell.source) else [cell]


def _standing_in(code: str, name: str) -> str:
    """A solution that gives way to what a reader has written above it."""
    body = ast.parse(solved(code)).body
    functions = [part.name for part in body if isinstance(part, ast.FunctionDef)]
    others = [part for part in body if not isinstance(part, ast.FunctionDef | ast.Import)]
    if others or not functions:
        raise ValueError(f"exercise {name!r} defines more than functions; make a function of it")
    names = "{" + ", ".join(f'"{one}": {one}' for one in functions) + "}"
    return STANDS_IN.format(names=names, solution=solved(code))


def _student_cells(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    role = cell.metadata.get("nbgrader", {})
    if role.get("solution"):
        cell.source = blank(cell.source)
    elif role.get("grade"):
        cell.source = visible(cell.source)
    return [cell]


def _on_its_own(text: str, page: str, edition: Edition) -> str:
    """Text in which nothing leads to a file beside the notebook, nor needs Sphinx."""

    def cited(match: re.Match) -> str:
        return "; ".join(_link(key.strip(), edition.sources, page) for key in match[1].split(","))

    def linked(match: re.Match) -> str:
        label, target, place = match[1], match[2], match[3] or ""
        there = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if label.startswith("!"):
            return f"{label}({_data_address(edition.book / there, page)})"
        name, _ = posixpath.splitext(there)
        if name in edition.pages:
            return f"{label}({opens(edition.address, name)})"
        return f"{label}({pages_address(edition.address)}/{name}.html{place})"

    return LINK.sub(linked, CITATION.sub(cited, text))


def _data_address(picture: Path, page: str) -> str:
    if not picture.is_file():
        raise ValueError(f"{page} shows {picture}, which is missing; add it or mend the path")
    kind = mimetypes.guess_type(picture.name)[0]
    return f"data:{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}"


def _link(key: str, sources: BibliographyData, page: str) -> str:
    """ "[Radford et al. (2021)](https://...)"; no link where the bibliography has no address."""
    if key not in sources.entries:
        raise ValueError(f"{page} cites {key!r}; add it to book/references.bib")
    entry: Entry = sources.entries[key]
    names = [" ".join(p.prelast_names + p.last_names).strip("{}") for p in entry.persons["author"]]
    who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    if names[-1] == "others":
        who = f"{names[0]} et al."
    said = f"{who} ({entry.fields['year']})"
    doi = entry.fields.get("doi")
    url = entry.fields.get("url") or (f"https://doi.org/{doi}" if doi else "")
    return f"[{said}]({url})" if url else said
