"""A checkpoint is whole or it is not there; a damaged one says so."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from platform import node
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from clipbook.training import SceneBatches, TrainingConfig, train
from clipbook.training import checkpoints as module
from clipbook.training.history import History
from clipbook.training.identity import LATER, NO_PART
from clipbook.training.optimisers import make_optimisers
from tests import tiny
from tests.plain import plain_python


class Stopped(Exception):
    """Stands in for whatever ends a run too early."""


class EndingEarly(SceneBatches):
    """Batches 0 to 3, then no more."""

    def __getitem__(self, k: int):
        if k == 4:
            raise Stopped
        return super().__getitem__(k)

    def identity(self):  # of what would have gone on
        return super().identity() | {"kind": "SceneBatches"}


def run(folder: Path, *, image=tiny.VIT, batches=None, **changes) -> History:
    """A run of six steps with checkpoints after 2, 4 and 6."""
    config = TrainingConfig(
        **{"steps": 6, "warmup_steps": 1, "checkpoint_every": 2, "snapshots": 0} | changes
    )
    return train(
        tiny.clip(image), batches or tiny.batches(), config,
        folder=folder, device="cpu", workers=0, progress=False,
    )  # fmt: skip


def run_halfway(folder: Path, **changes) -> None:
    with pytest.raises(Stopped):
        run(folder, batches=EndingEarly(tiny.tokenizer(), 8, 16), **changes)


@pytest.fixture(scope="module")
def halfway(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("halfway")
    run_halfway(folder)
    return folder


@pytest.fixture
def newest(tmp_path, halfway) -> Path:
    """The checkpoint of a run that ended early, for a test to damage."""
    shutil.copytree(halfway, tmp_path / "run")
    return tmp_path / "run" / "checkpoint-00000004"


def refused(folder: Path) -> str:
    with pytest.raises(ValueError) as caught:
        run(folder)
    assert "delete" in str(caught.value)
    return str(caught.value)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_the_last_two_checkpoints_are_kept(newest):
    assert names(newest.parent) == ["checkpoint-00000002", "checkpoint-00000004"]
    assert names(newest) == ["checkpoint.json", "tensors.safetensors"]
    run(newest.parent)
    assert names(newest.parent) == ["checkpoint-00000004", "checkpoint-00000006"]


def test_a_checkpoint_can_be_read(newest):
    about = json.loads((newest / "checkpoint.json").read_text("utf-8"))
    assert about["step"] == 4
    assert len(about["history"]["loss"]) == 4
    names = load_file(newest / "tensors.safetensors").keys()
    assert {"model.log_scale", "optimiser.0.0.momentum_buffer"} <= names


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_weights_and_optimiser_states_come_back(tmp_path, optimiser):
    config = TrainingConfig(steps=2, optimiser=optimiser, snapshots=0)
    model = tiny.clip()
    optimisers = make_optimisers(model, config)
    pixels = tiny.normals(4, 3, 16, 16)
    model.encode_image(pixels).sum().backward()  # the text tower has no state yet
    for one in optimisers:
        one.step()
    scaler, log = torch.amp.GradScaler("cpu"), History([0.5], [14.0], [0.1])
    scaler.load_state_dict(scaler.state_dict() | {"scale": 8.0, "_growth_tracker": 3})
    module.save(tmp_path, 1, {"of": "it"}, log, model, optimisers, scaler)
    other = tiny.clip(seed=1)
    fresh, scaler_then = make_optimisers(other, config), torch.amp.GradScaler("cpu")
    other.encode_text(*tiny.batches()[0][1:]).sum().backward()
    for one in fresh:
        one.step()  # a state that the checkpoint knows nothing of
    found = module.latest(tmp_path)
    module.restore(found, {"of": "it"}, other, fresh, scaler_then)
    assert (found.step, found.history) == (1, log)
    assert scaler_then.state_dict() == scaler.state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)
    for before, after in zip(optimisers, fresh, strict=True):
        expected, states = before.state_dict()["state"], after.state_dict()["state"]
        assert states.keys() == expected.keys()
        for index, state in expected.items():
            assert states[index].keys() == state.keys()
            assert all(torch.equal(states[index][k], value) for k, value in state.items())


def test_there_is_none_in_an_empty_or_missing_folder(tmp_path):
    assert module.latest(tmp_path) is None
    assert module.latest(tmp_path / "missing") is None


def unfinished(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    (folder / name / "tensors.safetensors").write_bytes(b"half")
    return folder / name


def a_dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_dead_process_left_unfinished_is_ignored_and_cleared_away(newest):
    leftover = unfinished(newest.parent, f"unfinished-{node()}-{a_dead_process()}")
    (leftover / "tensors.safetensors.unfinished").write_bytes(b"quarter")
    (leftover / ".tmpSQkiEf").write_bytes(b"half")  # so safetensors calls what it is writing
    assert module.latest(newest.parent).step == 4
    run(newest.parent)
    assert not leftover.exists()


def test_a_run_that_was_done_clears_away_what_a_killed_one_did_not_come_to(newest):
    folder = newest.parent
    run(folder)
    leftover = unfinished(folder, f"unfinished-{node()}-{a_dead_process()}")
    oldest = shutil.copytree(newest, folder / "checkpoint-00000001")
    there = sorted(path.name for path in folder.iterdir())
    run(folder)
    gone = set(there) - {path.name for path in folder.iterdir()}
    assert gone == {leftover.name, oldest.name}


def test_what_this_process_left_unfinished_stops_nothing(newest):
    leftover = unfinished(newest.parent, f"unfinished-{node()}-{os.getpid()}")
    (leftover / "notes.txt").write_text("mine")
    assert len(run(newest.parent).loss) == 6
    assert list(newest.parent.rglob("notes.txt"))


def test_whether_a_process_lives_is_asked_without_sending_it_anything(tmp_path, monkeypatch):
    path, sent = unfinished(tmp_path, f"unfinished-{node()}-77"), []
    monkeypatch.setattr(module.os, "kill", lambda pid, signal: sent.append((pid, signal)))
    assert not module._is_abandoned(path)
    assert sent == [(77, 0)]


def test_where_the_question_would_end_a_process_it_is_not_asked(tmp_path, monkeypatch):
    path = unfinished(tmp_path, f"unfinished-{node()}-{a_dead_process()}")
    assert module._is_abandoned(path)
    monkeypatch.setattr(module, "os", SimpleNamespace(name="nt"))
    assert not module._is_abandoned(path)


def test_the_newest_checkpoint_is_that_of_the_latest_step_though_its_name_comes_first(tmp_path):
    for step in (99_999_999, 100_000_000):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "checkpoint.json").touch()
    assert module.newest_step(tmp_path) == 100_000_000


def snapshot_of(folder: Path) -> dict[str, bytes | None]:
    """Every path below, with what is in it."""
    return {
        str(one.relative_to(folder)): one.read_bytes() if one.is_file() else None
        for one in sorted(folder.rglob("*"))
    }


NOT_OURS = [
    "checkpoint-00000002.bak",
    "checkpoint-00000004.bak",
    "checkpoint-best",
    "checkpoint-7",
    "checkpoint-0000004",
    "checkpoint-000000002",
    "checkpoint-٠٠٠٠٠٠٠٢",
    "checkpoint-00000001 (1)",
    "checkpoint-00000000",
    "checkpoint-",
    "Checkpoint-00000001",
    "unfinished-1",
    "unfinished-notes",
    f"unfinished-{node()}-{os.getppid()}",  # a process that lives
    "unfinished-another-machine-1",
    f"unfinished-{node()}-{10**30}",
]


@pytest.mark.parametrize("kind", ["folder", "copy", "file", "link"])
def test_what_has_not_the_very_name_of_a_checkpoint_survives_and_stops_nothing(newest, kind):
    elsewhere = newest.parent.parent / "elsewhere"
    shutil.copytree(newest, elsewhere)
    for name in NOT_OURS:
        path = newest.parent / name
        if kind == "folder":
            path.mkdir()
            (path / "mine.txt").write_text(name)
        elif kind == "copy":  # of a checkpoint of this very run
            shutil.copytree(newest, path)
        elif kind == "file":
            path.write_text(name)
        else:
            path.symlink_to(elsewhere)
    before = snapshot_of(newest.parent) | snapshot_of(elsewhere)
    assert len(run(newest.parent).loss) == 6
    after = snapshot_of(newest.parent) | snapshot_of(elsewhere)
    gone = {one for one in before if after.get(one, "gone") != before[one]}
    assert {Path(one).parts[0] for one in gone} == {"checkpoint-00000002"}


def test_files_links_and_folders_of_others_survive_under_the_very_name_of_a_checkpoint(newest):
    folder = newest.parent
    (folder / "checkpoint-00000001").write_text("mine")
    (folder / "checkpoint-00000003").symlink_to(newest)
    (folder / "checkpoint-00000099").mkdir()
    (folder / "checkpoint-00000099" / "model.pt").write_text("mine")
    (folder / "checkpoint-00000002" / "notes.txt").write_text("mine")
    (folder / "model.safetensors").write_bytes(b"mine")
    assert len(run(folder).loss) == 6
    assert (folder / "checkpoint-00000001").read_text() == "mine"
    assert (folder / "checkpoint-00000003").is_symlink()
    assert names(folder / "checkpoint-00000099") == ["model.pt"]
    assert names(folder / "checkpoint-00000002") == ["notes.txt"]
    assert (folder / "model.safetensors").read_bytes() == b"mine"


@pytest.mark.parametrize("kind", ["file", "folder", "checkpoint"])
def test_where_something_has_the_name_already_nothing_is_replaced(newest, kind):
    last = newest.parent / "checkpoint-00000006"

    class Meanwhile(SceneBatches):
        """Another process gets there first."""

        def __getitem__(self, k: int):
            if k == 5 and kind == "checkpoint":
                shutil.copytree(newest, last)
            return super().__getitem__(k)

        def identity(self):
            return super().identity() | {"kind": "SceneBatches"}

    if kind == "file":
        last.write_text("mine")
    elif kind == "folder":
        last.mkdir()
    with pytest.raises(ValueError, match=r"00000006 is there, and this run did not write it.*each"):
        run(newest.parent, batches=Meanwhile(tiny.tokenizer(), 8, 16))
    assert names(newest.parent) == ["checkpoint-00000002", newest.name, last.name]


def test_of_a_damaged_checkpoint_the_message_names_the_one_before_it_where_there_is_one(newest):
    (newest / "tensors.safetensors").write_bytes(b"")
    message = refused(newest.parent)
    assert message.endswith(f"delete that folder to start from {newest.parent}/checkpoint-00000002")
    shutil.rmtree(newest)
    assert module.latest(newest.parent).step == 2
    (newest.parent / "checkpoint-00000002" / "tensors.safetensors").write_bytes(b"")
    assert refused(newest.parent).endswith("delete that folder to start from the beginning")


def test_a_checkpoint_under_the_name_of_another_step_is_damaged(newest):
    newest.rename(newest.parent / "checkpoint-00000005")
    assert "damaged (checkpoint.json holds step 4" in refused(newest.parent)


def test_a_checkpoint_from_before_they_had_an_identity_is_refused(newest):
    about = {"step": 4, "optimisers": [], "config": {}, "sha256": "", "history": {}}
    (newest / "checkpoint.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ValueError, match=r"has format 1, of another version.*another folder"):
        run(newest.parent)


def test_a_checkpoint_from_before_a_field_of_the_config_came_goes_on(newest):
    """All runs were of the value that is the default now."""
    about = json.loads((newest / "checkpoint.json").read_text("utf-8"))
    for name in LATER:
        del about["identity"]["training"][name]
    (newest / "checkpoint.json").write_text(json.dumps(about), "utf-8")
    run(newest.parent)
    with pytest.raises(ValueError, match="training.image_rate=1.0, not 0.5"):
        run(newest.parent, image_rate=0.5)


def test_every_field_that_came_after_the_first_checkpoints_is_known_with_the_value_before_it():
    first = {"steps", "learning_rate", "optimiser", "matrix_rate", "position_rate", "weight_decay",
             "warmup_steps", "clip_norm", "snapshots"}  # fmt: skip
    fields = {field.name: field.default for field in dataclasses.fields(TrainingConfig)}
    later = {name: fields[name] for name in fields.keys() - first - set(NO_PART)}
    assert later == LATER


def test_a_checkpoint_of_a_later_format_is_refused(newest):
    about = json.loads((newest / "checkpoint.json").read_text("utf-8")) | {"format": 3}
    (newest / "checkpoint.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ValueError, match=r"has format 3, of another version.*another folder"):
        run(newest.parent)


@pytest.mark.parametrize("keep", [0, 8, 1_000, -1])
def test_truncated_tensors_are_refused_by_name(newest, keep):
    path = newest / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    assert f"{newest} is damaged" in refused(newest.parent)


@pytest.mark.parametrize("name", ["tensors.safetensors", "checkpoint.json"])
def test_a_missing_file_is_refused_by_name(newest, name):
    (newest / name).unlink()
    message = refused(newest.parent)
    assert f"{newest} is damaged" in message
    assert name in message


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"format": 2, "step": 4}',
        '{"format": 2, "step": 4, "identity": {}, "scaler": {}, "sha256": "", "history": {}}',
        "[" * 100_000,
    ],
)
def test_a_broken_description_is_refused_by_name(newest, content):
    (newest / "checkpoint.json").write_text(content, "utf-8")
    assert f"{newest} is damaged" in refused(newest.parent)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("step", "4"),
        ("step", 1e400),
        ("identity", 3),
        ("scaler", "on"),
        ("sha256", None),
        ("history", {"surprise": []}),
        ("history", {"loss": 3}),
        ("history", {"loss": [1.0], "scale": [1.0], "learning_rate": [1.0]}),
    ],
)
def test_one_wrong_value_in_the_description_is_refused_by_name(newest, key, value):
    about = json.loads((newest / "checkpoint.json").read_text("utf-8"))
    (newest / "checkpoint.json").write_text(json.dumps(about | {key: value}), "utf-8")
    assert f"{newest} is damaged" in refused(newest.parent)


def test_one_changed_bit_is_noticed(newest):
    path = newest / "tensors.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    assert "its digest differs" in refused(newest.parent)


def test_a_checkpoint_with_a_leftover_weight_is_refused(newest):
    path = newest / "tensors.safetensors"
    save_file(load_file(path) | {"model.stranger": torch.zeros(1)}, path)
    about = json.loads((newest / "checkpoint.json").read_text("utf-8"))
    about["sha256"] = module._digest(path)
    (newest / "checkpoint.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ValueError, match=rf"{newest} does not fit.*left over \['stranger'\]"):
        run(newest.parent)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("identity", "training"), None),
        (("identity", "training"), ["steps"]),
        (("history",), []),
        (("history", "loss"), "0.5 "),
        (("history", "loss", 0), "0.5"),
        (("history", "scale", 0), None),
        (("history", "snapshot_steps"), 5),
        (("history", "snapshots"), None),
        (("history", "evaluation_steps"), "2"),
        (("history", "evaluations"), {}),
        (("history", "evaluations"), [1]),
        (("history", "more"), []),
    ],
)
def test_a_field_of_another_type_is_damage(newest, place, value):
    about = json.loads((newest / module.ABOUT).read_text())
    part = about
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    (newest / module.ABOUT).write_text(json.dumps(about))
    with plain_python():
        assert f"{newest} is damaged" in refused(newest.parent)


def test_a_history_of_other_series_is_refused_by_name():
    for name in ("nope", 1):
        with (
            plain_python(),
            pytest.raises(ValueError, match=f"history has no series {name!r}; try"),
        ):
            History.from_dict({name: []})
