"""A course folder of one chapter, made and graded by the commands that an instructor types."""

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from bookkit.course.guide import name_of


def pytest_collection_modifyitems(items):
    """The class of students takes longest, so it begins first."""
    items.sort(key=lambda item: "graded" not in getattr(item, "fixturenames", ()))


@dataclass(frozen=True)
class Course:
    folder: Path

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What Python prints, run in the folder; `fails` if it must say that something failed."""
        bare = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=bare, capture_output=True, text=True
        )
        said = done.stdout + done.stderr
        assert bool(done.returncode) == fails, said[-3000:]
        return said

    def notebook(self, kind: str, page: str) -> nbformat.NotebookNode:
        """The chapter's notebook in source/ or release/."""
        name = f"{name_of(page)}/{Path(page).name}.ipynb"
        return nbformat.read(self.folder / kind / name, 4)

    def hand_in(self, student: str, page: str, text: str) -> None:
        folder = self.folder / "submitted" / student / name_of(page)
        folder.mkdir(parents=True)
        (folder / f"{Path(page).name}.ipynb").write_text(text, "utf-8")


@pytest.fixture(scope="session")
def nbgrader() -> None:
    if importlib.util.find_spec("nbgrader") is None:
        message = "nbgrader is missing: install what requirements.txt lists"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


@pytest.fixture(scope="session")
def make_course(nbgrader, tmp_path_factory):
    """make_course("pairs/contrastive-loss") -> Course."""

    def make(*named: str) -> Course:
        course = Course(tmp_path_factory.mktemp("course"))
        course.run("-m", "bookkit.course.assignment", *named, "--to", str(course.folder))
        return course

    return make
