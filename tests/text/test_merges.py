"""Merges learned with counts that are kept up to date are those that counting anew gives."""

import unicodedata
from collections import Counter
from itertools import islice, pairwise
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipbook.scenes import EXAMPLE
from clipbook.text import Tokenizer, split_words
from clipbook.text.merges import learn_merges, merge
from clipbook.text.tokenizer import FIRST_BYTE

FIRST_MERGE = FIRST_BYTE + 256
CAPTIONS = [caption for _, caption in EXAMPLE]
# Few letters make many pairs equally frequent, and runs of a letter overlap with themselves.
FEW_LETTERS = st.text("ab", max_size=12) | st.text("aab c", max_size=30)
MANY = st.lists(FEW_LETTERS | st.text(max_size=20), min_size=1, max_size=8)


def counted_anew(words: list[list[int]], times: list[int], first_id: int):
    """What `learn_merges` gives, the plain way: every merge counts all pairs of all words."""
    while True:
        pairs = Counter()
        for ids, occurrences in zip(words, times, strict=True):
            for pair in pairwise(ids):
                pairs[pair] += occurrences
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < 2:
            return
        yield best
        words = [merge(ids, best, first_id) for ids in words]
        first_id += 1


def trained_plainly(texts: list[str], most: int | None = None) -> list[tuple[int, int]]:
    counts = Counter(word for text in texts for word in split_words(text))
    words = [[FIRST_BYTE + byte for byte in word.encode()] for word in counts]
    return list(islice(counted_anew(words, list(counts.values()), FIRST_MERGE), most))


@given(MANY, st.integers(1, 3))
@settings(max_examples=300)
@example(["aaaaa", "aaa", "aaaa"], 2)
@example(["abab", "baba", "bb", "aa"], 3)
def test_merges_are_those_of_counting_anew(texts, repeats):
    texts = texts * repeats
    assert Tokenizer.train(texts, 10_000).merges == trained_plainly(texts)


@given(st.lists(st.tuples(st.lists(st.integers(0, 2), max_size=9), st.integers(1, 3)), max_size=9))
@settings(max_examples=300)
def test_ties_are_settled_as_by_counting_anew(words_and_times):
    words, times = [ids for ids, _ in words_and_times], [n for _, n in words_and_times]
    assert list(learn_merges(words, times, 3)) == list(counted_anew(words, times, 3))


def test_of_equally_frequent_pairs_the_one_with_smaller_ids_comes_first():
    assert list(learn_merges([[5, 1], [1, 5], [1, 4]], [2, 2, 2], 9)) == [(1, 4), (1, 5), (5, 1)]


def test_a_pair_that_a_merge_makes_rarer_waits_its_turn():
    # "bc" stands thrice, as "ab" does, but once "ab" is merged only the "bc" of the second word is
    # left, and "de", which stands twice, comes first.
    words, times = [[1, 2, 3], [2, 3], [4, 5]], [3, 1, 2]
    assert list(learn_merges(words, times, 9)) == [(2, 3), (1, 9), (4, 5)]
    words, times = [[1, 2, 3], [2, 3], [1, 2], [4, 5]], [3, 1, 2, 2]
    assert list(learn_merges(words, times, 9)) == [(1, 2), (9, 3), (4, 5)]


def test_the_words_given_are_not_changed():
    words = [[1, 2, 1, 2], [1, 2]]
    assert list(learn_merges(words, [1, 1], 9)) == [(1, 2)]
    assert words == [[1, 2, 1, 2], [1, 2]]


@pytest.mark.parametrize("size", [259, 260, 300, 10_000])
def test_captions_give_the_first_merges_of_counting_anew(size):
    assert Tokenizer.train(CAPTIONS, size).merges == trained_plainly(CAPTIONS, size - FIRST_MERGE)


@pytest.mark.slow
@pytest.mark.alone
def test_three_thousand_tokens_of_ten_thousand_names_take_seconds():
    named = (unicodedata.name(character, "") for character in map(chr, range(0x20000)))
    names = [name.lower() for name in named if name and not name.startswith("CJK")][-10_000:]
    start = process_time()
    tokenizer = Tokenizer.train(names, vocab_size=3_000)
    assert (len(names), tokenizer.vocab_size) == (10_000, 3_000)
    assert process_time() - start < 5  # counting anew takes a minute or two
