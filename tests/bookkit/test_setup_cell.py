"""The set-up cell: silent where the package is, one clear sentence where it cannot be had."""

import importlib.util
import re
import subprocess

import pytest
import torch

from bookkit import notebooks

CELL = notebooks.SETUP


@pytest.fixture
def pip(monkeypatch):
    """Stands in for the machine of a runner: no package, and a pip that ends as we say."""
    calls = []

    def run(command, **_):
        calls.append(command)
        return subprocess.CompletedProcess(command, run.ends_with)

    run.ends_with = 0
    run.calls = calls
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return run


def with_address(url: str) -> str:
    return "\n".join(
        f'PACKAGE = "git+{url}"' if line.startswith("PACKAGE") else line
        for line in CELL.splitlines()
    )


def test_does_nothing_where_the_package_is(pip, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    exec(CELL, {})
    assert pip.calls == []


def test_installs_the_package_from_the_repository(pip):
    exec(with_address("https://github.com/some-one/book"), {})
    (command,) = pip.calls
    assert command[1:4] == ["-m", "pip", "install"]
    assert command[-1] == "git+https://github.com/some-one/book"


@pytest.mark.parametrize("name, said", [("Tesla T4", "GPU: Tesla T4"), (None, "No GPU.*runtime")])
def test_says_which_gpu_it_found_or_where_there_is_one(pip, monkeypatch, capsys, name, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: name is not None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: name)
    exec(with_address("https://github.com/some-one/book"), {})
    assert re.match(said, capsys.readouterr().out)


def test_says_so_when_the_address_is_not_set(pip):
    with pytest.raises(RuntimeError, match="make repository URL="):
        exec(with_address("https://github.com/OWNER/clipbook"), {})
    assert pip.calls == []


def test_says_so_when_the_repository_cannot_be_reached(pip):
    pip.ends_with = 1
    with pytest.raises(
        RuntimeError, match=r"Cannot install clipbook: .* git.https://github\.com/a/b$"
    ):
        exec(with_address("https://github.com/a/b"), {})


def test_fits_in_a_cell():
    assert len([line for line in CELL.splitlines() if line]) <= 15
