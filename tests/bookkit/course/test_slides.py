"""bookkit.course.slides: a chapter as slides, in one file that asks nothing of anybody."""

import copy
import re

import pytest
from bs4 import BeautifulSoup
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookkit.course import slides
from bookkit.course.assignment import master

PAGE = "pairs/similarity-matrix"

PASSAGE = """## Softmax

Take four numbers. They become **shares**. Nothing is lost, and so on. What do they add up to?

$$a = b$$

- one
- two

Plain words, at length. More of them.
"""


def test_a_slide_shows_what_counts_and_the_notes_hold_the_rest():
    assert slides.gist(PASSAGE) == (
        "## Softmax\n\nThey become **shares**.\nWhat do they add up to?\n\n$$a = b$$\n\n"
        "- one\n- two\n\nPlain words, at length."
    )


def test_formulas_are_put_aside_and_code_is_left():
    kept: list[dict] = []
    text = slides.without_formulas("`$HOME` and $a_1$,\n\n$$\nb\n$$", kept)
    assert text == "`$HOME` and FORMULA0STOP,\n\nFORMULA1STOP"
    assert kept == [{"latex": "a_1", "display": False}, {"latex": "\nb\n", "display": True}]


@pytest.mark.parametrize(
    ("told", "kinds"),
    [
        ({}, ["slide", "notes", "-"]),
        ({"slide_type": "fragment"}, ["fragment", "notes", "fragment"]),
        ({"slide_type": "skip"}, []),
    ],
)
def test_a_cell_that_says_where_its_slide_begins_is_believed(told, kinds):
    metadata = {"slideshow": told}
    made = [new_code_cell("import this"), new_markdown_cell("## A title", metadata=metadata)]
    made.append(new_code_cell("x = 1", metadata=metadata))
    deck = slides.cells(new_notebook(cells=made))
    assert [cell.metadata.slideshow["slide_type"] for cell in deck] == kinds


def test_what_is_to_be_predicted_is_the_next_step():
    said = new_output("stream", name="stdout", text="2")
    made = [new_code_cell("import this"), new_markdown_cell("Predict: which number?")]
    made += [new_code_cell("print(2)", outputs=[said]), new_markdown_cell("It is two.")]
    made += [new_code_cell("print(2)", outputs=[said])]
    deck = slides.cells(new_notebook(cells=made))
    code = [cell for cell in deck if cell.cell_type == "code"]
    assert [cell.metadata.slideshow["slide_type"] for cell in code] == ["-", "fragment", "-"]
    assert [(cell.source, len(cell.outputs)) for cell in code] == [
        ("print(2)", 0),
        ("", 1),
        ("print(2)", 1),
    ]


@pytest.mark.parametrize(
    "text",
    ["$$", "from $5 to $10", "a `b` c", "two\n\nparagraphs", '<!-- "x" --> <script', "*_[](b)"],
)
def test_any_alternative_text_reaches_the_slide_as_it_is(text):
    view = {"model_id": "m1"}
    shown = new_output("display_data", {"application/vnd.jupyter.widget-view+json": view})
    state = {"m1": {"state": {"picture": "data:,", "alternative": text}}}
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    made = [new_code_cell("import this"), new_code_cell("widget", outputs=[shown])]
    deck = slides.cells(new_notebook(cells=made, metadata={"widgets": widgets}))
    kept: list[dict] = []
    source = slides.without_formulas(deck[-1].source, kept)
    image = BeautifulSoup(markdown2html(source), "html.parser").img
    assert image["alt"] == " ".join(text.split())
    assert kept == []


@pytest.mark.browser  # as below
def test_the_same_chapter_gives_the_same_bytes():
    made = [new_markdown_cell("# A title"), new_code_cell("import this")]
    made.append(new_markdown_cell("## Softmax\n\nTwo $a$. Three."))
    chapter = new_notebook(cells=made)
    assert slides.slides(copy.deepcopy(chapter)) == slides.slides(copy.deepcopy(chapter))


def test_an_unknown_chapter_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["slides.py", "pairs/nothing", "--to", str(tmp_path)])
    assert slides.main() == 2
    assert (
        "CHAPTER='pairs/nothing' is no chapter; give all, or of start/" in capsys.readouterr().err
    )


