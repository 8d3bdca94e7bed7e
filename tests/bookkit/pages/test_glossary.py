"""Words of the glossary, explained where a page uses them first."""

import pytest
from docutils import nodes
from docutils.utils import new_document

from bookkit.pages import glossary

TERMS = {
    "softmax": ("term-softmax", "Makes shares.", "pairs/similarity-matrix"),
    "token": ("term-token", "A piece of text.", "text/tokenization"),
    "end token": ("term-end", "Behind a text.", "text/text-encoder"),
}


def explained(*children: nodes.Node, page: str = "pairs/training") -> list[tuple[str, str]]:
    document = new_document("page")
    document += nodes.paragraph("", "", *children)
    before = document.astext()
    glossary.explain(document, page, TERMS)
    assert document.astext() == before
    return [(link.astext(), link["refuri"]) for link in document.findall(nodes.reference)]


def test_the_first_of_a_word_leads_to_its_entry_also_in_the_plural_and_at_a_start():
    found = explained(nodes.Text("Tokens meet a softmax; a softmax of tokens."))
    place = "../reference/glossary.html"
    assert found == [("Token", f"{place}#term-token"), ("softmax", f"{place}#term-softmax")]


def test_the_longest_term_wins():
    assert [word for word, _ in explained(nodes.Text("the end token"))] == ["end token"]


def test_a_word_is_left_alone_on_the_page_that_teaches_it():
    assert explained(nodes.Text("softmax"), page="pairs/similarity-matrix") == []


@pytest.mark.parametrize("kind", [nodes.literal, nodes.strong, nodes.math])
def test_code_formulas_and_bold_words_are_left_alone(kind):
    assert explained(kind("", "softmax")) == []


def test_part_of_a_word_is_no_word():
    assert explained(nodes.Text("tokenization, softmaxed, pre-token")) == []


def test_entries_know_what_a_term_means_and_where_it_is_taught():
    term = nodes.term("", "accuracy", ids=["term-accuracy"])
    link = nodes.reference("", "Zero-shot", refuri="../pairs/zero-shot.html#how-often")
    meaning = nodes.definition("", nodes.paragraph("", "", nodes.Text("Share of right. "), link))
    document = new_document("glossary")
    document += nodes.definition_list_item("", term, meaning)
    assert glossary.entries(document) == {
        "accuracy": ("term-accuracy", "Share of right.", "pairs/zero-shot")
    }
