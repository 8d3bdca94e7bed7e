"""Docstrings name chapters that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "src" / "clipbook").rglob("*.py"))


def missing_chapters(source: str) -> list[str]:
    named = re.findall(r"\bbook/[a-z-]+/[a-z-]+", source)
    return [name for name in named if not list(ROOT.glob(f"{name}.*"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_chapters_that_a_module_names_are_there(path):
    assert not missing_chapters(path.read_text("utf-8"))


def test_a_chapter_that_is_not_there_is_found():
    text = "Built in: book/further/pretrained and book/text/attention. See src/book/x."
    assert missing_chapters(text) == ["book/further/pretrained"]