def test_a_file_for_the_folder_is_named(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("sys.argv", ["slides.py", PAGE, "--to", str(tmp_path / "file")])
    assert slides.main() == 2
    assert "file is a file; give another folder" in capsys.readouterr().err


# What of the slide that is shown can't be seen, or lies under the arrows or the number.
FAULTS = """() => {
  const slide = Reveal.getCurrentSlide();
  const box = slide.getBoundingClientRect();
  const boxes = (all) =>
    [...document.querySelectorAll(all)].map((one) => one.getBoundingClientRect());
  const [[number], arrows] = [boxes(".slide-number"), boxes(".controls button")];
  const meet = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const faults = [];
  if (slide.scrollHeight > slide.clientHeight || slide.scrollWidth > slide.clientWidth)
    faults.push("is larger than its room");
  if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth)
    faults.push("reaches beyond the window");
  if ([number, ...arrows].some((one) => meet(box, one))) faults.push("lies under a control");
  if (arrows.some((one) => meet(number, one))) faults.push("has an arrow on its number");
  const { h, v } = Reveal.getIndices(); // the address follows later
  return faults.map((fault) => `${h}/${v} ${fault}`);
}"""


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    path = tmp_path_factory.mktemp("slides") / "deck.html"
    path.write_text(slides.slides(slides.executed(PAGE)), "utf-8")
    return path


@pytest.mark.slow
@pytest.mark.xdist_group("slides")  # one worker executes the chapter for all
@pytest.mark.browser  # formulas are set by what `make site` has fetched
class TestDeck:
    def test_everything_is_in_the_file(self, deck):
        soup = BeautifulSoup(deck.read_text("utf-8"), "html.parser")
        assert not soup.select("link[href], script[src], iframe, object")
        assert all(image["src"].startswith("data:") for image in soup.select("img"))
        sheets = "".join(sheet.get_text() for sheet in soup.select("style"))
        assert not re.search(r"@import|url\((?![\"']?(?:data:|#))", sheets)

    def test_figures_have_their_alternative_text(self, deck):
        images = BeautifulSoup(deck.read_text("utf-8"), "html.parser").select("img")
        assert images
        assert all(len(image["alt"]) > 20 for image in images)

    def test_no_exercise_and_no_answer_is_shown(self, deck, tmp_path):
        soup = BeautifulSoup(deck.read_text("utf-8"), "html.parser")
        headings = [heading.get_text() for heading in soup.select("h1, h2, h3")]
        assert headings[0].startswith("The similarity matrix")
        assert not any(heading.startswith("Exercise") for heading in headings)
        assert not soup.select("details")
        text = soup.get_text()
        cells = [one for one in master(PAGE, tmp_path).cells if one.cell_type == "code"]
        graded = [one for one in cells if "nbgrader" in one.metadata]
        assert any(one.source[:60] in text for one in cells)  # so a graded one would be seen
        assert graded and not any(one.source[:60] in text for one in graded)

    def test_it_moves_and_holds_the_notes(self, deck, browser):
        tab = browser.new_context(offline=True).new_page()
        problems = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("requestfailed", lambda request: problems.append(request.url))
        tab.goto(deck.as_uri())
        assert tab.locator("section.present h1").first.is_visible()
        tab.keyboard.press("Space")
        tab.wait_for_function("Reveal.getIndices().h + (Reveal.getIndices().v || 0) > 0")
        assert tab.locator(".katex").count() > 0
        assert tab.locator("aside.notes").count() > 10
        assert problems == []

    @pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
    def test_every_slide_fits_beside_the_controls(self, deck, browser, size):
        tab = browser.new_page(viewport={"width": size[0], "height": size[1]})
        tab.goto(deck.as_uri(), wait_until="load")
        tab.wait_for_function("Reveal.isReady()")
        faults = tab.evaluate(FAULTS)
        while not tab.evaluate("Reveal.isLastSlide()"):
            tab.evaluate("Reveal.next()")
            faults += tab.evaluate(FAULTS)
        tab.close()
        assert faults == []
