"""Words lose nothing of a text, and take the space before them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipbook.text import split_words


@given(st.text())
def test_words_join_to_the_text(text):
    assert "".join(split_words(text)) == text
    assert all(split_words(text))


def test_pepper_splits_into_four_words():
    assert split_words("Pepper the aussie pup") == ["Pepper", " the", " aussie", " pup"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a red circle.", ["a", " red", " circle", "."]),
        ("two  spaces", ["two", " ", " spaces"]),
        ("x1y", ["x", "1", "y"]),
        ("end \n", ["end", " \n"]),
        ("hi 👧!", ["hi", " 👧!"]),
    ],
)
def test_words_take_the_space_before_them(text, words):
    assert split_words(text) == words
