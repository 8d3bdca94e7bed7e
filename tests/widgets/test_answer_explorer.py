"""The answer explorer in Python: what it keeps, accepts, refuses and says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from clipbook.widgets import AnswerExplorer
from tests.plain import plain_python
from tests.widgets.conftest import draw_pictures
from tests.widgets.stub_answerer import StubAnswerer

QUESTIONS = [["what colour?", "detect it"], ["detect it"]]


def explorer(**changes) -> AnswerExplorer:
    given = {"answerer": StubAnswerer(), "pictures": draw_pictures(2), "questions": QUESTIONS}
    return AnswerExplorer(**(given | changes))


def message_from_page(widget: AnswerExplorer, **state) -> None:
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def test_it_keeps_what_the_model_says_with_and_without_the_picture():
    widget, stub = explorer(), StubAnswerer()
    for place, texts in enumerate(QUESTIONS):
        for text, ways in zip(texts, widget.answers[place], strict=True):
            for picture, way in zip((object(), None), ways, strict=True):
                expected = stub.explain(picture, text)
                assert way["answer"] == expected.answer
                assert way["tokens"] == expected.tokens
                for kept, several in zip(way["candidates"], expected.candidates, strict=True):
                    assert [name for name, _ in kept] == [name for name, _ in several]
                    assert [p for _, p in kept] == pytest.approx([p for _, p in several], abs=5e-5)


def test_a_box_is_where_the_answer_tells():
    (seeing, blind), (other, _) = explorer().answers[0][1], explorer().answers[0][0]
    assert seeing["boxes"] == [[0.5 / 8, 2.5 / 8, 3.5 / 8, 7.5 / 8]]
    assert blind["boxes"] == other["boxes"] == []


def test_attention_is_the_mean_over_blocks_and_heads_of_all_tokens_in_order():
    expected = [
        StubAnswerer().explain(object(), text).attention.mean(dim=(1, 2)).flatten()
        for texts in QUESTIONS
        for text in texts
    ]
    carried = np.frombuffer(explorer().attention, "<u2") / 65_535
    np.testing.assert_allclose(carried, torch.cat(expected).numpy(), atol=1e-5)
    assert explorer().grid == [2, 2]


def test_an_answer_without_a_word_is_told_in_words():
    widget = explorer()
    records = [[[{**way, "answer": ""} for way in ways] for ways in of] for of in widget.answers]
    widget.answers = records
    assert "it answers no word; without the picture, no word." in widget.describe()


def test_it_says_answer_blind_answer_token_and_where_it_looks():
    assert explorer(picture=1, token=1).describe() == (
        "Asked “detect it”, it answers “<loc0000><loc0002><loc0003><loc0007> it”; without the "
        "picture, “blue”. Token 2 of 6 is “<loc0002>” (0.75); before it the model looks most at "
        "row 1, column 2 (0.50)."
    )


def test_another_picture_begins_with_its_first_question_and_token():
    widget = explorer(question=1, token=3)
    widget.picture = 1
    assert (widget.picture, widget.question, widget.token) == (1, 0, 0)
    assert "Token 1 of 6" in widget.alternative


def test_another_question_begins_with_the_first_token():
    widget = explorer(question=1, token=5)
    widget.question = 0
    assert (widget.question, widget.token) == (0, 0)


def test_what_the_page_changes_is_read_in_python_and_needs_no_new_words():
    widget = explorer()
    before = widget.alternative
    message_from_page(widget, question=1, token=4)
    assert (widget.question, widget.token) == (1, 4)
    message_from_page(widget, picture=1, question=0, token=0)
    assert (widget.picture, widget.question, widget.token) == (1, 0, 0)
    assert widget.alternative == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"questions": QUESTIONS[:1]}, "2 pictures with questions for 1; give each picture"),
        ({"pictures": [], "questions": []}, "0 pictures .* one picture at least"),
        ({"questions": [["detect it"], []]}, r"questions\[1\] is empty; at least one"),
        ({"questions": [["detect it"] * 48, ["detect it"]]}, "49 questions are more than the 48"),
        ({"questions": [["detect it"], [7]]}, r"questions\[1\]"),
        ({"pictures": [draw_pictures(1)[0], np.zeros((8, 8))]}, r"pictures\[1\]: .*not a picture"),
        ({"pictures": 3}, r"pictures=3 is no list; try \[3\]"),
        ({"questions": 3}, r"questions=3 is no list; try \[3\]"),
        ({"picture": 2}, "picture=2 is none of the 2 pictures; use 0 to 1"),
        ({"question": 2}, "question=2 is none of the 2 questions"),
        ({"token": 2}, "token=2 is none of the 2 tokens"),
    ],
)
def test_bad_input_gets_value_rule_and_remedy(changes, words):
    with plain_python(), pytest.raises(ValueError, match=words):
        explorer(**changes)


@pytest.mark.parametrize(("name", "value"), [("picture", 2), ("question", -3), ("token", 9)])
def test_a_refused_assignment_changes_nothing(name, value):
    widget = explorer()
    before = widget.get_state()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        setattr(widget, name, value)
    assert widget.get_state() == before


@pytest.mark.parametrize("name", ["picture", "question", "token"])
@pytest.mark.parametrize("value", [0.5, 0.0, True, "0", None, float("nan")])
def test_what_is_no_whole_number_is_no_index(name, value):
    with plain_python(), pytest.raises(ValueError, match=f"{name}=.* is none of the"):
        explorer(**{name: value})


def test_a_class_token_is_no_patch():
    class WithClassToken(StubAnswerer):
        def explain(self, picture, question):
            way = super().explain(picture, question)
            others = torch.full((*way.attention.shape[:3], 1), 0.3)
            attention = torch.cat([others, way.attention], dim=3)
            return way if picture is None else replace(way, attention=attention)

    widget, plain = explorer(answerer=WithClassToken()), explorer()
    assert widget.grid == plain.grid == [2, 2]
    assert widget.attention == plain.attention
    assert widget.alternative == plain.alternative
