"""A chapter runs from an empty folder, with the package installed from a built wheel."""

from pathlib import Path

import nbformat
import pytest

from tests.environments import ROOT, make_environment, run

pytestmark = pytest.mark.slow

RUN = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    """Python of a new environment that has the wheel, and our dependencies but not our checkout."""
    return make_environment(tmp_path_factory.mktemp("wheel"))


def test_wheel_holds_every_file_of_the_package(elsewhere, tmp_path):
    where = run(elsewhere, "-c", "import clipbook; print(clipbook.__file__)", cwd=tmp_path)
    installed = Path(where.stdout.strip()).parent
    assert installed.is_relative_to(elsewhere.parents[1])
    source = ROOT / "src/clipbook"
    files = [p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    missing = [p for p in files if not (installed / p.relative_to(source)).exists()]
    assert missing == []


def test_chapter_runs_from_an_empty_folder(elsewhere, tmp_path, chapter):
    notebook = nbformat.read(ROOT / f"book/{chapter}.ipynb", 4)
    proof = f"import clipbook; assert clipbook.__file__.startswith({str(elsewhere.parents[1])!r})"
    notebook.cells.append(nbformat.v4.new_code_cell(proof))
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    done = run(elsewhere, "-c", RUN, "chapter.ipynb", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
