"""The reference pages keep up with the package and with the chapters."""

import importlib
import re
from pathlib import Path

import jupytext
import pytest

import clipbook
from bookkit.pages import api

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


def test_a_docstring_ends_in_links_to_the_chapters_that_build_the_thing():
    lines = ["What it is."]
    api.link(None, "function", "clipbook.pairs.info_nce", None, None, lines)
    assert lines == ["What it is.", "", "Built in :doc:`/pairs/contrastive-loss`.", ""]
    api.link(None, "function", "clipbook.scenes.render", None, None, kept := ["Draw."])
    assert kept == ["Draw."]


def test_what_the_chapters_build_is_on_the_page_of_the_api():
    page = (BOOK / "reference/api.md").read_text("utf-8")
    documented = set(re.findall(r"^\.\. auto(?:function|class):: (\S+)", page, re.M))
    unlisted = {name: pages for name, pages in api.builders().items() if name not in documented}
    assert not unlisted, "chapters build what book/reference/api.md doesn't list"


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
