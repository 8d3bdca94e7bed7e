"""Chapters take from the package what its parts export and the API page holds."""

import ast
import importlib
import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"
CHAPTERS = sorted(BOOK.glob("[a-z]*/*.py"))


def imported_names(source: str) -> set[tuple[str, str]]:
    """Module and name of everything that the source takes from clipbook or a part of it."""
    names: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {(node.module or "", alias.name) for alias in node.names}
    return {(module, name) for module, name in names if module.split(".")[0] == "clipbook"}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.relative_to(BOOK).as_posix())
def test_a_chapter_imports_only_what_a_part_exports_and_the_api_page_holds(path):
    page = (BOOK / "reference/api.md").read_text("utf-8")
    documented = set(re.findall(r"^\.\. (?:auto\w+|py:data):: (\S+)", page, re.M))
    names = imported_names(path.read_text("utf-8")) - {("clipbook", "")}
    deep = sorted(module for module, _ in names if module.count(".") > 1)
    assert not deep, f"import from the packages instead: {deep}"
    kept_inside = [
        f"{module}.{name}"
        for module, name in sorted(names)
        if name not in importlib.import_module(module).__all__
        or f"{module}.{name}" not in documented
    ]
    assert not kept_inside


def test_the_reader_of_names_sees_every_kind():
    source = """
import clipbook
import clipbook.text.encoder
from clipbook.pairs import info_nce
import torch
def late():
    from clipbook.training.loop import train as loop
"""
    assert imported_names(source) == {
        ("clipbook", ""),
        ("clipbook.text.encoder", ""),
        ("clipbook.pairs", "info_nce"),
        ("clipbook.training.loop", "train"),
    }
