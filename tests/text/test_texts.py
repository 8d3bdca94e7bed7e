"""Whoever takes texts refuses a single string and what is no text, in the same words."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clipbook.evaluation import class_embeddings, zero_shot
from clipbook.figures import pairs_strip, probability_heatmap, similarity_heatmap, token_heatmap
from clipbook.text import Tokenizer, split_words
from clipbook.widgets import AttentionExplorer, SimilarityMatrix, TokenizerExplorer
from tests import tiny
from tests.plain import plain_python

PIXELS = tiny.normals(2, 3, 16, 16)
PICTURES = [np.zeros((4, 4, 3), np.uint8)] * 3
GRID = torch.eye(3)
TAKE_TEXTS = {
    "train": lambda texts: Tokenizer.train(texts, 300),
    "batch": lambda texts: Tokenizer().batch(texts),
    "zero_shot, names": lambda texts: zero_shot(tiny.clip(), tiny.tokenizer(), PIXELS, texts),
    "zero_shot, templates": lambda texts: zero_shot(
        tiny.clip(), tiny.tokenizer(), PIXELS, ["a star"], texts
    ),
    "class_embeddings": lambda texts: class_embeddings(tiny.clip(), tiny.tokenizer(), texts),
    "pairs_strip": lambda texts: pairs_strip(PICTURES, texts),
    "similarity_heatmap": lambda texts: similarity_heatmap(GRID, PICTURES, texts),
    "probability_heatmap": lambda texts: probability_heatmap(GRID, PICTURES, texts),
    "token_heatmap, rows": lambda texts: token_heatmap(GRID, texts, ["a", "b", "c"]),
    "token_heatmap, columns": lambda texts: token_heatmap(GRID, ["a", "b", "c"], texts),
    "SimilarityMatrix": lambda texts: SimilarityMatrix(GRID, PICTURES, texts),
    "AttentionExplorer": lambda texts: AttentionExplorer(GRID[None, None], texts),
}
NO_TEXTS = {
    "one string": ("dog", r"='dog' is one string; try a list: \['dog'\]"),
    "bytes": (b"dog", r"\[0\]=100 is of type int; give a string"),
    "None": ([*"ab", None], r"\[2\]=None is of type NoneType; give a string"),
    "a number": ([*"ab", 3], r"\[2\]=3 is of type int; give a string"),
    "bytes in a list": ([*"ab", b"c"], r"\[2\]=b'c' is of type bytes; give a string"),
    "a list in a list": ([*"ab", ["c"]], r"\[2\]=\['c'\] is of type list; give a string"),
    "half a character": ([*"ab", "\ud800"], r"\[2\]=.* holds half a character"),
    "nothing": ([], "is empty; at least one text is needed"),
    "no list": (7, "=7 is of type int; give a list of strings"),
    "an array of one": (np.array("dog"), "is of type ndarray; give a list of strings"),
}


@pytest.mark.parametrize("take", TAKE_TEXTS.values(), ids=TAKE_TEXTS)
@pytest.mark.parametrize(("texts", "said"), NO_TEXTS.values(), ids=NO_TEXTS)
def test_what_is_no_list_of_texts_is_refused(take, texts, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        take(texts)


@pytest.mark.parametrize("take", TAKE_TEXTS.values(), ids=TAKE_TEXTS)
def test_any_other_iterable_of_texts_is_taken(take):
    texts = ["a {} dog", "a {} cat", "one {}"]
    with plain_python():
        for several in (tuple(texts), np.array(texts), iter(texts), dict.fromkeys(texts)):
            take(several)


ONE_TEXT = {
    "encode": lambda text: Tokenizer().encode(text),
    "steps": lambda text: Tokenizer().steps(text),
    "split_words": split_words,
    "TokenizerExplorer": lambda text: TokenizerExplorer(Tokenizer(), text),
}


@pytest.mark.parametrize("take", ONE_TEXT.values(), ids=ONE_TEXT)
@pytest.mark.parametrize("text", [None, b"dog", ["dog"], 3], ids=repr)
def test_what_is_no_text_is_refused(take, text):
    with plain_python(), pytest.raises(ValueError, match="^text=.* is of type .*; give a string"):
        take(text)


HALVES = st.lists(st.characters(categories=["Cs"]) | st.text(max_size=3)).map("".join)


@given(HALVES)
def test_the_advice_for_half_a_character_makes_any_text_one_that_is_taken(text):
    try:
        Tokenizer().encode(text)
    except ValueError as error:
        mended = eval(str(error).partition("try ")[2], {"text": text})
        assert Tokenizer().decode(Tokenizer().encode(mended)) == mended


@pytest.mark.parametrize(
    ("text", "mended"),
    [("\ud83d\ude00!", "😀!"), ("\ude00\ud83d", "\ufffd\ufffd"), ("a\ud800", "a\ufffd")],
)
def test_two_halves_become_a_character_and_a_lone_one_becomes_the_replacement(text, mended):
    with pytest.raises(ValueError, match="lone surrogate") as caught:
        Tokenizer().encode(text)
    assert eval(str(caught.value).partition("try ")[2], {"text": text}) == mended
