"""A checkpoint is whole or it is not there; a damaged one says so."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils.data import Dataset

from clipbook.training import TrainingConfig, train
from clipbook.training import checkpoints as module
from clipbook.training.history import History
from clipbook.training.optimisers import make_optimisers
from tests import tiny


class Stopped(Exception):
    """Stands in for whatever ends a run too early."""


class EndingEarly(Dataset):
    """Batches 0 to 3, then no more."""

    def __getitem__(self, k: int):
        if k == 4:
            raise Stopped
        return tiny.batches()[k]


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
        run(folder, batches=EndingEarly(), **changes)


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


def test_the_newest_checkpoint_is_kept_alone(newest):
    assert [one.name for one in newest.parent.iterdir()] == [newest.name]
    assert {one.name for one in newest.iterdir()} == {"tensors.safetensors", "checkpoint.json"}


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
    module.save(tmp_path, 1, model, optimisers, config, History(loss=[0.5]))
    other = tiny.clip(seed=1)
    fresh = make_optimisers(other, config)
    found = module.latest(tmp_path)
    module.restore(found, other, fresh, config)
    assert (found.step, found.history.loss) == (1, [0.5])
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


def test_unfinished_folders_are_ignored_and_cleared_away(newest):
    leftover = newest.parent / "unfinished-1"
    leftover.mkdir()
    (leftover / "tensors.safetensors").write_bytes(b"half")
    assert module.latest(newest.parent).step == 4
    run(newest.parent)
    assert [one.name for one in newest.parent.iterdir()] == ["checkpoint-00000006"]


def test_other_files_in_the_folder_are_left_alone(newest):
    (newest.parent / "model.safetensors").write_bytes(b"mine")
    (newest.parent / "notes").mkdir()
    run(newest.parent)
    assert (newest.parent / "model.safetensors").read_bytes() == b"mine"
    assert (newest.parent / "notes").exists()


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
        '{"step": 4}',
        '{"step": "x", "optimisers": [], "config": {}, "sha256": "", "history": {}}',
        '{"step": 4, "optimisers": [], "config": {}, "sha256": "", "history": {"surprise": []}}',
    ],
)
def test_a_broken_description_is_refused_by_name(newest, content):
    (newest / "checkpoint.json").write_text(content, "utf-8")
    assert f"{newest} is damaged" in refused(newest.parent)


def test_one_changed_bit_is_noticed(newest):
    path = newest / "tensors.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    assert "its digest differs" in refused(newest.parent)


def test_a_checkpoint_of_another_model_is_refused(newest):
    with pytest.raises(ValueError, match=r"checkpoint-00000004 "):
        run(newest.parent, image=tiny.CNN)


@pytest.mark.parametrize(("first", "then"), [("muon", "adamw"), ("adamw", "muon")])
def test_a_checkpoint_of_another_optimiser_is_refused(tmp_path, first, then):
    run_halfway(tmp_path, optimiser=first)
    with pytest.raises(ValueError, match=rf"00000004 was written with optimiser={first}, not"):
        run(tmp_path, optimiser=then)


@pytest.mark.parametrize("change", [{"steps": 8}, {"learning_rate": 3e-3}, {"clip_norm": 2.0}])
def test_a_checkpoint_of_a_run_with_another_config_is_refused(newest, change):
    with pytest.raises(ValueError, match=f"written with {next(iter(change))}=.*another folder"):
        run(newest.parent, **change)


def test_how_often_checkpoints_are_kept_may_change(newest):
    assert len(run(newest.parent, checkpoint_every=3).loss) == 6


def test_a_checkpoint_with_a_leftover_weight_is_refused(newest):
    path = newest / "tensors.safetensors"
    save_file(load_file(path) | {"model.stranger": torch.zeros(1)}, path)
    about = json.loads((newest / "checkpoint.json").read_text("utf-8"))
    about["sha256"] = module._digest(path)
    (newest / "checkpoint.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ValueError, match=r"left over \['stranger'\]"):
        run(newest.parent)
