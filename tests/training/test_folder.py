"""Pairs of one's own: what can be used is used, what can't is named."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from PIL import Image

from clipbook.image import Augmentation, Preprocessing, normalise, preprocess
from clipbook.pairs import CLIP
from clipbook.scenes import EXAMPLE, render
from clipbook.streams import stream
from clipbook.training import ShardBatches, TrainingConfig, pack_shards, read_shards, train
from clipbook.training.folder import FolderBatches, Pair, read_pairs
from clipbook.validation import LARGEST_SEED
from tests.plain import plain_python
from tests.tiny import clip, tokenizer


@pytest.fixture
def folder(tmp_path):
    """Eight pictures, one of them in a folder below, without a table."""
    (tmp_path / "more").mkdir()
    for k, (scene, _) in enumerate(EXAMPLE):
        render(scene, 40).save(tmp_path / ("more/7.png" if k == 7 else f"{k}.png"))
    return tmp_path


def csv_of(folder, *rows: str) -> None:
    (folder / "captions.csv").write_text("\n".join(["picture,caption", *rows]) + "\n", "utf-8")


def test_a_table_in_csv_and_one_in_jsonl_give_the_same_pairs(folder):
    csv_of(folder, "0.png,a star", 'more/7.png,"a ring, red"')
    by_csv, problems = read_pairs(folder)
    assert problems == []
    (folder / "captions.csv").unlink()
    rows = [("0.png", "a star"), ("more/7.png", "a ring, red")]
    text = "\n".join(json.dumps({"picture": p, "caption": c}) for p, c in rows)
    (folder / "captions.jsonl").write_text(text, "utf-8")
    assert read_pairs(folder) == (by_csv, [])
    assert [pair.caption for pair in by_csv] == ["a star", "a ring, red"]


def test_a_table_saved_by_a_spreadsheet_is_read(folder):
    text = "caption,picture,who\r\nein Stück,0.png,me\r\n"
    (folder / "captions.csv").write_bytes(text.encode("utf-8-sig"))
    pairs, problems = read_pairs(folder)
    assert ([pair.caption for pair in pairs], problems) == (["ein Stück"], [])


BAD = {
    "5.jpg,gone": "5.jpg is not there",
    "0.png,": "caption is ''; it must be a text",
    ",a star": "picture is ''",
    "0.png": "caption is None",
    "0.png,a star, red": "1 cells too many; put a caption with commas into quotation marks",
    "../outside.png,a star": r"../outside.png lies outside the folder",
    "notes.txt,a star": "notes.txt can't be read as a picture",
    "half.png,a star": "half.png can't be read as a picture",
    "more,a star": "more is not there as a file",
    "1.png,a ring": "1.png has stood there before, with the same caption",
}


@pytest.mark.parametrize(("row", "said"), BAD.items())
def test_a_row_that_cannot_be_used_is_named_and_the_others_stay(folder, row, said):
    (folder / "notes.txt").write_text("no picture")
    (folder / "half.png").write_bytes((folder / "0.png").read_bytes()[:90])
    Image.new("RGB", (9, 9)).save(folder.parent / "outside.png")
    csv_of(folder, "1.png,a ring", row, "2.png,a heart")
    pairs, (problem,) = read_pairs(folder)
    assert [pair.caption for pair in pairs] == ["a ring", "a heart"]
    assert problem.startswith("captions.csv, line 3: ")
    assert said in problem


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "no JSON"), ("[1]", "is no object"), ('{"picture": 1, "caption": "a"}', "picture is 1")],
)
def test_a_line_that_is_no_pair_is_named(folder, line, said):
    good = json.dumps({"picture": "0.png", "caption": "a star"})
    (folder / "captions.jsonl").write_text(f"{line}\n\n{good}\n", "utf-8")
    pairs, (problem,) = read_pairs(folder)
    assert len(pairs) == 1
    assert problem.startswith("captions.jsonl, line 1: ")
    assert said in problem


def test_another_encoding_is_named(folder):
    (folder / "captions.csv").write_bytes("picture,caption\n0.png,Stück\n".encode("latin-1"))
    assert "is not in UTF-8" in read_pairs(folder)[1][0]


def test_a_folder_without_a_table_and_a_table_without_columns_are_refused(folder):
    with pytest.raises(ValueError, match="no captions.csv; give it one of"):
        read_pairs(folder)
    (folder / "captions.csv").write_text("image,text\n0.png,a star\n")
    with pytest.raises(ValueError, match="name the columns picture and caption"):
        read_pairs(folder)


@pytest.fixture
def pairs(folder):
    names = [*(f"{k}.png" for k in range(7)), "more/7.png"]
    rows = [f'{name},"{caption}"' for name, (_, caption) in zip(names, EXAMPLE, strict=True)]
    csv_of(folder, *rows)
    return read_pairs(folder)[0]


def test_a_pass_shows_every_pair_once_and_the_next_in_another_order(pairs):
    batches = FolderBatches(pairs, tokenizer(), batch_size=2)
    first, second = (
        [tuple(ids) for k in ks for ids in batches[k][1].tolist()] for ks in (range(4), range(4, 8))
    )
    assert len(set(first)) == len(set(second)) == 8
    assert set(first) == set(second)
    assert first != second


def test_a_batch_depends_on_seed_and_number_alone(pairs):
    one, again, other = (FolderBatches(pairs, tokenizer(), 8, seed=s) for s in (1, 1, 2))
    one[0]
    assert torch.equal(one[5][0], again[5][0])
    assert not torch.equal(one[5][0], other[5][0])


def test_pictures_are_prepared_as_everywhere(pairs):
    pictures, _, _ = FolderBatches(pairs[:1], tokenizer(), batch_size=1)[0]
    assert torch.equal(normalise(pictures), preprocess(pairs[0].picture))


def test_a_batch_larger_than_the_folder_is_refused(pairs):
    with pytest.raises(ValueError, match="batch_size=9, but there are 8 pairs"):
        FolderBatches(pairs, tokenizer(), batch_size=9)


def test_what_is_no_list_of_pairs_is_refused(folder, pairs):
    for other in (read_pairs(folder), str(folder), [pair.caption for pair in pairs]):
        with (
            plain_python(),
            pytest.raises(ValueError, match=r"no list of pairs; try pairs, problems = read_pairs"),
        ):
            FolderBatches(other, tokenizer(), batch_size=1)


def test_training_takes_these_batches(pairs):
    batches = FolderBatches(pairs, tokenizer(), batch_size=4, image_size=16)
    config = TrainingConfig(steps=3, warmup_steps=1, snapshots=0)
    history = train(clip(), batches, config, workers=0, progress=False)
    assert len(history.loss) == 3


def test_own_pictures_are_changed_anew_in_every_batch_and_pass(pairs):
    plain = FolderBatches(pairs, tokenizer(), len(pairs), 16)
    changed = FolderBatches(pairs, tokenizer(), len(pairs), 16, augmentation=Augmentation())
    assert torch.equal(changed[0][0], changed[0][0])
    assert changed[0][0].shape == plain[0][0].shape
    assert not torch.equal(changed[0][0], plain[0][0])
    assert torch.equal(changed[0][1], plain[0][1])
    order = [changed[k][1].tolist() for k in (0, 1)]
    again = order[1].index(order[0][0])
    assert not torch.equal(changed[0][0][0], changed[1][0][again])


def test_another_augmentation_is_another_run(pairs):
    def identity(augmentation):
        return FolderBatches(
            pairs, tokenizer(), len(pairs), 16, augmentation=augmentation
        ).identity()

    assert "augmentation" not in identity(None)  # as runs from before there was one
    assert identity(Augmentation()) == identity(Augmentation())
    assert identity(Augmentation()) != identity(Augmentation(turn=1.0))
    assert identity(Augmentation())["augmentation"] == asdict(Augmentation())


def test_changes_are_drawn_by_seed_and_number_of_the_batch(pairs):
    draws = []

    def note(pictures, size, generator):
        draws.append(generator.integers(10**9))
        return pictures

    batches = FolderBatches(pairs, tokenizer(), 3, 16, seed=LARGEST_SEED)
    batches.augmentation = note
    batches[7]
    assert draws == [stream("changes of own pictures", LARGEST_SEED, 7).integers(10**9)]


def test_a_batch_is_its_part_of_the_order_that_a_pass_has(pairs):
    batches = FolderBatches(pairs, tokenizer(), batch_size=3, seed=5)
    order = stream("order of own pairs", 5, 1).permutation(8)  # two batches a pass, two pairs over
    for k, part in ((2, order[:3]), (3, order[3:6])):
        pictures, token_ids, _ = batches[k]
        expected = tokenizer().batch([pairs[i].caption for i in part])[0]
        assert torch.equal(token_ids, expected)
        assert torch.equal(normalise(pictures), preprocess([pairs[i].picture for i in part]))


def test_128_pairs_a_batch_from_seed_0_unless_told_otherwise(pairs):
    batches = FolderBatches(pairs * 16, tokenizer())
    assert (batches.batch_size, batches.image_size, batches.seed) == (128, 32, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch_size": 0}, "batch_size=0 is not a whole number from 1 to .*; try 64$"),
        ({"image_size": 0}, "image_size=0 is not a whole number from 1 to .*; try 32$"),
        ({"seed": -1}, "seed=-1 is not a whole number from 0 to .*; try 0$"),
        ({"seed": 10**18 + 1}, "seed=1000.* is not a whole number from 0 to .*; try 0$"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(pairs, change, said):
    with pytest.raises(ValueError, match=said):
        FolderBatches(pairs, tokenizer(), **({"batch_size": 8} | change))


def test_batches_say_of_what_kind_they_are(pairs):
    assert FolderBatches(pairs, tokenizer(), 8).identity()["kind"] == "FolderBatches"


def test_pictures_are_made_square_as_the_model_does(tmp_path):
    wide = Image.new("RGB", (64, 32))
    wide.paste("white", (0, 0, 16, 32))  # which a crop would lose
    wide.save(tmp_path / "0.png")
    csv_of(tmp_path, "0.png,a wall")
    pairs, _ = read_pairs(tmp_path)
    pack_shards(pairs, tmp_path / "shards")
    stretching = Preprocessing(fit="stretch")
    model = CLIP(replace(clip().config, preprocessing=stretching))
    seen = model.preprocess([wide])
    for make, given in (
        (FolderBatches, pairs),
        (ShardBatches, read_shards(tmp_path / "shards")[0]),
    ):
        batches = make(given, tokenizer(), 1, 16, fit="stretch")
        assert torch.equal(normalise(batches[0][0], stretching), seen)
        cropped = make(given, tokenizer(), 1, 16)
        assert "fit" not in cropped.identity() and cropped.identity() != batches.identity()
        with pytest.raises(
            ValueError, match="'crop', the model's by 'stretch'; give the batches f"
        ):
            train(model, cropped, TrainingConfig(steps=1), workers=0, progress=False)
        with pytest.raises(ValueError, match="fit='squash'; try crop or stretch"):
            make(given, tokenizer(), 1, 16, fit="squash")


def test_batches_keep_their_pairs_whatever_becomes_of_the_list(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    pairs = [Pair(tmp_path / "a.png", "a star")] * 4
    batches = FolderBatches(pairs, tokenizer(), 4, 16)
    first = batches[0]
    pairs.clear()
    assert all(map(torch.equal, batches[0], first))
