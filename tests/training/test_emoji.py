"""Batches of emoji: reproducible, without the artists and concepts that are kept back."""

import inspect
from dataclasses import replace

import pytest
import torch

from clipbook.emoji import ARTIST_NAMES, HELD_OUT, Captions
from clipbook.image import Augmentation
from clipbook.training import (
    PRESETS,
    EmojiBatches,
    TrainingConfig,
    train,
    train_emoji_tokenizer,
)
from clipbook.training import emoji as module
from clipbook.validation import LARGEST_SEED
from tests import tiny
from tests.plain import plain_python


def batches(**changes) -> EmojiBatches:
    return EmojiBatches(
        tiny.emoji(), tiny.tokenizer(), **({"batch_size": 5, "image_size": 16} | changes)
    )


def test_a_batch_depends_on_seed_and_number_alone():
    first, again, other = batches(seed=1), batches(seed=1), batches(seed=2)
    first[7]
    for part, same in zip(first[3], again[3], strict=True):
        assert torch.equal(part, same)
    assert not torch.equal(first[3][0], other[3][0])
    assert first[3][0].shape == (5, 16, 16, 3) and first[3][0].dtype == torch.uint8


def test_what_shipped_weights_saw_can_be_drawn_again(monkeypatch):
    """By purpose, seed and number; under another name the preset would show other pictures."""
    asked, plain = [], module.stream
    monkeypatch.setattr(module, "stream", lambda *key: asked.append(key) or plain(*key))
    small = batches(seed=5)
    small[9]
    epoch = 9 // (len(small.places) // 5)
    assert asked == [("order of emoji", 5, epoch), ("emoji", 5, 9)]
    assert batches(seed=LARGEST_SEED).seed == LARGEST_SEED
    asked.clear()
    monkeypatch.setattr(module.Tokenizer, "train", lambda texts, size: tiny.tokenizer())
    train_emoji_tokenizer(tiny.emoji())
    assert asked == [("tokenizer of emoji",)]


def test_captions_are_in_the_languages_asked_for(monkeypatch):
    asked = []

    def noting(concepts, languages):
        asked.append(languages)
        return Captions(concepts)

    monkeypatch.setattr(module, "Captions", noting)
    monkeypatch.setattr(module.Tokenizer, "train", lambda texts, size: tiny.tokenizer())
    batches(languages=("de", "fr"))
    train_emoji_tokenizer(tiny.emoji(), ("es",))
    assert asked == [("de", "fr"), ("es",)]


def test_sizes_that_nobody_names_are_those_of_the_preset():
    defaults = {k: v.default for k, v in inspect.signature(EmojiBatches).parameters.items()}
    preset = PRESETS["emoji"]
    assert defaults["batch_size"] == preset.batch_size
    assert defaults["image_size"] == preset.image.image_size
    assert defaults["left_out"] == preset.left_out


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("batch_size", 0, "try 256"),
        ("image_size", 2.5, "try 48"),
        ("seed", -1, "try 0"),
        ("seed", 2**70, "try 0"),
        ("artists_each", 0, "try 1"),
        ("multi_positive", "yes", "True"),
        ("augmentation", True, r"Augmentation\(\)"),
        ("left_out", "twemoji", r"try \('twemoji',\)"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name, value, remedy):
    with plain_python(), pytest.raises(ValueError, match=rf"^{name}=.*{remedy}"):
        batches(**{name: value})


def test_words_that_are_all_of_another_picture_are_true_of_it(monkeypatch):
    several = batches(multi_positive=True, batch_size=4)
    several.words = [{"round"}] * len(several.words)
    monkeypatch.setattr(
        several.captions, "draw_with_words", lambda place, generator: ("round", ("round",))
    )
    assert several[0][3].all()


def test_nothing_that_is_kept_back_is_shown_or_named():
    small = batches(left_out=("noto", "fluent"))
    shown = {row for rows in small.rows_of.values() for row in rows}
    artists = {ARTIST_NAMES[k] for k in tiny.emoji().artist_of[list(shown)].tolist()}
    assert artists == {"twemoji", "fxemoji"}  # never OpenMoji: its licence
    names = {tiny.emoji().names[k] for k in small.rows_of}
    assert not names & set(HELD_OUT) and "red heart" in names


def test_a_pass_shows_every_concept_at_most_once(monkeypatch):
    small, seen = batches(), []
    draw = lambda place, generator: seen.append(place) or ("x", ("x",))  # noqa: E731
    monkeypatch.setattr(small.captions, "draw_with_words", draw)
    in_a_pass = len(small.places) // 5
    for k in range(in_a_pass):
        small[k]
    assert len(seen) == len(set(seen)) == 5 * in_a_pass
    first = list(seen)
    for k in range(in_a_pass, 2 * in_a_pass):
        small[k]
    assert seen[len(first) :] != first


