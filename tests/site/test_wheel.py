"""A chapter runs from an empty folder, with the package installed from a built wheel."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

RUN = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    """Python of a new environment that has the wheel, and our dependencies but not our checkout.

    Its .pth file lends it the packages of this environment. What an editable install leaves there
    is a .pth file of its own, which Python reads only in an environment's own folder.
    """
    home = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", home, ROOT]
    subprocess.run(build, check=True)
    venv.create(home / "venv", with_pip=False)
    python = home / "venv/bin/python"
    (wheel,) = home.glob("*.whl")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    (Path(packages) / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([python, "-m", "ipykernel", "install", "--sys-prefix"], check=True)
    return python


def run(python: Path, *arguments, cwd: Path) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    command = [python, *arguments]
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True)


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
