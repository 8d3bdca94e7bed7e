"""Several processes that share each batch train the same model as one."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import distributed
from torch.nn.functional import cross_entropy

from clipbook.image import normalise
from clipbook.pairs import CLIP, info_nce, sigmoid_loss
from clipbook.pairs.saving import read_tensors
from clipbook.scenes import render, sample_pairs
from clipbook.streams import stream
from clipbook.training import contrastive_step, pack_shards, processes, read_pairs
from clipbook.training import loop as loop_module
from clipbook.training import step as step_module
from clipbook.training.objectives import objective_of
from tests import tiny
from tests.training import shared

torchrun = pytest.mark.slow  # processes of their own
in_one_worker = pytest.mark.xdist_group("processes")  # which starts them once for all
LOSSES = {"infonce": info_nce, "sigmoid": sigmoid_loss}


def start(count: int, *arguments: object) -> subprocess.CompletedProcess:
    """torchrun with so many processes; nothing leaves this machine."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    command += ["-m", "tests.training.shared", *map(str, arguments)]
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), *sys.path]))
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=200, check=False
    )


def written(folder: Path) -> list[dict]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]


@torchrun
@pytest.mark.parametrize("count", [2, 4])
def test_losses_and_gradients_over_processes_are_those_of_the_whole_batch(tmp_path, count):
    done = start(count, "losses", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    found = written(tmp_path)
    assert len(found) == count
    for name, loss in LOSSES.items():
        images, texts = (rows.requires_grad_() for rows in shared.embeddings())
        scale, bias = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (14.3, -3))
        whole = loss(scale * images @ texts.T + bias)
        whole.backward()
        for one in found:
            assert one[name]["loss"] == pytest.approx(whole.item(), abs=1e-12)
            assert one[name]["numbers"][0] == pytest.approx(scale.grad.item(), abs=1e-12)
            if name == "sigmoid":
                assert one[name]["numbers"][1] == pytest.approx(bias.grad.item(), abs=1e-12)
        for k, leaf in enumerate((images, texts)):
            got = torch.cat([torch.tensor(one[name]["rows"][k]).double() for one in found])
            torch.testing.assert_close(got, leaf.grad, atol=1e-7, rtol=1e-6)


