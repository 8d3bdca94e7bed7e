"""bookkit.colab.notebook: a published notebook stands on its own."""

import base64
import json
import re

import nbformat
import pytest
from pybtex.database import parse_string

from bookkit import notebooks
from bookkit.address import opens
from bookkit.colab.notebook import Edition, for_readers, for_students


def role(name: str, *, solution: bool) -> str:
    """The metadata of an exercise's cell, as a chapter has them."""
    said = {"solution": solution, "grade": not solution, "locked": not solution}
    said |= {"grade_id": name, "schema_version": 3, "task": False}
    return f"nbgrader={json.dumps(said | ({} if solution else {'points': 1}))}"


SOURCE = f"""\
# %% [markdown]
# # Doubling

# %% [markdown]
# See [similarities](../pairs/similarity-matrix.ipynb), the [map](../index.md#parts), a
# [chapter to come](../pairs/none.ipynb), [a site](https://example.org) and [above](#here).
# ![A dot.](../images/dot.svg)

# %% {role("double", solution=True)}
def double(x):
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION


# %% {role("double-check", solution=False)}
assert double(2) == 4

# %% {role("double-hidden", solution=False)}
# Graded after you hand it in: other numbers.
### BEGIN HIDDEN TESTS
assert double(21) == 42
### END HIDDEN TESTS

# %% [markdown]
# **Sources.** {{cite:t}}`one2020`, §2; {{cite:t}}`three2021,two2022`; {{cite:t}}`many2023`.
"""
SOURCES = """
@misc{one2020, author = {One, Ada}, year = {2020}, url = {https://example.org/one}}
@misc{two2022, author = {van den Two, Bo and Two, Cy}, year = {2022}, doi = {10.1/two}}
@misc{three2021, author = {A, A and B, B and C, C}, year = {2021}, url = {https://example.org/3}}
@misc{many2023, author = {Many, M and others}, year = {2023}}
"""
ADDRESS = "https://github.com/some-one/a.book"


@pytest.fixture
def edition(tmp_path) -> Edition:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/dot.svg").write_text("<svg/>")
    return Edition(
        address=ADDRESS,
        version="1.2.3",
        package=f"{ADDRESS}/raw/colab/clipbook-1.2.3-py3-none-any.whl",
        pages=frozenset({"text/doubling", "pairs/similarity-matrix"}),
        sources=parse_string(SOURCES, "bibtex"),
        book=tmp_path,
    )


@pytest.fixture
def master(tmp_path):
    """The notebook that a source makes."""

    def make(source: str = SOURCE) -> nbformat.NotebookNode:
        (tmp_path / "doubling.py").write_text(source, "utf-8")
        return notebooks.notebook("doubling", tmp_path)

    return make


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def execute(notebook: nbformat.NotebookNode, answer: str = "") -> dict:
    """Run what a reader runs, after writing an answer into the blank exercise."""
    names: dict = {}
    for cell in code(notebook)[1:]:
        blank = "raise NotImplementedError()"
        exec(cell.source.replace(blank, answer or blank), names)
    return names


@pytest.mark.parametrize("make", [for_readers, for_students])
def test_stamped_with_address_and_version(make, edition, master):
    made = make(master(), "text/doubling", edition)
    first, setup = made.cells[0].source, code(made)[0]
    assert f"version 1.2.3, made from [some-one/a.book]({ADDRESS})" in first
    assert "https://some-one.github.io/a.book/text/doubling.html" in first
    assert f'PACKAGE = "{edition.package}"' in setup.source
    assert made.metadata["clipbook"] == {"repository": ADDRESS, "version": "1.2.3"}


@pytest.mark.parametrize("make", [for_readers, for_students])
def test_links_pictures_and_citations_lead_out_of_the_file(make, edition, master):
    said = text(make(master(), "text/doubling", edition))
    assert f"[similarities]({opens(ADDRESS, 'pairs/similarity-matrix')})" in said
    assert "[map](https://some-one.github.io/a.book/index.html#parts)" in said
    assert "[chapter to come](https://some-one.github.io/a.book/pairs/none.html)" in said
    assert "[a site](https://example.org) and [above](#here)" in said
    picture = base64.b64encode(b"<svg/>").decode()
    assert f"![A dot.](data:image/svg+xml;base64,{picture})" in said
    assert "[One (2020)](https://example.org/one), §2" in said
    assert "[A et al. (2021)](https://example.org/3); " in said
    assert "[van den Two and Two (2022)](https://doi.org/10.1/two)" in said
    assert "; Many et al. (2023)." in said


def test_reader_who_writes_nothing_can_run_all(edition, master):
    assert execute(for_readers(master(), "text/doubling", edition))["double"](3) == 6


def test_what_a_reader_writes_is_what_is_checked(edition, master):
    made = for_readers(master(), "text/doubling", edition)
    assert execute(made, "return 2 * x + 0.0")["double"](3) == 6.0
    with pytest.raises(AssertionError):
        execute(made, "return x")


def test_solution_is_folded_and_after_the_blank(edition, master):
    cells = code(for_readers(master(), "text/doubling", edition))
    assert "raise NotImplementedError()" in cells[1].source
    assert "x + x" not in cells[1].source
    assert "return x + x" in cells[2].source
    for form in (cells[0], cells[2]):
        assert form.source.startswith("# @title")
        assert form.metadata["cellView"] == "form"


def test_reader_sees_no_marks_and_no_hidden_checks(edition, master):
    made = nbformat.writes(for_readers(master(), "text/doubling", edition))
    assert not re.search("BEGIN|END|HIDDEN|nbgrader|== 42", made)


def test_student_has_no_solution_and_no_hidden_check_but_can_be_graded(edition, master):
    made = for_students(master(), "text/doubling", edition)
    assert not re.search("BEGIN|END |HIDDEN|== 42|x \\+ x", nbformat.writes(made))
    graded = [cell.metadata["nbgrader"] for cell in made.cells if "nbgrader" in cell.metadata]
    assert graded == [c.metadata["nbgrader"] for c in master().cells if "nbgrader" in c.metadata]


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("one2020`, §2", "lost2020`", "add it to book/references.bib"),
        ("dot.svg", "lost.svg", "is missing; add it"),
        ("def double(x):", "x = 2\nif x:", "make a function of it"),
    ],
)
def test_what_cannot_be_published_is_refused_with_the_remedy(edition, old, new, said, master):
    with pytest.raises(ValueError, match=said):
        for_readers(master(SOURCE.replace(old, new)), "text/doubling", edition)
