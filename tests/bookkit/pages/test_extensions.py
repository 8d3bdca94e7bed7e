"""The Sphinx extensions' own functions, apart from any build."""

import base64
import io
import json

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from PIL import Image

from bookkit import cells
from bookkit.pages import maths, streams, widget_pictures
from bookkit.pages.widget_pictures import STILL

EXERCISE = """def double(x):
    ### BEGIN SOLUTION
    two = 2
    return two * x
    ### END SOLUTION"""

CHECK = """assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(7) == 14
### END HIDDEN TESTS"""


def test_a_line_that_the_kernel_sent_in_parts_is_one_line():
    printed = [("stream", "37"), ("stream", "0 "), ("stream", "tokens\n"), ("stderr", "warned\n")]
    printed += [("text_plain", "1"), ("text_plain", "2"), ("stream", "after\n")]
    cell = nodes.container()
    for kind, text in printed:
        cell += nodes.literal_block(text, text, classes=["output", kind])
    streams.join(None, cell)
    said = [block.astext() for block in cell]
    assert said == ["370 tokens\n", "warned\n", "1", "2", "after\n"]
    assert said == [block.rawsource for block in cell]


def paragraph(*parts: str) -> nodes.paragraph:
    """Formulas stand between dollars."""
    made = nodes.paragraph()
    for part in parts:
        formula = part.startswith("$")
        made += nodes.math("", part.strip("$"), html="<i/>") if formula else nodes.Text(part)
    return made


def test_punctuation_stays_with_a_short_formula():
    made = paragraph("Take ", "$T_4$", "), then.")
    maths.keep_together(made[1])
    assert (made[1]["html"], made[1]["classes"]) == ("<i/>),", ["math-whole"])
    assert made.astext() == "Take T_4 then."


def test_a_long_formula_may_break_and_words_after_one_stay():
    made = paragraph("$a + b + c + d + e + f + g$", ".", "$x$", " is.", "$y$")
    before = made.astext()
    for formula in made.findall(nodes.math):
        maths.keep_together(formula)
    assert made.astext() == before


def test_blank_exercise_keeps_the_signature_and_the_indentation():
    assert cells.blank(EXERCISE) == (
        "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    )


def test_solution_loses_only_its_marks():
    assert cells.solved(EXERCISE) == "def double(x):\n    two = 2\n    return two * x"


def test_check_loses_its_hidden_part():
    assert cells.visible(CHECK) == "assert double(1) == 2"


def test_check_of_nothing_but_comments_and_hidden_tests_is_not_shown():
    assert cells.says_nothing(cells.visible("# Graded later.\n" + CHECK.split("\n", 1)[1]))
    assert not cells.says_nothing(cells.visible(CHECK))


def test_code_without_marks_is_left_as_it_is():
    code = "x = 1  # BEGIN nothing"
    assert cells.blank(code) == cells.solved(code) == cells.visible(code) == code


VIEW = '<script type="application/vnd.jupyter.widget-view+json">{"model_id": "m1"}</script>'


def png(width: int, height: int) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def test_widget_gets_its_picture_with_alternative_text_and_size():
    state = {STILL: png(30, 20), "alternative": 'the "diagonal" is bright & clear'}
    state["_anywidget_id"] = "clipbook.widgets.grid.Grid"
    wrapper = BeautifulSoup(
        widget_pictures.wrapped(VIEW, {"m1": {"state": state}}), "html.parser"
    ).div
    assert (wrapper["data-widget"], wrapper["data-model-id"]) == ("Grid", "m1")
    assert wrapper.img["src"] == state[STILL]
    assert wrapper.img["alt"] == state["alternative"]
    assert (wrapper.img["width"], wrapper.img["height"]) == ("30", "20")
    assert wrapper.script is not None


TRAPS = ["<!-- <script", "</script>", "]]> -->", "</body></html>", "\"'`&", "\u2028", "\ud800"]


@pytest.mark.parametrize("text", [*TRAPS, "".join(TRAPS)])
def test_no_text_ends_the_script_that_holds_it(text):
    value = {"state": {"m1": {"captions": [text], "__proto__": {text: 1}}}}
    body = widget_pictures.in_script(value)
    assert not set(body) & set("<\u2028\u2029") and body.isascii()
    assert json.loads(body) == value
    page = f"<head><script type='application/json'>{body}</script></head><body>after</body>"
    assert BeautifulSoup(page, "html.parser").script.string == body
    assert BeautifulSoup(page, "html.parser").body.string == "after"


@pytest.mark.parametrize("text", [text for text in TRAPS if text != "\ud800"])
def test_no_text_ends_the_attribute_that_holds_it(text):
    state = {STILL: png(3, 2), "alternative": text, "_anywidget_id": f"a.{text}"}
    made = BeautifulSoup(widget_pictures.wrapped(VIEW, {"m1": {"state": state}}), "html.parser")
    assert made.img["alt"] == text
    assert [child.name for child in made.div.children] == ["img", "script"]


def test_widget_without_a_picture_is_only_wrapped():
    wrapper = BeautifulSoup(widget_pictures.wrapped(VIEW, {"m1": {"state": {}}}), "html.parser").div
    assert wrapper.img is None
    assert wrapper.script is not None
