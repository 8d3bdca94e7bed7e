"""Where chapters ask their readers to predict."""

import jupytext
import pytest

from bookkit import notebooks
from bookkit.predictions import Question, predictions

SOURCE = """\
# %% [markdown]
# Some text. Predict.

# %%
1

# %% [markdown] predict={{"choices": ["one", "two"], "right": "{right}"}}
# Predict: how many?

# %%
2

# %%
3

# %% [markdown]
# Two.

# %%
4
"""


def cells(right: str = "two", source: str = SOURCE) -> list:
    return jupytext.reads(source.format(right=right), fmt="py:percent").cells


def test_a_prediction_is_answered_by_the_code_up_to_the_next_text():
    first, second = predictions(cells())
    assert (first.asked, first.cells, first.question) == (0, (1,), None)
    assert (second.asked, second.cells) == (2, (3, 4))
    assert second.question.evidence == "two"


def test_a_right_answer_that_is_no_choice_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"how many\?'.*right='three' must be one of"):
        predictions(cells("three"))


def test_a_prediction_without_code_is_refused():
    with pytest.raises(ValueError, match="no code follows"):
        predictions(cells(source="# %% [markdown]\n# Predict: what?\n"))


def test_choices_where_nothing_says_predict_are_refused():
    with pytest.raises(ValueError, match="doesn't say Predict"):
        predictions(cells(source=SOURCE.replace("Predict: how", "Guess: how")))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"choices": ["a", "b"]},
        {"choices": ["a", "a"], "right": "a"},
        {"choices": ["a", "b"], "right": "a", "number": 1},
    ],
)
def test_a_question_is_one_of_choices_or_a_number(given):
    with pytest.raises(ValueError, match="give one of the two|must be one of two or more"):
        Question(**given)


def test_evidence_of_a_number_is_the_number_unless_it_is_told():
    assert Question(number=496).evidence == "496"
    assert Question(number=0.5, shown="p 0.50").evidence == "p 0.50"


def test_every_chapter_offers_an_answer_to_a_prediction(chapter):
    offered = [one for one in predictions(notebooks.notebook(chapter).cells) if one.question]
    assert offered
