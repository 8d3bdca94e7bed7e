"""Batch k is made from the seed and k alone."""

import numpy as np
import pytest
import torch

from clipbook.image import normalise, preprocess
from clipbook.scenes import render, sample, sample_pairs
from clipbook.streams import stream
from clipbook.text import Tokenizer, split_words
from clipbook.training import SceneBatches
from clipbook.training import data as module
from clipbook.training.data import draw, train_tokenizer
from clipbook.training.identity import identify_tokenizer
from clipbook.validation import LARGEST_SEED
from tests import tiny
from tests.plain import plain_python


def test_a_batch_holds_pictures_ids_and_a_mask():
    pictures, token_ids, mask = tiny.batches(batch_size=6)[0]
    assert (pictures.dtype, tuple(pictures.shape)) == (torch.uint8, (6, 16, 16, 3))
    assert (token_ids.dtype, tuple(token_ids.shape)) == (torch.int64, (6, 24))
    assert (mask.dtype, tuple(mask.shape)) == (torch.bool, (6, 24))


def same(first, second) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_batch_depends_on_the_seed_and_its_number_alone():
    forwards, backwards = tiny.batches(), tiny.batches()
    later = [backwards[k] for k in (7, 3)]
    assert same(forwards[3], later[1])
    assert same(forwards[7], later[0])
    assert not same(forwards[3], forwards[7])
    assert not same(forwards[3], tiny.batches(seed=1)[3])


def test_a_batch_is_what_sample_pairs_makes():
    for distinct in (True, False):
        batches = SceneBatches(tiny.tokenizer(), 64, 16, seed=5, twins=0.3, distinct=distinct)
        generator = stream("training", 5, 2)
        scenes, captions = sample_pairs(64, generator, twins=0.3, distinct=distinct)
        assert same(batches[2], (draw(scenes, 16), *tiny.tokenizer().batch(captions)))


def test_drawing_a_batch_is_preprocessing_its_pictures():
    scenes = sample(4, np.random.default_rng(0))
    expected = preprocess([render(scene, 16) for scene in scenes], 16)
    assert torch.equal(normalise(draw(scenes, 16)), expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch_size": 0}, "^batch_size=0 is not a whole number from 1 to .*; try 128$"),
        ({"image_size": 0}, "^image_size=0 is not a whole number from 8 to .*; try 32$"),
        ({"image_size": 4097}, "^image_size=4097 is not a whole number from 8 to 4,096; try 32$"),
        ({"seed": -1}, f"^seed=-1 is not a whole number from 0 to {LARGEST_SEED:,}; try 0$"),
        ({"seed": LARGEST_SEED + 1}, f"^seed=.* is not a whole number from 0 to {LARGEST_SEED:,};"),
        ({"twins": 1.5}, "^twins=1.5 is not a finite number from 0 to 1; try 0.6$"),
        ({"distinct": "no"}, "^distinct='no' is neither True nor False; try True$"),
    ],
)
def test_what_makes_no_batches_is_refused(change, said):
    with plain_python(), pytest.raises(ValueError, match=said):
        SceneBatches(tiny.tokenizer(), **change)


def test_the_identity_names_all_that_decides_the_batches():
    assert SceneBatches(tiny.tokenizer()).identity() == {
        "kind": "SceneBatches",
        "tokenizer": identify_tokenizer(tiny.tokenizer()),
        "batch_size": 128,
        "image_size": 32,
        "seed": 0,
        "twins": 0.6,
        "distinct": True,
    }
    assert draw(sample(2, np.random.default_rng(0))).shape == (2, 32, 32, 3)


def test_the_tokenizer_reads_captions_of_a_stream_of_its_own(monkeypatch):
    _, captions = sample_pairs(70, stream("tokenizer"), distinct=False)
    read = []
    monkeypatch.setattr(
        Tokenizer, "train", lambda texts, size: read.append((texts, size)) or tiny.tokenizer()
    )
    assert train_tokenizer(pairs=70, vocab_size=300) is tiny.tokenizer()
    monkeypatch.setattr(module, "sample_pairs", lambda pairs, *_, **__: ([], [f"{pairs} captions"]))
    train_tokenizer()
    assert read == [(captions, 300), (["5000 captions"], 512)]


@pytest.mark.slow
def test_every_word_of_the_world_is_one_token_and_every_caption_fits():
    tokenizer = train_tokenizer(pairs=3_000)
    generator = np.random.default_rng(1)
    _, seen = sample_pairs(200, generator, distinct=False)
    _, unseen = sample_pairs(200, generator, "held_out", distinct=False)
    for caption in seen + unseen:
        assert len(tokenizer.encode(caption)) == len(split_words(caption)), caption
    tokenizer.batch(seen + unseen, truncate=False)


def test_no_scenes_are_no_batch():
    with pytest.raises(ValueError, match="^scenes is empty; a batch needs at least one scene$"):
        draw([])
