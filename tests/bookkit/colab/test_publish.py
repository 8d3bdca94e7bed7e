"""bookkit.colab.publish: the branch for Colab, as the workflow makes and pushes it."""

import json
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from bookkit import notebooks
from bookkit.address import address
from bookkit.colab import publish

pytestmark = pytest.mark.slow  # builds the package


@pytest.fixture(scope="module")
def branch(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("colab") / "branch"
    publish.publish(folder)
    return folder


def test_every_chapter_is_there_for_readers_and_for_students(branch):
    assert notebooks.sources()
    for page in notebooks.sources():
        for folder in ("book", "student"):
            nbformat.validate(nbformat.read(branch / folder / f"{page}.ipynb", 4))


def test_nothing_leads_beside_the_notebook_or_needs_sphinx(branch):
    for path in branch.rglob("*.ipynb"):
        said = "\n".join(
            cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"
        )
        prose = re.sub(r"`[^`\n]+`|\$[^$]+\$", "", said)
        assert not re.search(r"\{[\w:]+\}`|^:::|^```\{", said, re.M), path
        assert all(
            target.startswith(("https://", "data:", "#"))
            for target in re.findall(r"\]\(([^)]+)\)", prose)
        ), path


def test_set_up_installs_the_wheel_that_lies_there(branch):
    (package,) = branch.glob("*.whl")
    for path in branch.rglob("*.ipynb"):
        cells = nbformat.read(path, 4).cells
        setup = next(cell.source for cell in cells if cell.cell_type == "code")
        assert f'PACKAGE = "{address()}/raw/colab/{package.name}"' in setup


def test_students_never_hold_a_solution_or_a_hidden_check(branch):
    for page, source in notebooks.sources().items():
        student = (branch / "student" / f"{page}.ipynb").read_text("utf-8")
        assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)", student)
        given = "\n".join(cell.source for cell in nbformat.reads(student, 4).cells)
        for kept in re.findall(
            r"### BEGIN \w+.*?\n(.*?)\s*### END", source.read_text("utf-8"), re.S
        ):
            assert kept.strip() not in given


def git(*arguments, cwd: Path) -> str:
    command = ["git", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def test_pushing_replaces_the_notebooks_keeps_older_wheels_and_leaves_the_checkout_alone(tmp_path):
    remote, work, folder = tmp_path / "remote.git", tmp_path / "work", tmp_path / "branch"
    git("init", "--quiet", "--bare", remote, cwd=tmp_path)
    git("init", "--quiet", work, cwd=tmp_path)
    (work / "README.md").write_text("mine")
    git("add", "README.md", cwd=work)
    for version, chapter in [("1", "old"), ("1", "old"), ("2", "new")]:
        subprocess.run(["rm", "-rf", folder], check=True)
        (folder / "book").mkdir(parents=True)
        (folder / f"clipbook-{version}-py3-none-any.whl").write_text(version)
        (folder / f"book/{chapter}.ipynb").write_text(json.dumps(version))
        (folder / "README.md").write_text(version)
        publish.push(folder, str(remote), work)
    assert git("ls-tree", "-r", "--name-only", "colab", cwd=remote).split() == [
        "README.md",
        "book/new.ipynb",
        "clipbook-1-py3-none-any.whl",
        "clipbook-2-py3-none-any.whl",
    ]
    assert git("show", "colab:README.md", cwd=remote) == "2"
    assert git("status", "--short", cwd=work) == "A  README.md\n"


def test_a_remote_that_cannot_be_reached_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(publish, "publish", lambda folder: None)
    monkeypatch.setattr("sys.argv", ["publish", str(tmp_path), "--push", str(tmp_path / "none")])
    assert publish.main() == 1
    assert "cannot push to" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["file", "other", "dist"])
def test_a_folder_of_other_things_is_refused_and_kept(tmp_path, monkeypatch, capsys, place):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/essay.md").write_text("mine")
    (tmp_path / "dist").mkdir()  # of wheels, as the branch has them, too
    (tmp_path / "dist/clipbook-0.1.0-py3-none-any.whl").write_text("mine")
    monkeypatch.setattr("sys.argv", ["publish", str(tmp_path / place)])
    assert publish.main() == 2
    assert "would be emptied, and holds no branch; give a new folder" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"] * 3
