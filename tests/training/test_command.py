"""python -m clipbook.training: one folder for one run, and a sentence where that can't be."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clipbook.pairs import load_model
from clipbook.scenes import EXAMPLE, render
from clipbook.text import Tokenizer
from clipbook.training import (
    PRESETS,
    EmojiPreset,
    Pair,
    Preset,
    TrainingConfig,
    loop,
    pack_shards,
)
from clipbook.training import __main__ as command
from clipbook.training import presets as module
from tests import tiny

CONFIG = TrainingConfig(steps=4, warmup_steps=1, checkpoint_every=2, snapshots=2)


@pytest.fixture
def trained(monkeypatch, tmp_path, capsys):
    """Runs the command with tiny presets; its exit status, and what it printed and complained."""
    first = Preset(tiny.CNN, CONFIG, batch_size=8, twins=0.4)
    other = replace(first, batch_size=9)
    emoji = EmojiPreset(tiny.CNN, CONFIG, batch_size=4)
    monkeypatch.setattr(module, "train_tokenizer", tiny.tokenizer)
    monkeypatch.setattr(module, "TextConfig", lambda *sizes, **more: tiny.text_config())
    monkeypatch.setattr(loop.os, "cpu_count", lambda: 1)  # no process that makes batches
    monkeypatch.setattr(torch, "set_flush_denormal", bool)  # of the whole process
    monkeypatch.setattr(command, "evaluate_scenes", lambda model, tokenizer: {"all": 0.5})
    monkeypatch.setattr(module, "train_emoji_tokenizer", lambda emoji: tiny.tokenizer())
    for place in (module, command):
        monkeypatch.setattr(place, "load_emoji", tiny.emoji)
    texts = replace(emoji, image_locked=True)
    for name, preset in (
        ("cpu", first), ("shapes", other), ("emoji", emoji), ("emoji-texts", texts)
    ):  # fmt: skip
        monkeypatch.setitem(PRESETS, name, preset)

    def run(*arguments: str, out: Path = tmp_path / "r") -> tuple[int, str, str]:
        given = ["--preset", "cpu", "--threads", "1", "--out", str(out), *arguments]
        monkeypatch.setattr(sys, "argv", ["training", *given])
        status = 0
        try:
            command.main()
        except SystemExit as ended:
            status = ended.code
        return status, *capsys.readouterr()

    return run


def content(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def a_sentence(complaint: str) -> bool:
    return complaint.count("\n") == 1 and "Traceback" not in complaint


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (["--seed", "1"], "data.seed=0, not 1"),
        (["--preset", "shapes"], "data.batch_size=8, not 9"),
        (["--steps", "6"], "training.steps=4, not 6"),
        (["--steps", "2"], "training.steps=4, not 2"),
    ],
)
@pytest.mark.parametrize("interrupted", [False, True])
def test_a_folder_with_another_run_is_refused_and_left_as_it_is(
    trained, tmp_path, then, said, interrupted
):
    if interrupted:  # after the second step, with a checkpoint and no results yet
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module.SceneBatches, "__getitem__", ending_early)
            status, _, complaint = trained()
        assert (status, "the disk is full" in complaint) == (1, True)
    else:
        assert trained()[0] == 0
    before = content(tmp_path / "r")
    status, printed, complaint = trained(*then)
    assert (status, printed) == (1, "")
    assert a_sentence(complaint)
    assert said in complaint
    assert "another folder" in complaint
    assert content(tmp_path / "r") == before


def ending_early(self, k: int, draw=module.SceneBatches.__getitem__):
    if k == 3:
        raise OSError("the disk is full")
    return draw(self, k)


def test_a_run_may_begin_with_the_weights_of_another(trained, tmp_path):
    assert trained("--preset", "emoji")[0] == 0
    given = ["--preset", "emoji-texts", "--begin-with", str(tmp_path / "r")]
    assert trained(*given, out=tmp_path / "s")[0] == 0
    first, second = (load_model(tmp_path / k / "model.safetensors").state_dict() for k in "rs")
    same = {name for name in first if torch.equal(first[name], second[name])}
    assert same == {name for name in first if name.startswith("image_encoder.")}
    status, _, complaint = trained("--preset", "emoji-texts", out=tmp_path / "s")
    assert status == 1 and "--begin-with" in complaint and a_sentence(complaint)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--preset", "emoji-texts"], "emoji-texts leaves the image encoder as it is, which has"),
        (["--begin-with", "nowhere"], "nowhere.*model.safetensors does not exist"),
        (["--preset", "emoji", "--begin-with", "other"], "does not fit the model"),
    ],
)
def test_what_a_run_cannot_begin_with_is_refused_before_anything_is_written(
    trained, tmp_path, given, said, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    other = replace(PRESETS["cpu"], image=replace(tiny.CNN, widths=(3, 5)))
    with monkeypatch.context() as patch:
        patch.setitem(PRESETS, "cpu", other)
        assert trained(out=tmp_path / "other")[0] == 0
    status, printed, complaint = trained(*given)
    assert (status, printed) == (1, "")
    assert a_sentence(complaint)
    assert re.search(said, complaint)
    assert not (tmp_path / "r").exists()


def test_a_run_does_not_begin_with_weights_that_another_tokenizer_gave_their_meaning(
    trained, tmp_path
):
    assert trained("--preset", "emoji")[0] == 0
    kept = tmp_path / "r" / "tokenizer.json"
    ours = Tokenizer.load(kept)
    Tokenizer(ours.merges[:-1], ours.context_length).save(kept)
    given = ["--preset", "emoji-texts", "--begin-with", str(tmp_path / "r")]
    status, printed, complaint = trained(*given, out=tmp_path / "s")
    assert (status, printed) == (1, "")
    assert "another tokenizer" in complaint and a_sentence(complaint)
    assert not (tmp_path / "s").exists()


def test_a_finished_run_is_not_called_a_repeat(trained, tmp_path):
    status, first, _ = trained()
    assert status == 0
    took = re.match(r"trained from step 0 to 4 in (\d+) s; ", first)
    assert took and int(took[1]) < 600  # not the machine's own clock
    before = content(tmp_path / "r")
    status, again, _ = trained()
    assert status == 0
    told = "this very run had been finished there before; nothing was trained again; last loss"
    assert again.startswith(told)
    assert "trained from" not in again
    assert " in 0 s" not in again
    assert content(tmp_path / "r") == before


def test_a_run_that_goes_on_says_from_where(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.SceneBatches, "__getitem__", ending_early)
        trained()
    assert "trained from step 2 to 4" in trained()[1]


def test_results_of_an_unknown_run_are_not_overwritten(trained, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "tokenizer.json").write_text("mine")
    status, _, complaint = trained()
    assert status == 1
    assert a_sentence(complaint)
    assert "holds tokenizer.json, and no checkpoint" in complaint
    assert content(tmp_path) == {str(tmp_path / "r" / "tokenizer.json"): b"mine"}


def test_pairs_of_ones_own_are_trained_on_and_their_run_is_known_again(
    trained, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "captions_tokenizer", lambda shards: tiny.tokenizer())
    names = [caption for _, caption in EXAMPLE] * 3
    for k, (scene, _) in enumerate(EXAMPLE * 3):
        render(scene, 16).save(tmp_path / f"{k}.png")
    pairs = [Pair(tmp_path / f"{k}.png", f"{name} {k}") for k, name in enumerate(names)]
    (tmp_path / "more").mkdir()
    for folder, own in (("mine", pairs), ("more/mine", pairs), ("others", pairs[:-1])):
        pack_shards(own, tmp_path / folder, 9)
    shards = "--shards", str(tmp_path / "mine")
    status, printed, _ = trained(*shards)
    assert status == 0
    assert printed.startswith("trained from step 0 to 4") and "all" not in printed
    moved = "--shards", str(tmp_path / "more/mine")
    assert "nothing was trained again" in trained(*moved)[1]
    status, _, complaint = trained("--shards", str(tmp_path / "others"))
    assert status == 1 and a_sentence(complaint) and "data.shards=" in complaint
    assert "data.kind='ShardBatches', not 'SceneBatches'" in trained()[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shards", "nowhere"], "nowhere holds no index.json of its shards; make it anew"),
        (
            ["--preset", "emoji", "--shards", "s"],
            "--shards s: emoji learns emoji alone; try shapes",
        ),
        (["--steps", "0"], "steps=0 is not a whole number from 1"),
        (["--steps", "-3"], "steps=-3 is not a whole number from 1"),
        (["--seed", "-1"], "seed=-1 is"),
        (["--seed", str(10**30)], "seed=1000"),
        (["--threads", "0"], "threads=0 is not a whole number from 1 to 1,024; try 1"),
        (["--leave-out", "noto"], "--leave-out noto: cpu has no artists; try emoji"),
        (["--threads", "-2"], "threads=-2 is not a whole number from 1 to 1,024"),
        (["--threads", "9999"], "threads=9999 is not a whole number from 1 to 1,024"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_anything_is_written(
    trained, tmp_path, arguments, said
):
    status, printed, complaint = trained(*arguments)
    assert (status, printed) == (1, "")
    assert a_sentence(complaint)
    assert said in complaint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_file_in_the_place_of_the_folder_is_refused(trained, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    status, printed, complaint = trained(out=tmp_path / place)
    assert (status, printed) == (1, "")
    assert a_sentence(complaint)
    assert f"{tmp_path / 'file'} is a file; give another folder" in complaint


def test_the_command_writes_what_others_read(trained, tmp_path):
    assert trained("--seed", "3", "--steps", "2")[0] == 0
    tokenizer = Tokenizer.load(tmp_path / "r" / "tokenizer.json")
    model = load_model(tmp_path / "r" / "model.safetensors")
    assert model.config.text.vocab_size == tokenizer.vocab_size
    assert len(json.loads((tmp_path / "r" / "history.json").read_text())["loss"]) == 2


def test_it_says_what_it_did_and_what_the_model_is_worth(trained, tmp_path, monkeypatch):
    shown = []

    def evaluate(model, tokenizer):
        shown.append((model, tokenizer))
        return {"colour": 0.5, "colour and shape, never seen": 1 / 3}

    monkeypatch.setattr(command, "evaluate_scenes", evaluate)
    did, *shares = trained(out=tmp_path / "of" / "mine")[1].splitlines()
    loss = json.loads((tmp_path / "of/mine/history.json").read_text())["loss"][-1]
    end = f" s; last loss {loss:.3f}; written to {tmp_path}/of/mine"
    assert re.fullmatch("trained from step 0 to 4 in [0-9]+" + re.escape(end), did)
    assert shares == [
        "colour                               0.500",
        "colour and shape, never seen         0.333",
    ]
    ((model, tokenizer),) = shown
    assert tokenizer is tiny.tokenizer()
    for name, weight in load_model(tmp_path / "of/mine/model.safetensors").state_dict().items():
        assert torch.equal(weight, model.state_dict()[name])


@pytest.mark.parametrize(
    ("chosen", "left_out"),
    [([], ["twemoji"]), (["--leave-out", "noto", "fluent"], ["noto", "fluent"])],
)
def test_a_model_of_emoji_is_asked_about_the_first_artist_left_out(
    trained, tmp_path, monkeypatch, chosen, left_out
):
    asked = []

    def evaluate(model, tokenizer, emoji, artist):
        assert (model.config.image, tokenizer) == (tiny.CNN, tiny.tokenizer())
        asked.append(artist)
        return {f"{artist}, {len(emoji.names)}": len(asked) / 8}

    monkeypatch.setattr(command, "evaluate_emoji", evaluate)
    status, printed, complaint = trained("--preset", "emoji", *chosen)
    assert (status, "Error" in complaint) == (0, False)
    artist, names = left_out[0], len(tiny.emoji().names)
    assert printed.splitlines()[1] == f"pictures by {artist}:"
    assert len(asked) > 2  # the last one is told
    assert re.fullmatch(f"{artist}, {names} +{len(asked) / 8:.3f}", printed.splitlines()[2])
    about = json.loads((tmp_path / "r/checkpoint-00000004/checkpoint.json").read_text())
    assert about["identity"]["data"]["left_out"] == sorted(left_out)


def test_the_seed_is_0_unless_told_otherwise(trained):
    trained()
    assert "had been finished there before" in trained("--seed", "0")[1]


def test_it_takes_as_many_threads_as_it_is_given_and_leaves_out_the_smallest_numbers(
    trained, monkeypatch
):
    called = []
    for name in ("set_num_threads", "set_flush_denormal"):
        monkeypatch.setattr(torch, name, lambda value, name=name: called.append((name, value)))
    assert trained("--threads", "1024")[0] == 0
    assert called == [("set_num_threads", 1024), ("set_flush_denormal", True)]


def test_results_without_a_checkpoint_are_all_named(trained, tmp_path):
    (tmp_path / "r").mkdir()
    for name in ("model.safetensors", "tokenizer.json", "history.json"):
        (tmp_path / "r" / name).write_text("mine")
    said = f"{tmp_path}/r holds model.safetensors and tokenizer.json and history.json, and no"
    assert trained()[2].startswith(said)


@pytest.mark.parametrize("missing", ["--preset", "--out"])
def test_preset_and_folder_must_be_given(monkeypatch, capsys, tmp_path, missing):
    given = {"--preset": "cpu", "--out": str(tmp_path)}
    del given[missing]
    monkeypatch.setattr(
        sys, "argv", ["training", *(word for pair in given.items() for word in pair)]
    )
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert f"required: {missing}\n" in capsys.readouterr().err


def test_the_help_says_what_it_does_and_what_each_option_is_for(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["training", "--help"])
    with pytest.raises(SystemExit):
        command.main()
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("usage: python -m clipbook.training [-h] --preset {cpu,shapes")
    for words in (
        " Train a preset from a shell: python -m clipbook.training --preset cpu",
        " --out OUT folder for the results --seed",
        " --steps STEPS train shorter or longer than the preset does --threads",
        " --threads THREADS CPU threads; all cores by default --begin-with",
        " --begin-with RUN folder of a run, whose weights to take --leave-out",
        " --leave-out ARTIST [ARTIST ...] of emoji: show none of theirs --loss",
        " --loss {infonce,sigmoid} another than the preset's --shards",
    ):
        assert words in said
    assert said.endswith(" --shards SHARDS folder with pairs of your own, packed")


@pytest.mark.slow
def test_a_real_preset_trains_says_what_it_can_do_and_is_not_taken_for_another(tmp_path):
    def call(*arguments: str) -> subprocess.CompletedProcess:
        given = [sys.executable, "-m", "clipbook.training", "--preset", "cpu", "--steps", "2"]
        given += ["--threads", "1", "--out", str(tmp_path / "run"), *arguments]
        return subprocess.run(given, capture_output=True, text=True)

    done = call("--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "colour and shape, never seen" in done.stdout
    again = call("--seed", "3")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[1:] == done.stdout.splitlines()[1:]
    before = content(tmp_path)
    other = call("--seed", "4")
    assert other.returncode == 1
    assert a_sentence(other.stderr)
    assert "data.seed=3, not 4" in other.stderr
    assert content(tmp_path) == before


def test_an_unknown_preset_is_refused():
    given = [sys.executable, "-m", "clipbook.training", "--preset", "huge", "--out", "x"]
    done = subprocess.run(given, capture_output=True, text=True)
    assert done.returncode != 0
    assert "huge" in done.stderr
    assert "cpu" in done.stderr


def test_a_preset_trains_with_another_loss_on_request(trained, tmp_path):
    status, printed, _ = trained("--loss", "sigmoid")
    model = load_model(tmp_path / "r/model.safetensors")
    assert status == 0 and "trained from step 0 to 4" in printed
    assert model.config.initial_bias == -10 and model.config.initial_temperature == 0.1
    status, _, complaint = trained()  # the same folder, with the preset's own loss
    assert status == 1 and a_sentence(complaint)
    assert "initial_temperature=0.1, not 0.07" in complaint
