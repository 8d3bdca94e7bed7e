"""The script for a GPU: without one it says so, and it runs whole where there is none."""

import re
import subprocess
import sys

import pytest
import torch

from bookkit import gpu_bench, gpu_steps
from clipbook.training import SceneBatches


def test_without_a_gpu_it_says_so_and_ends_in_1(monkeypatch, capsys):
    monkeypatch.setattr(gpu_bench, "best_device", lambda: torch.device("cpu"))
    assert gpu_bench.main([]) == 1
    said = capsys.readouterr().out
    assert said.startswith("There is no GPU here") and said.count("\n") == 1


def test_an_unknown_option_is_refused(capsys):
    assert gpu_bench.main(["--quick"]) == 2
    assert "--quick is no option; try --tiny" in capsys.readouterr().out


def test_what_fails_is_a_cell_and_the_others_are_measured(monkeypatch):
    def broken(*arguments):
        raise RuntimeError("out of | memory\nat once")

    monkeypatch.setattr(gpu_bench, "LAUNCHES", {"broken": broken, "plain": gpu_steps.plain})
    rows = list(gpu_bench.training(gpu_bench.Sizes((4,), 1), True, torch.device("cpu")))
    assert [row[2] for row in rows] == ["RuntimeError: out of / memory"] * 3
    assert all(re.fullmatch(r"\d+\.\d \(1\.00 ×\)", row[3]) for row in rows)


def test_one_graph_does_what_a_plain_step_does():
    models = []
    model, tokenizer, config = gpu_bench.tiny_recipe()
    batches = [SceneBatches(tokenizer, 4)[k] for k in range(2)]
    for launch in (gpu_steps.plain, gpu_steps.one_graph):
        models.append(gpu_bench.deepcopy(model))
        step = launch(models[-1], batches, config, None)
        for k in range(3):
            step(k)
    for (name, one), other in zip(
        models[0].state_dict().items(), models[1].state_dict().values(), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4, msg=name)
        assert name.endswith("bias") or not torch.equal(one, model.state_dict()[name]), name


@pytest.mark.slow
def test_all_of_it_runs_on_a_cpu_in_tiny_sizes():
    command = [sys.executable, "-m", "bookkit.gpu_bench", "--tiny"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line[:1] == "|"]
    steps, losses = rows[2:5], rows[7:]
    assert [row[:2] for row in steps] == [["4", name] for name in gpu_bench.PRECISIONS]
    assert [row[:2] for row in losses] == [[name, "64"] for name in gpu_bench.LOSSES]
    cells = [cell for row in steps for cell in row[2:]]
    assert cells.pop() == "–"
    assert all(re.fullmatch(r"\d+\.\d \(\d+\.\d\d ×\)", cell) for cell in cells), cells
    assert all(float(row[2]) > 0 for row in losses)
    assert re.search(r"another core: \d+\.\d steps a second", done.stdout)