def test_a_concept_comes_by_several_artists_who_share_their_captions():
    two = batches(batch_size=6, artists_each=2, augmentation=None)
    two.captions.draw_with_words = lambda place, generator: (f"place {place}", ("x",))
    drawn = tiny.emoji().pictures[[row for rows in two.rows_of.values() for row in rows]]
    assert not all(torch.equal(drawn[0], other) for other in drawn), "nothing to tell apart"
    for k in range(8):
        pictures, ids, _, true = two[k]
        pairs = torch.eye(3, dtype=torch.bool).repeat_interleave(2, 0).repeat_interleave(2, 1)
        assert torch.equal(true, pairs)
        assert torch.equal(ids[0::2], ids[1::2]) and len(ids[0::2].unique(dim=0)) == 3
        for one, other in zip(pictures[0::2], pictures[1::2], strict=True):
            assert not torch.equal(one, other)


def test_no_more_artists_can_draw_a_concept_than_there_are():
    said = "artists_each=5, but 4 are left to learn from, noto, .*; try 4"
    with plain_python(), pytest.raises(ValueError, match=said):
        batches(artists_each=5, left_out=("twemoji", "fluent"))


def test_several_artists_must_fill_the_batch():
    with pytest.raises(ValueError, match="batch_size=5 is no multiple of artists_each=2; try 4"):
        batches(artists_each=2)


def test_without_augmentation_pictures_are_as_drawn():
    small = batches(augmentation=None, left_out=("noto", "fluent", "fxemoji"))
    pictures, *_ = small[0]
    corners = pictures[:, 0, 0]
    assert (corners == 255).all()
    assert torch.equal(small[0][0], batches(
        augmentation=None, left_out=("noto", "fluent", "fxemoji"))[0][0])  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"batch_size": 4},
        {"image_size": 24},
        {"left_out": ("noto",)},
        {"artists_each": 5},
        {"augmentation": None},
        {"augmentation": Augmentation(turn=1.0)},
    ],
    ids=str,
)
def test_the_identity_tells_runs_apart(change):
    assert batches().identity() == batches().identity()
    assert batches(**change).identity() != batches().identity()


def test_other_pictures_are_another_run(monkeypatch):
    before = batches().identity()
    other = tiny.emoji().pictures.clone()
    other[0, 32, 32, 0] ^= 1
    changed = batches()
    changed.emoji = type(changed.emoji)(
        changed.emoji.concepts, other, changed.emoji.concept_of, changed.emoji.artist_of
    )
    assert changed.identity()["pictures"] != before["pictures"]


def test_other_keywords_are_another_run():
    changed, plain = batches(), batches()
    first, *others = plain.emoji.concepts
    concepts = (replace(first, keywords=("other",)), *others)
    changed.emoji = type(plain.emoji)(
        concepts, plain.emoji.pictures, plain.emoji.concept_of, plain.emoji.artist_of
    )
    assert changed.identity()["concepts"] != plain.identity()["concepts"]


def test_nobody_left_to_learn_from_is_refused():
    with pytest.raises(ValueError, match="leaves no artist.*leave out fewer"):
        batches(left_out=tuple(ARTIST_NAMES))
    with pytest.raises(ValueError, match="'Picasso'; try twemoji"):
        batches(left_out=("Picasso",))
    with pytest.raises(ValueError, match="batch_size=500"):
        batches(batch_size=500)


def test_the_tokenizer_never_reads_a_held_out_name(monkeypatch):
    read = []
    sizes = []

    def noting(texts, size):
        read.extend(texts)
        sizes.append(size)
        return tiny.tokenizer()

    monkeypatch.setattr(module.Tokenizer, "train", noting)
    train_emoji_tokenizer(tiny.emoji())
    assert len(read) > 100 and sizes == [module.VOCABULARY]
    for name in ("green heart", "oncoming bus", "cat with tears of joy"):
        assert not any(name in text for text in read)


def test_labels_say_which_captions_are_true_of_which_pictures(monkeypatch):
    several = batches(multi_positive=True, batch_size=12)
    shown = []
    plain = several.captions.draw_with_words

    def noting(place, generator):
        shown.append((place, plain(place, generator)))
        return shown[-1][1]

    monkeypatch.setattr(several.captions, "draw_with_words", noting)
    more = 0
    for k in range(30):
        shown.clear()
        *_, true = several[k]
        for i, (place, _) in enumerate(shown):
            concept = several.emoji.concepts[place]
            for j, (_, (_, words)) in enumerate(shown):
                fits = set(words) <= {concept.name, *concept.keywords}
                assert true[i, j] == (fits or i == j)
        more += int(true.sum()) - len(shown)
    assert more > 0  # "red" fits the red heart and the red square


def test_a_run_takes_batches_with_several_true_captions():
    several = batches(multi_positive=True, batch_size=8, seed=3)
    assert several[0][-1].sum() > 8  # a caption fits two pictures
    model = tiny.clip(tiny.CNN)
    config = TrainingConfig(steps=2, warmup_steps=1)
    history = train(model, several, config, device="cpu", workers=0, progress=False)
    one = batches(batch_size=8, seed=3)  # the same pictures and captions
    plain = train(tiny.clip(tiny.CNN), one, config, device="cpu", workers=0, progress=False)
    assert abs(history.loss[0] - plain.loss[0]) > 1e-3
