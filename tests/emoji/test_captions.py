"""Captions are true of their emoji and never name one that was held out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from clipbook.emoji import HELD_OUT, Captions, with_article
from clipbook.emoji.captions import TEMPLATES, may_be_mirrored
from tests import tiny
from tests.plain import plain_python


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dog face", "a dog face"),
        ("octopus", "an octopus"),
        ("apple", "an apple"),
        ("two hearts", "two hearts"),
        ("glasses", "glasses"),
        ("people hugging", "people hugging"),
        ("no smoking", "no smoking"),
    ],
)
def test_a_name_gets_its_article(name, said):
    assert with_article(name) == said


def test_a_caption_holds_the_name_or_keywords_and_nothing_else():
    small = tiny.emoji()
    captions, generator = Captions(small.concepts), np.random.default_rng(0)
    for place, concept in enumerate(small.concepts):
        for _ in range(20):
            caption = captions.draw(place, generator)
            template = next(t for t in reversed(TEMPLATES) if caption.startswith(t[: -len("{}")]))
            parts = set(caption.removeprefix(template[: -len("{}")]).split(", "))
            assert parts <= {concept.name, with_article(concept.name), *concept.keywords}


def test_every_kind_of_caption_comes():
    captions, generator = Captions(tiny.emoji().concepts), np.random.default_rng(1)
    place = tiny.emoji().place("cat with tears of joy")
    drawn = {captions.draw(place, generator) for _ in range(300)}
    assert "cat with tears of joy" in drawn and "a picture of a cat with tears of joy" in drawn
    assert any("joy, " in caption or ", tears" in caption for caption in drawn)
    assert any("cat with" not in caption for caption in drawn)


def test_most_captions_are_the_name_alone_and_single_keywords_come_often():
    """What is asked for is mostly a name, or one word."""
    captions, generator = Captions(tiny.emoji().concepts), np.random.default_rng(3)
    place = tiny.emoji().place("cat with tears of joy")
    words = [captions.draw_with_words(place, generator)[1] for _ in range(1_000)]
    name = sum(w == ("cat with tears of joy",) for w in words)
    single = sum(len(w) == 1 for w in words) - name
    assert 550 < name < 650 and 100 < single < 200


def test_directions_are_not_mirrored():
    small = tiny.emoji()
    mirrored = {c.name for c in small.concepts if may_be_mirrored(c)}
    assert "dog face" in mirrored
    assert not mirrored & {"left arrow", "four o'clock", "last quarter moon face"}
    assert not mirrored & {name for name in HELD_OUT if "arrow" in name or "clock" in name}


def test_names_come_in_all_languages_that_are_asked_for():
    small = tiny.emoji()
    concepts = tuple(replace(c, names={**c.names, "de": f"DE {c.name}"}) for c in small.concepts)
    captions, generator = Captions(concepts, ("en", "de")), np.random.default_rng(0)
    drawn = [captions.draw(k, generator) for k in range(len(concepts)) for _ in range(10)]
    german = sum(caption.startswith("DE ") for caption in drawn)
    assert 0.35 < german / len(drawn) < 0.65
    with pytest.raises(ValueError, match="not every emoji has a name in 'xx'; try de or en"):
        Captions(concepts, ("xx",))


def test_the_words_of_a_caption_are_those_in_it():
    captions, generator = Captions(tiny.emoji().concepts), np.random.default_rng(2)
    for place in range(10):
        caption, words = captions.draw_with_words(place, generator)
        assert all(word in caption for word in words)


@pytest.mark.parametrize("languages", [(), [], "en"])
def test_languages_are_a_list_of_one_at_least(languages):
    with plain_python(), pytest.raises(ValueError, match="languages=.*; give one at least: try"):
        Captions(tiny.emoji().concepts, languages)


@pytest.mark.parametrize("generator", [0, None, torch.Generator(), np.random])
def test_captions_are_drawn_from_a_generator_of_numpys(generator):
    captions = Captions(tiny.emoji().concepts)
    for draw in (captions.draw, captions.draw_with_words):
        with plain_python(), pytest.raises(TypeError, match=r"try clipbook.streams.stream\("):
            draw(0, generator)


@pytest.mark.parametrize("name", ["", None, 5])
def test_no_name_has_no_article(name):
    with plain_python(), pytest.raises(ValueError, match="names nothing; try 'dog face'"):
        with_article(name)


@pytest.mark.parametrize("place", [-1, 5, 1.0, None, "dog face"])
def test_a_place_outside_the_concepts_is_refused(place):
    captions = Captions(tiny.emoji().concepts[:5])
    said = "^place=.* is not a whole number from 0 to 4; try 0$"
    for draw in (captions.draw, captions.draw_with_words):
        with plain_python(), pytest.raises(ValueError, match=said):
            draw(place, np.random.default_rng(0))
