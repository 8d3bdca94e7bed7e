"""python -m clipbook.training: one folder for one run, and a sentence where that can't be."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clipbook.pairs import load_model
from clipbook.text import Tokenizer
from clipbook.training import PRESETS, Preset, TrainingConfig, loop
from clipbook.training import __main__ as command
from clipbook.training import presets as module
from tests import tiny

CONFIG = TrainingConfig(steps=4, warmup_steps=1, checkpoint_every=2, snapshots=2)


@pytest.fixture
def trained(monkeypatch, tmp_path, capsys):
    """Runs the command with tiny presets; its exit status, and what it printed and complained."""
    first = Preset(tiny.CNN, CONFIG, batch_size=8, twins=0.4)
    other = replace(first, batch_size=9)
    monkeypatch.setattr(module, "train_tokenizer", tiny.tokenizer)
    monkeypatch.setattr(module, "TextConfig", lambda *sizes: tiny.text_config())
    monkeypatch.setattr(loop.os, "cpu_count", lambda: 1)  # no process that makes batches
    monkeypatch.setattr(command.torch, "set_flush_denormal", bool)  # of the whole process
    monkeypatch.setattr(command, "evaluate_scenes", lambda model, tokenizer: {"all": 0.5})
    for name, preset in (("cpu", first), ("shapes", other)):
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


def test_a_finished_run_is_not_called_a_repeat(trained, tmp_path):
    status, first, _ = trained()
    assert status == 0
    assert "trained from step 0 to 4" in first
    before = content(tmp_path / "r")
    status, again, _ = trained()
    assert status == 0
    assert "had been finished there before; nothing was trained again" in again
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", "0"], "steps=0 is not a whole number from 1"),
        (["--steps", "-3"], "steps=-3 is not a whole number from 1"),
        (["--seed", "-1"], "seed=-1 is"),
        (["--seed", str(10**30)], "seed=1000"),
        (["--threads", "0"], "threads=0 is not a whole number from 1 to 1,024"),
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


def test_a_file_in_the_place_of_the_folder_is_refused(trained, tmp_path):
    (tmp_path / "file").write_text("mine")
    status, _, complaint = trained(out=tmp_path / "file")
    assert status == 1
    assert a_sentence(complaint)
    assert "file" in complaint


def test_the_command_writes_what_others_read(trained, tmp_path):
    assert trained("--seed", "3", "--steps", "2")[0] == 0
    tokenizer = Tokenizer.load(tmp_path / "r" / "tokenizer.json")
    model = load_model(tmp_path / "r" / "model.safetensors")
    assert model.config.text.vocab_size == tokenizer.vocab_size
    assert len(json.loads((tmp_path / "r" / "history.json").read_text())["loss"]) == 2


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
