"""What the page of a chapter shows of its exercises, what it keeps back, and where it leads."""

import html
import json
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from bookkit import cells
from bookkit.address import address, opens
from bookkit.cells import MARKS, visible
from bookkit.chapters import names
from bookkit.notebooks import notebook
from bookkit.predictions import predictions
from tests.site.conftest import notebooks, soup_of

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.site


def code_cells(chapter: str) -> list[dict]:
    notebook = json.loads((ROOT / f"book/{chapter}.ipynb").read_text("utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def role(cell: dict) -> dict:
    return cell["metadata"].get("nbgrader", {})


def squeezed(text: str) -> str:
    """Text without white space, quotes and escapes: HTML, JSON and Python differ in these."""
    return re.sub(r"\\n|[\s\"'\\]+", "", html.unescape(text))


def extra_lines(code: str, rest: str) -> set[str]:
    """Lines of the code that are neither in the rest nor marks of nbgrader's."""
    lines = {line.strip() for line in code.splitlines() if not any(mark in line for mark in MARKS)}
    return lines - {line.strip() for line in rest.splitlines()}


@cache
def shown_code() -> str:
    """All chapters' code without their hidden checks, squeezed."""
    every = ["".join(cell["source"]) for name in notebooks() for cell in code_cells(name)]
    return squeezed("".join(map(visible, every)))


def hidden_lines(chapter: str) -> list[str]:
    """Squeezed lines that stand in the chapter's hidden checks and in no code that is shown."""
    codes = ["".join(cell["source"]) for cell in code_cells(chapter)]
    lines = {squeezed(line) for code in codes for line in extra_lines(code, visible(code))}
    return [line for line in lines if len(line) > 12 and line not in shown_code()]


@pytest.fixture(scope="module")
def site_texts(site) -> dict[Path, list[str]]:
    """What each file of the site says, squeezed, as it is written and as it is read."""
    texts = {}
    for path in site.rglob("*"):
        if (
            path.suffix in {".html", ".js", ".json", ".txt", ".ipynb"}
            and "vendor" not in path.parts
        ):
            text = path.read_text("utf-8")
            if path.suffix == ".ipynb":  # its lines alone: JSON puts a comma behind each
                text = "\n".join(cell.source for cell in nbformat.reads(text, 4).cells)
            texts[path] = [squeezed(text)]
            if path.suffix == ".html":  # highlighting cuts a line into spans
                texts[path].append(squeezed(soup_of(path).get_text()))
    return texts


@pytest.mark.xdist_group("site_texts")  # one worker reads for all chapters
def test_hidden_checks_are_nowhere_in_the_site(site, site_texts, chapter):
    hidden = hidden_lines(chapter)
    if any(role(cell).get("grade") for cell in code_cells(chapter)):
        assert hidden, "the chapter has graded cells but no hidden check to look for"
    for path, texts in site_texts.items():
        leaks = [line for line in [*hidden, "BEGINHIDDEN"] if any(line in t for t in texts)]
        assert not leaks, f"{path.relative_to(site)} shows a hidden check"


def test_no_source_is_offered_for_download(site):
    assert not (site / "_sources").exists()
    offered = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.ipynb")}
    assert offered == set(notebooks())


def test_notebook_that_is_offered_is_the_readers(site, chapter):
    (link,) = soup_of(site / f"{chapter}.html").select("a[href$='.ipynb'][download]")
    offered = nbformat.read((site / f"{chapter}.html").parent / link["href"], 4)
    assert not any(mark in nbformat.writes(offered) for mark in MARKS)
    solutions = [cell for cell in offered.cells if cell.id.endswith("-solution")]
    assert len(solutions) == sum(bool(role(cell).get("solution")) for cell in code_cells(chapter))


def test_links_in_words_stand_under_the_title(site, page):
    title = soup_of(site / f"{page}.html").select_one("article h1")
    nav = title.find_next_sibling()
    assert nav.name == "nav"
    words = [link.get_text() for link in nav.select("a")]
    expected = ["Open in Colab", "Download notebook"] if page in notebooks() else []
    expected += ["Edit", "Report a mistake"]
    expected += ["Without solutions", "With solutions"] if page in names() else []
    assert [word for word in words if word != "PDF of the book"] == expected
    (source,) = [a["href"] for a in nav.select("a") if a.get_text() == "Edit"]
    assert (ROOT / "book" / source.partition("/edit/main/book/")[2]).is_file()


def test_what_answers_a_prediction_is_folded(site, chapter):
    page = soup_of(site / f"{chapter}.html")
    asked = predictions(notebook(chapter).cells)
    assert len(page.select("form.guess")) == sum(one.question is not None for one in asked)
    for number in range(len(asked)):
        folds = page.select(f"details.prediction-{number}")
        assert not [fold for fold in folds if fold.has_attr("open") or fold.select(".widget")]


def test_exercise_is_blank_and_its_solution_is_folded_away(site, chapter):
    page = soup_of(site / f"{chapter}.html")
    tasks = [c for c in code_cells(chapter) if role(c).get("solution")]
    blanks = [b.get_text() for b in page.select(".cell.exercise pre")]
    solutions = [
        details
        for details in page.select("details")
        if "Show the solution" in details.find("summary").get_text()
    ]
    assert len(blanks) == len(solutions) == len(tasks)
    for blank, solution, cell in zip(blanks, solutions, tasks, strict=True):
        assert "raise NotImplementedError()" in blank
        assert not solution.has_attr("open")
        code = "".join(cell["source"])
        answer = extra_lines(code, cells.blank(code))
        assert answer and all(line in solution.get_text() for line in answer)
        assert not any(line in blank for line in answer if len(line) > 12)
    assert "BEGIN SOLUTION" not in page.get_text()


def test_visible_checks_are_folded_with_their_output(site, chapter):
    page = soup_of(site / f"{chapter}.html")
    folds = [
        details
        for details in page.select("details:not([open])")
        if "Show the check of the solution" in details.find("summary").get_text()
    ]
    text = "".join(fold.get_text() for fold in folds)
    for cell in (c for c in code_cells(chapter) if role(c).get("grade")):
        shown = visible("".join(cell["source"]))
        assert cells.says_nothing(shown) or all(line in text for line in shown.splitlines())
    praise = page.find_all(string=lambda one: one.startswith("✓ ") and ": correct" in one)
    assert len(praise) >= len(folds)
    assert all(one.find_parent("details") in folds for one in praise)


def test_launch_button_opens_the_notebook_in_colab(site, chapter):
    colab = opens(address(), chapter)
    links = [
        a["href"] for a in soup_of(site / f"{chapter}.html").select("a[href*='colab.research']")
    ]
    assert colab in links
    assert set(links) == {colab}


def test_page_links_to_the_repository(site, chapter):
    (button,) = soup_of(site / f"{chapter}.html").select("a.btn-source-repository-button")
    assert button["href"] == address()


def test_no_library_warns_on_the_page(site, chapter):
    """A warning tells of the machine that built the page, and a reader can do nothing about it."""
    warnings = soup_of(site / f"{chapter}.html").select(".output.stderr")
    assert [one.get_text()[:200] for one in warnings] == []
