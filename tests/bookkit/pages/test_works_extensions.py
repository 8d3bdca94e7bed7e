"""The extensions behind the site's works, apart from any build."""

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx.errors import ExtensionError

from bookkit.address import pages_address
from bookkit.pages import alternative_text, live, model_map, sharing


def page_of(*children: nodes.Node) -> nodes.document:
    document = new_document("page")
    document += children
    return document


class App:
    class env:
        docname = "text/tokenization"


@pytest.mark.parametrize("options", [{}, {"alt": ""}, {"alt": "  "}])
def test_picture_without_alternative_text_fails_with_the_remedy(options):
    with pytest.raises(ExtensionError, match=r"text/tokenization: 1 picture.*mystnb=.*alt"):
        alternative_text.check(App, page_of(nodes.image(uri="a.png", **options)))


def test_picture_with_alternative_text_passes():
    alternative_text.check(App, page_of(nodes.image(uri="a.png", alt="The diagonal is bright.")))


def test_sentence_of_a_chapter_is_its_question_with_marks_as_printed():
    said = sharing.sentence("text/tokenization", page_of(nodes.paragraph("", "Else.")))
    assert said.startswith("How does “Pepper the aussie pup” become")


def test_sentence_of_another_page_is_its_first_paragraph():
    page = page_of(nodes.paragraph("", "One\nthing. Another."), nodes.paragraph("", "Else."))
    assert sharing.sentence("index", page) == "One thing. Another."
    assert sharing.sentence("index", page_of()) == sharing.BOOK


@pytest.mark.parametrize(
    ("repository", "pages"),
    [
        ("https://github.com/some-one/a.book", "https://some-one.github.io/a.book"),
        ("https://github.com/some-one/some-one.github.io", "https://some-one.github.io"),
    ],
)
def test_pages_address_is_the_repositorys(repository, pages):
    assert pages_address(repository) == pages


def test_band_lights_its_page_and_links_the_others_that_exist():
    words = {"text/tokenization": "tokens", "image/vit": "ViT", "text/attention": "attention"}
    made = model_map.band("image/vit", {"text/tokenization": "../text/tokenization.html"}, words)
    assert made.count("aria-current") == 1
    assert '<strong aria-current="page"><span>ViT</span></strong>' in made
    assert '<a href="../text/tokenization.html"><span>tokens</span></a>' in made
    assert made.count("<a ") == 1


DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg"><g data-page="text/tokenization" role="img" '
    'aria-label="Tokens"><text class="name">tokens</text><text>a</text></g></svg>'
)


def test_part_of_the_map_becomes_a_link_named_by_its_own_words():
    made = model_map.linked(DRAWING, {"text/tokenization": "text/tokenization.html"})
    assert '<a href="text/tokenization.html"><text class="name">tokens</text>' in made
    assert '<text aria-hidden="true">a</text>' in made
    assert "aria-label" not in made


def test_part_of_the_map_without_a_page_stays_a_picture():
    made = model_map.linked(DRAWING, {})
    assert '<g role="img" aria-label="Tokens">' in made
    assert "data-page" not in made


def live_cell(views: int, *tags: str) -> nodes.container:
    """A cell with the tag live, others, and some widgets."""
    outputs = nodes.container(nb_element="cell_code_output")
    for _ in range(views):
        outputs += nodes.raw("", '<div class="widget" data-widget="PatchExplorer"></div>')
    return nodes.container(
        "", outputs, cell_metadata={"tags": ["live", *tags]}, nb_element="cell_code"
    )


def test_beside_the_widget_of_a_live_cell_stands_a_field():
    page = page_of(nodes.container(cell_metadata={"tags": ["hide-input"]}), live_cell(1))
    live.find_own(App, page)
    (place,) = page.findall(model_map.placeholder)
    assert place["what"] == "own" and place.parent["nb_element"] == "cell_code_output"
    assert place["model"] == "shapes"
    page = page_of(live_cell(1, "emoji"))
    live.find_own(App, page)
    assert next(page.findall(model_map.placeholder))["model"] == "emoji"


@pytest.mark.parametrize("views", [0, 2])
def test_a_live_cell_without_a_widget_of_its_own_is_refused(views):
    with pytest.raises(ValueError, match=rf"text/tokenization.*{views} widgets; it takes the one"):
        live.find_own(App, page_of(live_cell(views)))
