"""What a page folds until its reader has predicted."""

import re

import pytest
from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode

from bookkit.pages import predict
from bookkit.predictions import Prediction, Question


def output(text: str = "", raw: str = "") -> nodes.container:
    """A cell's output, in its cell."""
    cell, made = nodes.container(), nodes.container()
    made += [nodes.literal_block("", text)] if text else [nodes.raw("", raw, format="html")]
    cell += made
    return made


def asked(**given) -> Prediction:
    return Prediction(0, (1,), Question(**given) if given else None)


def folds(*outputs: nodes.container) -> list[bool]:
    return [isinstance(one.parent, HideCodeCellNode) for one in outputs]


def test_outputs_are_folded_and_a_widget_is_not():
    shown = output("496"), output(raw='<script type="application/vnd.jupyter.widget-view+json">')
    predict.present(asked(), list(shown), 2)
    assert folds(*shown) == [True, False]
    assert "prediction-2" in shown[0].parent["classes"]


def test_choices_stand_before_the_fold():
    shown = output("a cat:  0.9\n a dog")
    predict.present(asked(choices=["dog & co", "cat"], right="cat", shown="cat: 0.9"), [shown], 0)
    form, fold = shown.parent.parent.children
    assert 'data-right="1"' in form.astext()
    assert "dog &amp; co" in form.astext()
    assert fold is shown.parent


@pytest.mark.parametrize("number", [1_048_576, 0.0625, 2.079, 1e-7])
def test_a_number_is_handed_to_the_page_whole(number):
    shown = output("1")
    predict.present(asked(number=number, within=0.1, shown="1"), [shown], 0)
    form = shown.parent.parent.children[0].astext()
    (told,) = re.findall(r'data-number="([^"]+)"', form)
    assert float(told) == number


@pytest.mark.parametrize("raw", ["<b>row</b> 1<td>cat</td>", ""])
def test_an_answer_that_the_output_does_not_hold_is_refused(raw):
    shown = output("" if raw else "nothing", raw)
    with pytest.raises(ValueError, match="'dog' should be in what the code shows"):
        predict.present(asked(choices=["cat", "dog"], right="dog"), [shown], 0)
    assert folds(shown) == [False]


def test_tables_and_pictures_say_what_they_show():
    table = output(raw="<table><tr><td>AT&amp;T</td><td>4</td></tr></table>")
    table += nodes.image(alt="The diagonal is\nbright.")
    assert predict.said(table) == "AT&T 4 The diagonal is bright."
