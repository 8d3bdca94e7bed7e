"""A folder of pairs becomes shards that others' readers take; what can't be used is named."""

import gc
import io
import json
import re
import sys
import tarfile
import warnings

import pytest
import webdataset
from PIL import Image

from clipbook.image.reading import open_picture
from clipbook.scenes import EXAMPLE, render
from clipbook.streams import stream
from clipbook.training import index_shards, pack, pack_shards, packing, read_pairs, read_shards
from clipbook.training.folder import Pair
from clipbook.training.pack import main
from clipbook.training.shards import Shard, picture_and_caption, samples, usable
from tests.plain import plain_python


@pytest.fixture
def folder(tmp_path):
    """Eight pictures with a table."""
    home = tmp_path / "pairs"
    home.mkdir()
    rows = ["picture,caption"]
    for k, (scene, caption) in enumerate(EXAMPLE):
        render(scene, 24).save(home / f"{k}.png")
        rows.append(f'{k}.png,"{caption}"')
    (home / "captions.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return home


@pytest.fixture
def pairs(folder):
    return read_pairs(folder)[0]


def shard_of(folder, *samples: dict[str, bytes | None], name: str = "a.tar") -> None:
    """A tar file with samples of these files by ending, as another program might write it."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / name, "w") as tar:
        for k, files in enumerate(samples):
            for ending, data in files.items():
                about = tarfile.TarInfo(f"{k:03d}.{ending}")
                about.size = len(data)
                tar.addfile(about, io.BytesIO(data))


def png(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 9), colour).save(file, "PNG")
    return file.getvalue()


def test_pairs_come_back_in_order_with_their_pixels_and_captions(tmp_path, pairs):
    assert pack_shards(pairs, tmp_path / "s", 3) == []
    shards, problems = read_shards(tmp_path / "s")
    assert ([shard.pairs for shard in shards], problems) == ([3, 3, 2], [])
    found = [picture_and_caption(sample) for shard in shards for sample in usable(shard)]
    assert [caption for _, caption in found] == [pair.caption for pair in pairs]
    for (picture, _), pair in zip(found, pairs, strict=True):
        assert picture.tobytes() == open_picture(pair.picture).tobytes()


def test_webdatasets_own_loader_reads_them(tmp_path, pairs):
    pack_shards(pairs, tmp_path, 5)
    paths = [str(path) for path in sorted(tmp_path.glob("*.tar"))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its files open
        whole = webdataset.WebDataset(paths, shardshuffle=False).decode("pilrgb")
        found = [text for _, text in whole.to_tuple("png", "txt")]
        del whole
        gc.collect()
    assert found == [pair.caption for pair in pairs]


def test_the_same_pairs_make_the_same_bytes(tmp_path, pairs):
    for name in ("one", "two"):
        pack_shards(pairs, tmp_path / name, 5)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two
    assert sorted(one) == ["index.json", "pairs-000000.tar", "pairs-000001.tar"]


def test_a_picture_of_an_ending_that_shards_lack_goes_in_as_png(tmp_path):
    Image.new("RGB", (5, 7), (1, 2, 3)).save(tmp_path / "a.ppm")
    (tmp_path / "b").write_bytes(png())
    pack_shards([Pair(tmp_path / "a.ppm", "x"), Pair(tmp_path / "b", "y")], tmp_path / "s")
    (shard,) = read_shards(tmp_path / "s")[0]
    first, second = samples(shard.path)
    assert {"png", "txt"} <= first.keys() and {"png", "txt"} <= second.keys()
    assert picture_and_caption(first)[0].getpixel((0, 0)) == (1, 2, 3)


def test_a_picture_of_an_ending_that_shards_have_goes_in_as_it_is(tmp_path):
    Image.new("RGB", (5, 7)).save(tmp_path / "a.JPG")
    Image.new("RGB", (5, 7)).save(tmp_path / "b.ppm")
    pack_shards([Pair(tmp_path / "a.JPG", "x"), Pair(tmp_path / "b.ppm", "y")], tmp_path / "s")
    with tarfile.open(tmp_path / "s/pairs-000000.tar") as tar:
        jpg, _, png, _ = tar.getmembers()
        assert (jpg.name, png.name) == ("000000000.jpg", "000000001.png")
        assert tar.extractfile(jpg).read() == (tmp_path / "a.JPG").read_bytes()


def test_a_shard_holds_1000_pairs_unless_told_otherwise_and_folders_are_made(tmp_path, pairs):
    pack_shards(pairs[:1] * 1_001, tmp_path / "a/b")
    assert [shard.pairs for shard in read_shards(tmp_path / "a/b")[0]] == [1_000, 1]


def test_a_folder_with_shards_and_no_pairs_at_all_are_refused(tmp_path, pairs):
    pack_shards(pairs, tmp_path)
    with pytest.raises(ValueError, match="holds pairs-000000.tar already; give another folder"):
        pack_shards(pairs, tmp_path)
    with pytest.raises(ValueError, match="no pairs to pack into .*; look at what read_pairs says"):
        pack_shards([], tmp_path / "s")
    with pytest.raises(
        ValueError, match="pairs_each=0 is not a whole number from 1 to .*; try 1000$"
    ):
        pack_shards(pairs, tmp_path / "s", 0)
    with pytest.raises(ValueError, match=r"holds no shard, a file \*.tar; pack one"):
        index_shards(tmp_path.parent)


GOOD = {"png": png(), "txt": b"a star"}
BAD = {
    "has no caption, .txt; it has .png": {"png": png()},
    "has no caption, .txt; it has .cls, .png": {"png": png(), "cls": b"7"},
    "has no picture, such as .jpg or .png; it has .txt": {"txt": b"a star"},
    "its .png can't be read as a picture": GOOD | {"png": png()[:40]},
    "caption '' is": GOOD | {"txt": b" \n"},
    "is not in UTF-8": GOOD | {"txt": "Stück".encode("latin-1")},
}


@pytest.mark.parametrize(("said", "bad"), BAD.items())
def test_a_pair_that_cannot_be_used_is_named_and_the_others_stay(tmp_path, said, bad):
    last = GOOD | {"txt": "\ufeffzwei Stück\n".encode()}
    shard_of(tmp_path, GOOD, bad, last | {"json": b"{}"})
    (problem,) = index_shards(tmp_path)
    assert problem.startswith("a.tar, 001: ")
    assert said.replace("caption '' is", "caption is ''") in problem
    (shard,), problems = read_shards(tmp_path)
    assert (shard.pairs, problems) == (2, [problem])
    assert [picture_and_caption(one)[1] for one in usable(shard)] == ["a star", "zwei Stück"]


def test_a_shard_that_ends_too_early_is_named_and_the_others_stay(tmp_path):
    for name in ("a.tar", "b.tar", "c.tar"):
        shard_of(tmp_path, GOOD, GOOD, name=name)
    whole = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(whole[:1700])
    (tmp_path / "c.tar").write_bytes(b"no tar file at all" * 100)
    first, second = index_shards(tmp_path)
    assert first.startswith("b.tar can't be read to its end (unexpected end of data")
    assert second.startswith("c.tar can't be read to its end (") and "header" in second
    assert "get it anew" in first
    assert [shard.path.name for shard in read_shards(tmp_path)[0]] == ["a.tar"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no index of shards"),
        ("[]", "is no index of shards"),
        ('{"shards": {}}', "is no index of shards .*format"),
        ('{"format": 9, "shards": {}}', r"format 9, not 1\); make it anew: python -m clipbook"),
        ('{"format": 1, "shards": {"a.tar": {}}}', "is no index of shards .*bytes"),
        ('{"format": 1, "shards": 7}', "is no index of shards"),
        ("[" * 100_000, "is no index of shards .*nested too deeply"),
        ('{"format": 1, "format": 1, "shards": {}}', "stands in one object twice"),
    ],
)
def test_what_is_no_index_is_refused(tmp_path, text, said):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_shards(tmp_path)


def test_shards_of_another_index_or_of_none_are_refused(tmp_path):
    shard_of(tmp_path, GOOD)
    with pytest.raises(
        ValueError, match=r"holds no index.json of its shards; make it anew: .* --i"
    ):
        read_shards(tmp_path)
    index_shards(tmp_path)
    shard_of(tmp_path, *[GOOD] * 99)
    with pytest.raises(
        ValueError, match=r"a.tar has [\d,]+ bytes, not 10,240, so index.json is of"
    ):
        read_shards(tmp_path)
    (tmp_path / "a.tar").unlink()
    with pytest.raises(ValueError, match="a.tar is not there, so index.json is of other shards"):
        read_shards(tmp_path)


def test_without_webdataset_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    shard_of(tmp_path, GOOD)
    monkeypatch.setitem(sys.modules, "webdataset.tariterators", None)
    with pytest.raises(ModuleNotFoundError, match="read with webdataset: pip install webdataset"):
        index_shards(tmp_path)


def test_the_command_packs_a_folder_and_names_what_is_left_out(tmp_path, folder, capsys):
    with (folder / "captions.csv").open("a") as table:
        table.write("9.png,a ghost\n")
    assert main([str(folder), str(tmp_path / "s"), "--pairs-each", "3"]) == 0
    problem, summary = capsys.readouterr().out.splitlines()
    assert problem.startswith("captions.csv, line 10: 9.png is not there")
    assert summary == "8 pairs in 3 shards"
    found = [
        picture_and_caption(sample)[1]
        for shard in read_shards(tmp_path / "s")[0]
        for sample in usable(shard)
    ]
    in_order = [caption for _, caption in EXAMPLE]
    order = stream("order of packed pairs").permutation(len(in_order))
    assert found == [in_order[k] for k in order] != in_order


def test_the_command_makes_the_index_of_shards_that_are_there(tmp_path, capsys):
    shard_of(tmp_path, GOOD, {"txt": b"alone"})
    assert main(["--index", str(tmp_path)]) == 0
    problem, summary = capsys.readouterr().out.splitlines()
    assert problem.startswith("a.tar, 001: has no picture")
    assert summary == "1 pairs in 1 shards"
    assert json.loads((tmp_path / "index.json").read_text())["shards"]["a.tar"]["pairs"] == 1


@pytest.mark.parametrize("arguments", [["s"], ["--index", "p", "s"]])
def test_the_command_says_what_it_takes(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    said = "error: give a folder of pairs and one for the shards, or --index and the latter\n"
    assert said in capsys.readouterr().err


def test_the_command_explains_itself(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: python -m clipbook.training.pack [-h]")
    assert pack.__doc__.strip() in shown
    for argument, means in {
        "folder": "with captions.csv or captions.jsonl",
        "shards": "folder of the shards",
        "--index": "the shards are there already",
        "--pairs-each PAIRS_EACH": "in a shard; 1,000 by default",
    }.items():
        assert re.search(rf"^  {argument}\s+{means}$", shown, re.M), argument


def test_the_command_ends_in_a_sentence_where_nothing_can_be_packed(tmp_path, capsys):
    assert main([str(tmp_path), str(tmp_path / "s")]) == 1
    assert "holds no captions.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("bytes", "12", "bytes='12' is not a whole number from 1 on"),
        ("bytes", None, "bytes=None is not"),
        ("pairs", "4", "pairs='4' is not a whole number from 0 on"),
        ("pairs", 1.5, "pairs=1.5 is not"),
        ("pairs", -1, "pairs=-1 is not"),
        ("pairs", True, "pairs=True is not"),
        ("sha256", 5, "5 is no text"),
        ("left out", {"0": None}, "None is no text"),
        ("left out", {"first": "it is bad"}, "first"),
        ("left out", ["it is bad"], "list"),
    ],
)
def test_an_index_with_a_field_of_another_type_is_refused(tmp_path, field, value, said):
    shard_of(tmp_path, GOOD)
    index_shards(tmp_path)
    about = json.loads((tmp_path / "index.json").read_text())
    about["shards"]["a.tar"][field] = value
    (tmp_path / "index.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match=f"is no index of shards .*{said}"):
        read_shards(tmp_path)


@pytest.mark.parametrize("name", ["../s/a.tar", "sub/a.tar"])
def test_an_index_names_no_file_of_another_folder(tmp_path, name):
    shard_of(tmp_path / "s", GOOD)
    index_shards(tmp_path / "s")
    about = json.loads((tmp_path / "s/index.json").read_text())
    about["shards"] = {name: about["shards"]["a.tar"]}
    (tmp_path / "s/index.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="is no file beside it"):
        read_shards(tmp_path / "s")


@pytest.mark.parametrize("what", ["folder", "link"])
def test_what_ends_in_tar_and_is_no_file_is_named(tmp_path, what):
    shard_of(tmp_path, GOOD)
    odd = tmp_path / "b.tar"
    odd.mkdir() if what == "folder" else odd.symlink_to("nowhere")
    with pytest.raises(ValueError, match="b.tar is no file that can be read"):
        index_shards(tmp_path)


def test_a_shard_without_pairs_is_named_and_the_others_stay(tmp_path):
    shard_of(tmp_path, GOOD)
    shard_of(tmp_path, name="b.tar")
    assert index_shards(tmp_path) == ["b.tar holds no pairs; leave it out"]
    assert [shard.path.name for shard in read_shards(tmp_path)[0]] == ["a.tar"]


def test_what_is_no_list_of_pairs_is_refused_before_anything_is_written(tmp_path, folder, pairs):
    with plain_python():
        for wrong in (read_pairs(folder), ["a.png"], iter(pairs), pairs[0]):
            with pytest.raises(ValueError, match="is no list of pairs; try pairs, problems = "):
                pack_shards(wrong, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_file_for_the_folder_is_refused_and_stays(tmp_path, pairs):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match=r"folder=.*file is a file; give another folder"):
        pack_shards(pairs, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_picture_that_is_gone_leaves_a_folder_that_can_be_packed_again(tmp_path, pairs):
    moved = pairs[5].picture.rename(tmp_path / "elsewhere.png")
    with pytest.raises(OSError, match=r"5\.png can no longer be read .*; read the pairs anew"):
        pack_shards(pairs, tmp_path / "s", 3)
    assert list((tmp_path / "s").iterdir()) == []
    moved.rename(pairs[5].picture)
    assert pack_shards(pairs, tmp_path / "s", 3) == []


@pytest.mark.parametrize("text", ['{"mine": 1}', "[]", "not of ours"])
def test_a_file_of_somebodys_own_in_the_place_of_the_index_stays(tmp_path, pairs, text):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ValueError, match="holds index.json already; give another folder"):
        pack_shards(pairs, tmp_path)
    shard_of(tmp_path, GOOD)
    with pytest.raises(ValueError, match="index.json is no index of shards; move it away"):
        index_shards(tmp_path)
    assert (tmp_path / "index.json").read_text() == text


def test_an_index_that_is_cut_off_is_made_anew(tmp_path):
    shard_of(tmp_path, GOOD)
    index_shards(tmp_path)
    whole = (tmp_path / "index.json").read_text()
    (tmp_path / "index.json").write_text(whole[: len(whole) // 2])
    assert index_shards(tmp_path) == []
    assert (tmp_path / "index.json").read_text() == whole


def test_a_caption_with_half_a_character_is_refused_before_a_shard_is_written(tmp_path, pairs):
    broken = [*pairs, Pair(pairs[0].picture, "half \ud800")]
    with pytest.raises(
        ValueError, match=rf"^pairs\[{len(pairs)}\]: caption .* holds half a charac"
    ):
        pack_shards(broken, tmp_path / "s", 1)
    assert not (tmp_path / "s").exists()


def test_packing_that_is_interrupted_leaves_no_shard(tmp_path, pairs, monkeypatch):
    look, seen = packing._picture, []

    def until_stopped(path):
        seen.append(path)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return look(path)

    monkeypatch.setattr(packing, "_picture", until_stopped)
    with pytest.raises(KeyboardInterrupt):
        pack_shards(pairs, tmp_path / "s", 1)
    assert list((tmp_path / "s").iterdir()) == []


def test_paths_may_be_texts(tmp_path, pairs):
    with plain_python():
        same = [Pair(str(pair.picture), pair.caption) for pair in pairs]
    assert same == pairs
    pack_shards(same, tmp_path)
    (shard, *_) = read_shards(tmp_path)[0]
    with plain_python():
        assert Shard(str(shard.path), 1, {}, "").path == shard.path