@pytest.fixture(scope="module", params=["infonce", "sigmoid"])
def alone(request):
    """Loss by name, and what one process makes of the same batches."""
    model, config = shared.model_for(request.param), shared.CONFIG
    config = shared.replace(config, loss=request.param)
    history = loop_module.train(
        model, tiny.batches(shared.PAIRS), config, device="cpu", workers=0, progress=False
    )
    return request.param, history, dict(model.state_dict())


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes write in 12 steps with this loss: a function of its name."""

    @cache
    def run(loss: str) -> Path:
        folder = tmp_path_factory.mktemp(loss)
        done = start(2, "train", folder, folder / "run", 12, loss)
        assert done.returncode == 0, done.stderr[-2000:]
        return folder

    return run


@torchrun
@in_one_worker
def test_two_processes_have_the_losses_and_the_weights_of_one(alone, together):
    loss, history, weights = alone
    folder = together(loss)
    for one in written(folder):
        assert one["loss"] == pytest.approx(history.loss, abs=1e-5)
        assert one["scale"] == pytest.approx(history.scale, abs=1e-4)
    first, second = (read_tensors(folder / f"{k}.safetensors")[0] for k in range(2))
    for name, value in weights.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], value, atol=2e-4, rtol=1e-3)


@torchrun
@in_one_worker
def test_a_run_of_which_one_process_was_killed_goes_on_to_the_same_weights(tmp_path, together):
    killed = start(2, "train", tmp_path, tmp_path / "run", 7, "infonce")
    assert killed.returncode != 0
    kept = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert kept == ["checkpoint-00000004"]
    assert start(2, "train", tmp_path, tmp_path / "run", 12, "infonce").returncode == 0
    folders = (together("infonce"), tmp_path)
    first, again = (read_tensors(folder / "0.safetensors")[0] for folder in folders)
    assert all(torch.equal(value, again[name]) for name, value in first.items())

    # and with another number of processes it is another run
    model, batches = shared.model_for("infonce"), tiny.batches(shared.PAIRS)
    options = {"device": "cpu", "workers": 0, "progress": False}
    with pytest.raises(ValueError, match="processes=2, not nothing"):
        loop_module.train(model, batches, shared.CONFIG, folder=tmp_path / "run", **options)


@torchrun
def test_two_processes_read_shards_of_their_own_also_after_one_was_killed(tmp_path):
    scenes, _ = sample_pairs(64, stream("tests of two processes"))
    rows = []
    for k, scene in enumerate(scenes):
        render(scene, 16).save(tmp_path / f"{k}.png")
        rows.append(json.dumps({"picture": f"{k}.png", "caption": f"number {k}"}))
    (tmp_path / "captions.jsonl").write_text("\n".join(rows), "utf-8")
    pack_shards(read_pairs(tmp_path)[0], tmp_path / "shards", 8)
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()

    def run(folder, steps):
        return start(2, "shards", folder, folder / "run", steps, tmp_path / "shards")

    done = run(folders[0], 12)
    assert done.returncode == 0, done.stderr[-2000:]
    whole = [one["captions"] for one in written(folders[0])]
    first_pass = [caption for own in whole for batch in own[:8] for caption in batch]
    assert sorted(first_pass) == sorted(f"number {k}" for k in range(64))  # none of them twice

    assert run(folders[1], 7).returncode != 0
    assert run(folders[1], 12).returncode == 0
    assert [one["captions"] for one in written(folders[1])] == [own[4:] for own in whole]
    first, again = (read_tensors(folder / "0.safetensors")[0] for folder in folders)
    assert all(torch.equal(value, again[name]) for name, value in first.items())


def test_what_processes_cannot_share_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 3)
    pictures, token_ids, mask = tiny.batches(8)[0]
    with pytest.raises(ValueError, match="8 pairs can't be shared by 3 processes; make its size"):
        processes.share((pictures, token_ids, mask))
    with pytest.raises(ValueError, match="which texts are true of which picture, and 3 processes"):
        processes.share((pictures, token_ids, mask, torch.eye(8).bool()))
    with pytest.raises(ValueError, match="is a batch norm, which would see the share of one of 3"):
        processes.spread(tiny.clip(tiny.CNN))


def test_shares_are_a_batch_cut_in_order_and_hold_every_pair_once(monkeypatch):
    whole = tiny.batches(8)[0]
    monkeypatch.setattr(processes, "count", lambda: 4)
    cuts = []
    for k in range(4):
        monkeypatch.setattr(processes, "number", lambda k=k: k)
        cuts.append(processes.share(whole))
    for part, pieces in zip(whole, zip(*cuts, strict=True), strict=True):
        assert torch.equal(torch.cat(pieces), part)


@pytest.mark.parametrize("own", [0, 1])
@pytest.mark.parametrize("loss", LOSSES)
def test_each_process_adds_its_rows_to_the_loss_of_the_whole_batch(monkeypatch, loss, own):
    images, texts = shared.embeddings()
    half = len(images) // 2
    mine = slice(own * half, (own + 1) * half)
    given = [rows[mine] for rows in (images, texts)]
    whole = {id(part): rows for part, rows in zip(given, (images, texts), strict=True)}
    monkeypatch.setattr(processes, "number", lambda: own)
    monkeypatch.setattr(processes, "gathered", lambda rows: whole[id(rows)])
    scale, bias = torch.tensor(14.3).double(), torch.tensor(-3.0).double()
    value = processes.SHARED_LOSSES[loss](*given, scale, bias)
    logits = scale * images @ texts.T
    if loss == "infonce":
        target = torch.arange(len(images))
        both = [cross_entropy(grid, target, reduction="none") for grid in (logits, logits.T)]
        expected = sum(both)[mine].mean() / 2
    else:
        signs = 2 * torch.eye(len(images)).double() - 1
        cells = -torch.log(torch.sigmoid(signs * (logits + bias)))
        expected = cells.sum(dim=1)[mine].mean()
    assert value.item() == pytest.approx(expected.item(), abs=1e-12)


def test_where_processes_share_a_batch_the_step_is_the_loss_of_its_own_rows(monkeypatch):
    config = replace(tiny.clip().config, initial_temperature=0.1, initial_bias=-3.0)
    model = CLIP(config)
    pictures, token_ids, mask = tiny.batches(8)[0]
    pixels = normalise(pictures)
    called = []
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setitem(
        processes.SHARED_LOSSES, "sigmoid", lambda *given: called.append(given) or given[0].sum()
    )
    contrastive_step(model, pixels, token_ids, mask, None, loss="sigmoid")
    expected = model.encode_image(pixels), model.encode_text(token_ids, mask), model.scale
    for ours, theirs in zip(called[0], (*expected, model.bias), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_step_goes_through_the_towers_that_it_is_given():
    model, called = tiny.clip(), []
    towers = processes.Towers(model)
    towers.register_forward_hook(lambda *call: called.append(True))
    pictures, token_ids, mask = tiny.batches(8)[0]
    batch = normalise(pictures), token_ids, mask
    contrastive_step(model, *batch, None, towers=towers)
    assert len(called) == 1


def test_an_objective_goes_through_the_towers_that_are_spread(monkeypatch):
    model, called = tiny.clip(), []
    towers = processes.Towers(model)
    towers.register_forward_hook(lambda *call: called.append(True))
    monkeypatch.setattr(processes, "spread", lambda one: towers if one is model else None)
    pictures, token_ids, mask = tiny.batches(8)[0]
    objective_of(model, shared.CONFIG).cost(model, None, normalise(pictures), token_ids, mask)
    assert len(called) == 1


@pytest.fixture
def world_of_one():
    """torch.distributed as it is with a single process."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_what_is_gathered_goes_through_torch_and_gradients_come_back(world_of_one, monkeypatch):
    rows = tiny.normals(3, 2).requires_grad_()
    assert processes.gathered(rows) is rows  # no other process
    monkeypatch.setattr(processes._Gathered, "apply", lambda given: given * 2)
    monkeypatch.setattr(processes, "count", lambda: 2)
    assert torch.equal(processes.gathered(rows), rows * 2)
    monkeypatch.undo()
    copy = processes._Gathered.apply(rows)
    assert torch.equal(copy, rows) and copy is not rows
    upstream = tiny.normals(3, 2, seed=1)
    copy.backward(upstream.clone())
    assert torch.equal(rows.grad, upstream)


def test_one_process_alone_speaks_and_shares_nothing():
    batch = tiny.batches(8)[0]
    assert (processes.count(), processes.number()) == (1, 0)
    assert all(a is b for a, b in zip(processes.share(batch), batch, strict=True))
    value = torch.tensor(3.0)
    assert processes.mean_of_all(value) is value
    processes.wait_for_all()
    with processes.together():
        assert processes.count() == 1
    assert isinstance(processes.spread(tiny.clip()), processes.Towers)
    assert step_module.processes is processes
