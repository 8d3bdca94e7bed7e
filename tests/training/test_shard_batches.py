"""Batches from shards: each pair once a pass, the same after a stop, each process its own."""

import inspect
import json
import pickle
import shutil
from contextlib import suppress
from dataclasses import asdict
from itertools import pairwise

import pytest
import torch
from torch.utils.data import DataLoader

from clipbook.image import Augmentation
from clipbook.scenes import render, sample_pairs
from clipbook.streams import stream
from clipbook.text import Tokenizer
from clipbook.training import (
    PRESETS,
    FolderBatches,
    ShardBatches,
    TrainingConfig,
    index_shards,
    pack_shards,
    processes,
    read_pairs,
    read_shards,
    shard_batches,
    train,
)
from clipbook.training import shards as shards_module
from clipbook.training.shards import captions_tokenizer, first_pairs
from clipbook.validation import LARGEST_SEED
from tests.plain import plain_python
from tests.tiny import clip, tokenizer

PAIRS, EACH = 24, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pairs with captions that differ, packed into six shards."""
    home = tmp_path_factory.mktemp("pairs")
    scenes, _ = sample_pairs(PAIRS, stream("tests of shards"))
    rows = []
    for k, scene in enumerate(scenes):
        render(scene, 20).save(home / f"{k}.png")
        rows.append(json.dumps({"picture": f"{k}.png", "caption": f"number {k}"}))
    (home / "captions.jsonl").write_text("\n".join(rows), "utf-8")
    pack_shards(read_pairs(home)[0], home / "shards", EACH)
    return home


@pytest.fixture
def shards(folder):
    return read_shards(folder / "shards")[0]


def batches(shards, size: int = 4, image_size: int = 16, **options) -> ShardBatches:
    return ShardBatches(shards, tokenizer(), size, image_size, **options)


def shown(batches: ShardBatches, *numbers: int) -> list[int]:
    """Which pairs those batches hold."""
    ids = [row for k in numbers for row in batches[k][1]]
    return [int(tokenizer().decode(row.tolist()).split()[-1]) for row in ids]


def as_process(monkeypatch, number: int, count: int) -> None:
    monkeypatch.setattr(processes, "count", lambda: count)
    monkeypatch.setattr(processes, "number", lambda: number)


def test_a_pass_shows_every_pair_once_and_the_next_in_another_order(shards):
    stream_of = batches(shards)
    first, second = shown(stream_of, *range(6)), shown(stream_of, *range(6, 12))
    assert sorted(first) == sorted(second) == list(range(PAIRS))
    assert first != second


def test_pairs_that_do_not_fill_a_batch_are_left_out_of_a_pass(shards):
    stream_of = batches(shards, 5)
    for first in (0, 4, 8):
        assert len(set(shown(stream_of, *range(first, first + 4)))) == 20


def test_a_buffer_of_one_leaves_each_file_in_its_order_and_a_larger_one_mixes_them(shards):
    plain = torch.tensor(shown(batches(shards, buffer=1), *range(6))).view(-1, EACH)
    assert torch.equal(plain, plain[:, :1] + torch.arange(EACH))
    assert plain[:, 0].tolist() != sorted(plain[:, 0].tolist())  # the files themselves are mixed
    mixed = torch.tensor(shown(batches(shards, buffer=12), *range(6))).view(-1, EACH)
    assert len({k // EACH for k in mixed[0].tolist()}) > 1


def test_no_more_pairs_than_the_buffer_holds_are_read_ahead(shards, monkeypatch):
    read, usable = [], shard_batches.usable

    def counted(shard):
        for sample in usable(shard):
            read.append(sample)
            yield sample

    monkeypatch.setattr(shard_batches, "usable", counted)
    stream_of = batches(shards, buffer=7)
    for k in range(5):
        stream_of[k]
        assert len(read) <= (k + 1) * 4 + 7


def test_the_buffer_is_full_before_a_pair_leaves_it(shards, monkeypatch):
    read, sample = [], next(shard_batches.usable(shards[0]))

    def many(shard):
        for k in range(200):
            read.append(k)
            yield sample

    monkeypatch.setattr(shard_batches, "usable", many)
    batches(shards, buffer=150)[0]
    assert 150 <= len(read) <= 154


def test_shards_and_buffer_are_drawn_by_seed_and_pass_and_the_buffer_by_process(
    shards, monkeypatch
):
    drawn = set()

    def note(purpose, *numbers):
        drawn.add((purpose, *numbers))
        return stream(purpose, *numbers)

    monkeypatch.setattr(shard_batches, "stream", note)
    as_process(monkeypatch, 1, 2)
    batches(shards, seed=3)[7]  # six batches a pass
    assert {("order of own shards", 3, 1), ("buffer of own shards", 3, 3)} <= drawn


def test_a_batch_depends_on_seed_and_number_alone(shards):
    one, other = batches(shards, buffer=9, seed=1), batches(shards, buffer=9, seed=2)
    in_order = [one[k] for k in range(14)]
    again = batches(shards, buffer=9, seed=1)
    for k in (13, 2, 3, 3, 9, 0, 5):
        assert all(map(torch.equal, again[k], in_order[k])), k
    assert shown(one, *range(6)) != shown(other, *range(6))


def test_a_run_that_goes_on_decodes_nothing_that_it_had_seen(shards, monkeypatch):
    decoded, decode = [], shard_batches.picture_and_caption
    monkeypatch.setattr(
        shard_batches, "picture_and_caption", lambda one: decoded.append(one) or decode(one)
    )
    batches(shards)[9]
    assert len(decoded) == 4


@pytest.mark.parametrize("count", [2, 3])
def test_processes_share_a_pass_and_no_pair_is_in_two_of_them(shards, monkeypatch, count):
    seen = []
    for number in range(count):
        as_process(monkeypatch, number, count)
        own = batches(shards, 6)
        assert len(own[0][0]) == 6 // count
        seen += shown(own, *range(4))
    assert sorted(seen) == list(range(PAIRS))


def test_processes_with_unequal_shards_end_each_pass_together(folder, tmp_path, monkeypatch):
    pack_shards(read_pairs(folder)[0], tmp_path, 5)  # 5, 5, 5, 5 and 4
    shards = read_shards(tmp_path)[0]
    seen, starts = [], []
    for number in range(2):
        as_process(monkeypatch, number, 2)
        own = batches(shards, 4)
        seen.append([shown(own, k) for k in range(30)])
        starts.append(own._starts)
    assert starts[0] == starts[1] and len({b - a for a, b in pairwise(starts[0])}) > 1
    for first, last in pairwise(starts[0]):
        whole = [pair for one in seen for batch in one[first:last] for pair in batch]
        assert len(set(whole)) == len(whole) == 4 * (min(last, 30) - first)


def test_sizes_that_nobody_names_are_those_of_a_folder():
    ours, folders = (inspect.signature(kind).parameters for kind in (ShardBatches, FolderBatches))
    for name in ("batch_size", "image_size"):
        assert ours[name].default == folders[name].default


def test_pictures_are_prepared_as_those_of_a_folder(folder, shards):
    pairs = read_pairs(folder)[0]
    numbers = shown(batches(shards), 0)
    whole, _, _ = FolderBatches(pairs, tokenizer(), len(pairs), 16)[0]
    order = stream("order of own pairs", 0, 0).permutation(len(pairs)).tolist()
    for picture, number in zip(batches(shards)[0][0], numbers, strict=True):
        assert torch.equal(picture, whole[order.index(number)])


def test_changes_are_drawn_by_seed_batch_and_process(shards, monkeypatch):
    draws = []

    def note(pictures, size, generator):
        assert size == 16
        draws.append(generator.integers(10**9))
        return pictures

    for number, count in ((0, 1), (0, 2), (1, 2)):
        as_process(monkeypatch, number, count)
        stream_of = batches(shards, seed=3)
        stream_of.augmentation = note
        stream_of[5]
    purpose = "changes of shards"
    assert draws == [stream(purpose, 3, k).integers(10**9) for k in (5, 10, 11)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_processes_that_make_batches_ahead_make_the_same(shards, workers):
    whole = batches(shards)
    expected = [whole[k][1] for k in range(2, 9)]
    loader = DataLoader(whole, batch_size=None, sampler=range(2, 9), num_workers=workers)
    found = [token_ids for _, token_ids, _ in loader]
    assert all(map(torch.equal, found, expected))


def test_a_copy_for_another_process_holds_no_open_file(shards):
    stream_of = batches(shards)
    stream_of[3]
    copy = pickle.loads(pickle.dumps(stream_of))
    assert torch.equal(copy[4][1], stream_of[4][1])
    assert torch.equal(pickle.loads(pickle.dumps(stream_of))[10][1], stream_of[10][1])


def test_a_pair_that_has_gone_bad_is_named_with_the_remedy(folder, tmp_path):
    pack_shards(read_pairs(folder)[0], tmp_path, 12)
    path = tmp_path / "pairs-000001.tar"
    whole = path.read_bytes()
    start = whole.index(b"\x89PNG", whole.index(b"000000015.png"))
    path.write_bytes(whole[:start] + bytes(60) + whole[start + 60 :])
    shards = read_shards(tmp_path)[0]
    stream_of = batches(shards, 24)
    remedy = f"could be read when index.json was made: .* --index {tmp_path}"
    with pytest.raises(ValueError, match=f"pairs-000001.tar, 000000015: its .png .*; it {remedy}"):
        stream_of[0]
    problems = index_shards(tmp_path)
    assert len(problems) == 1
    left = batches(read_shards(tmp_path)[0], 23)
    assert sorted(shown(left, 0)) == [k for k in range(24) if k != 15]


def test_shards_with_fewer_pairs_than_the_index_counts_are_refused(shards):
    object.__setattr__(shards[0], "pairs", 40)
    stream_of = batches(shards, 40)
    for _ in range(2):
        with pytest.raises(
            ValueError, match="pass 0 ends before batch 0, though index.json counts"
        ):
            stream_of[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": 0}, "batch_size=0 is not a whole number from 1 to .*; try 64$"),
        ({"seed": -1}, "seed=-1 is not a whole number from 0 to .*; try 0$"),
        ({"seed": LARGEST_SEED + 1}, f"is not a whole number from 0 to {LARGEST_SEED:,}; try 0$"),
        ({"image_size": 0}, "image_size=0 is not a whole number from 1 to .*; try 32$"),
        ({"buffer": 0}, "buffer=0 is not a whole number from 1 to .*; try 1000$"),
        (
            {"size": 25},
            "batch_size=25, of which each of 1 processes makes 25 pairs, but .* 24 pairs",
        ),
    ],
)
def test_numbers_that_make_no_sense_are_refused(shards, change, said):
    with pytest.raises(ValueError, match=said):
        batches(shards, **change)


def test_what_is_no_list_of_shards_is_refused(folder, shards):
    for other in ([], read_shards(folder / "shards"), ["a.tar"]):
        with plain_python(), pytest.raises(ValueError, match="shards, problems = read_shards"):
            batches(other)
        with plain_python(), pytest.raises(ValueError, match="shards, problems = read_shards"):
            PRESETS["cpu"].build(shards=other)
    with plain_python(), pytest.raises(ValueError, match="is no list of shards, one at least"):
        PRESETS["cpu"].build(shards=folder / "shards")


def test_more_processes_than_shards_and_odd_shares_are_refused(shards, monkeypatch):
    as_process(monkeypatch, 0, 7)
    with pytest.raises(ValueError, match="of 7 processes makes 1 pairs, .* with 0 pairs only"):
        batches(shards, 7)
    with pytest.raises(ValueError, match="8 pairs can't be shared by 7 processes; make its size a"):
        batches(shards, 8)


def test_the_identity_is_what_decides_the_batches(folder, tmp_path, shards, monkeypatch):
    known = batches(shards).identity()
    pack_shards(read_pairs(folder)[0], tmp_path, EACH)
    assert batches(read_shards(tmp_path)[0]).identity() == known  # wherever it lies
    json.dumps(known)
    others = [
        batches(shards, seed=1), batches(shards, 5), batches(shards, buffer=3), batches(shards[1:]),
        batches(shards, augmentation=Augmentation()),
        ShardBatches(shards, captions_tokenizer(shards), 4, 16),
        ShardBatches(shards, tokenizer(), 4, 17),
    ]  # fmt: skip
    said = [json.dumps(other.identity()) for other in others]
    assert len({json.dumps(known), *said}) == 1 + len(others)
    assert others[4].identity()["augmentation"] == asdict(Augmentation())
    as_process(monkeypatch, 1, 2)
    assert batches(shards).identity() == known  # the run says how many processes there are


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(shards, tmp_path, monkeypatch):
    config = TrainingConfig(steps=9, warmup_steps=1, checkpoint_every=4, snapshots=0)
    kept = []
    for stop in (99, 5):
        folder = tmp_path / str(stop)
        with monkeypatch.context() as patched, suppress(ZeroDivisionError):
            read = ShardBatches.__getitem__
            ending = lambda self, k: read(self, k) if k < stop else 1 / 0  # noqa: B023, E731
            patched.setattr(ShardBatches, "__getitem__", ending)
            train(clip(), batches(shards), config, folder=folder, workers=0, progress=False)
        model = clip()
        train(model, batches(shards), config, folder=folder, workers=0, progress=False)
        kept.append(model.state_dict())
    assert all(torch.equal(value, kept[1][name]) for name, value in kept[0].items())


def test_the_tokenizer_knows_the_captions_and_the_example_is_the_first_pairs(shards, monkeypatch):
    own = captions_tokenizer(shards, captions=3)
    assert own.decode(own.encode("number 2")) == "number 2"
    assert len(own.encode("number")) < len(tokenizer().encode("number"))
    read = []
    monkeypatch.setattr(
        Tokenizer, "train", lambda texts, size: read.append((list(texts), size)) or tokenizer()
    )
    captions_tokenizer(shards, 2, 300)
    monkeypatch.setattr(shards_module, "caption_of", lambda one: "text")
    monkeypatch.setattr(shards_module, "usable", lambda shard: [{}] * 9_000)
    captions_tokenizer(shards)
    assert read == [(["number 0", "number 1"], 300), (["text"] * 5_000, 2_000)]
    monkeypatch.undo()
    pictures, token_ids, _ = first_pairs(shards, 5, tokenizer(), 16)
    assert pictures.shape == (5, 16, 16, 3)
    texts = [tokenizer().decode(row.tolist()) for row in token_ids]
    assert texts == [f"number {k}" for k in range(5)]
    assert len(first_pairs(shards, 99, tokenizer(), 16)[0]) == PAIRS


def test_a_shard_that_broke_says_so_each_time_it_is_asked(folder, tmp_path):
    shutil.copytree(folder / "shards", tmp_path / "s")
    own = read_shards(tmp_path / "s")[0]
    for shard in own:
        shard.path.write_bytes(shard.path.read_bytes()[:700])
    broken = batches(own, buffer=1)
    for _ in range(2):
        with pytest.raises(ValueError, match="can't be read to its end .*; get it anew"):
            [broken[k] for k in range(6)]
