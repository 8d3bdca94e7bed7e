"""The reference pages keep up with the package and with the chapters."""

import importlib
import re
from pathlib import Path
from types import SimpleNamespace

import built_in
import jupytext
import pytest

import clipbook

BOOK = Path(__file__).resolve().parents[2] / "book"
PACKAGES = sorted(
    path.parent.name for path in Path(clipbook.__file__).parent.glob("[a-z]*/__init__.py")
)


@pytest.mark.parametrize("package", ["", *PACKAGES])
def test_the_api_holds_every_public_function_and_class(package):
    name = f"clipbook.{package}".rstrip(".")
    module = importlib.import_module(name)
    public = {
        f"{name}.{one}"
        for one in module.__all__
        if callable(getattr(module, one)) and not one.startswith("_")
    }
    page = (BOOK / "reference/api.md").read_text("utf-8")
    documented = set(re.findall(r"^\.\. auto(?:function|class|exception):: (\S+)", page, re.M))
    assert public <= documented


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Built in: book/pairs/training.", "Built in: :doc:`/pairs/training`."),
        ("in book/text/text-encoder and", "in :doc:`/text/text-encoder` and"),
        ("Built in: book/further/unwritten.", "Built in: book/further/unwritten."),
        ("an ebook/text/text-encoder", "an ebook/text/text-encoder"),
    ],
)
def test_chapters_named_in_docstrings_become_links(line, wanted):
    lines = [line]
    held = {"pairs/training", "text/text-encoder"}
    app = SimpleNamespace(env=SimpleNamespace(found_docs=held))
    built_in.link(app, "function", "f", None, None, lines)
    assert lines == [wanted]


def test_every_symptom_is_reproduced_by_a_cell_that_can_fail():
    cells = jupytext.read(BOOK / "reference/why-this-number.py").cells
    symptoms: dict[str, str] = {}
    for cell in cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            symptoms[cell.source.splitlines()[0]] = ""
        elif cell.cell_type == "code" and symptoms:
            symptoms[list(symptoms)[-1]] += cell.source
    assert len(symptoms) >= 12
    for symptom, code in symptoms.items():
        assert re.search(r"^\s*assert ", code, re.M), f"{symptom} asserts nothing"
