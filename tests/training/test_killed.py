"""Killed at any moment and started again, a run ends in the same weights, bit for bit."""

import multiprocessing
import os
import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.training import killed

pytestmark = pytest.mark.slow

# One server that has imported everything; each run is a fresh process forked from it.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.training.killed"])

LAST_TWO = ["checkpoint-00000046", "checkpoint-00000048"]


@pytest.fixture(scope="module", autouse=True)
def _the_server_finds_the_tests():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        yield


def start(*arguments) -> multiprocessing.Process:
    process = PROCESSES.Process(target=killed.run, args=arguments)
    process.start()
    return process


def finish(*arguments) -> int:
    process = start(*arguments)
    process.join(120)
    assert process.exitcode is not None, "the run hangs"
    return process.exitcode


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory) -> bytes:
    """The weights of a run that nothing interrupted, and that kept no checkpoints."""
    out = tmp_path_factory.mktemp("whole") / "model.safetensors"
    assert finish(str(out), None, 0) == 0
    return out.read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.mark.parametrize("workers", [0, 1])
def test_keeping_checkpoints_changes_nothing(tmp_path, never_stopped, workers):
    out, folder = tmp_path / "model.safetensors", tmp_path / "run"
    assert finish(str(out), str(folder), workers) == 0
    assert out.read_bytes() == never_stopped
    assert names(folder) == LAST_TWO


@pytest.mark.parametrize("workers", [0, 1])
def test_killed_at_random_moments(tmp_path, never_stopped, workers):
    out, folder = tmp_path / "model.safetensors", tmp_path / "run"
    moments, kills = random.Random(workers), 0
    process = start(str(out), str(folder), workers)
    most = 3 if workers else 8  # with a worker, a start takes seconds
    while process.is_alive() and kills < most:
        # wait for it to get somewhere, so that the runs together come to an end
        before = names(folder) if folder.exists() else []
        while process.is_alive() and (not folder.exists() or names(folder) == before):
            time.sleep(0.001)
        process.join(moments.uniform(0, 0.06))
        if process.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and the process that makes batches
            process.join()
            if process.exitcode == 0:  # it had just ended
                break
            assert process.exitcode == -signal.SIGKILL
            kills += 1
            process = start(str(out), str(folder), workers)
    process.join(120)
    assert process.exitcode == 0
    assert kills >= 3
    assert out.read_bytes() == never_stopped
    assert names(folder) == LAST_TWO


def test_killed_at_every_line_that_saves(tmp_path, never_stopped):
    out, folder = tmp_path / "model.safetensors", tmp_path / "run"
    line, survived = 0, False
    while not survived:
        line += 1
        code = finish(str(out), str(folder), 0, line)
        assert code in (0, -signal.SIGKILL)
        survived = code == 0
        assert line < 100
    assert line > 35  # saving has about so many
    assert out.read_bytes() == never_stopped
    assert names(folder) == LAST_TWO
