"""Every chapter keeps the house rules: source, notebook, set-up cell, length of cells."""

import json
from pathlib import Path

import jupytext
import notebooks

ROOT = Path(__file__).resolve().parents[2]
SETUP = (ROOT / "tools/setup_cell.py").read_text("utf-8").strip()


def cells(chapter: str) -> list:
    source = (ROOT / f"book/{chapter}.py").read_text("utf-8")
    return jupytext.reads(source, fmt="py:percent").cells


def test_every_chapter_is_in_the_table_of_contents(toc):
    book = ROOT / "book"
    assert {
        p.relative_to(book).with_suffix("").as_posix() for p in notebooks.chapters(book)
    } <= set(toc)


def test_every_page_of_the_table_of_contents_exists(toc):
    missing = [
        p for p in toc if not any((ROOT / f"book/{p}{e}").exists() for e in (".md", ".ipynb"))
    ]
    assert missing == []


def test_notebook_is_in_step_with_its_source(chapter):
    stored = (ROOT / f"book/{chapter}.ipynb").read_text("utf-8")
    assert stored == notebooks.notebook((ROOT / f"book/{chapter}.py").read_text("utf-8"))


def test_notebook_holds_no_outputs(chapter):
    notebook = json.loads((ROOT / f"book/{chapter}.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_first_code_cell_is_the_setup_cell(chapter):
    first = next(cell for cell in cells(chapter) if cell.cell_type == "code")
    assert first.source.strip() == SETUP, (
        "copy tools/setup_cell.py into the chapter's first code cell"
    )
    assert "hide-input" in first.metadata.get("tags", [])


def test_a_cell_fits_at_a_glance(chapter):
    for cell in cells(chapter):
        if cell.cell_type == "code" and "nbgrader" not in cell.metadata:
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 15, f"a cell of {len(lines)} lines begins with {lines[0]!r}"
