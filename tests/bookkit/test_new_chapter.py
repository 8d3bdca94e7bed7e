"""bookkit.new_chapter: a chapter that nobody has touched yet passes the tests of every chapter."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import nbclient
import nbformat
import pytest

from bookkit import ROOT, chapters, new_chapter

PAGE = "nowhere/example"
in_one_process = pytest.mark.xdist_group("new chapter")  # which makes one copy
TESTS = [
    "tests/bookkit/test_chapters.py",
    "tests/bookkit/test_predictions.py",
    "tests/bookkit/colab/test_notebook.py",
    "tests/exercises/test_answers.py",
    "tests/exercises/test_every_exercise.py",
    "tests/site/test_house_rules.py",
    "tests/site/test_seed.py",
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the repository that `make chapter` has written a chapter into."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("book", "src", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, root)
    environment = os.environ | {"PYTHONPATH": str(root / "src")}

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True
        )

    done = python("-m", "bookkit.new_chapter", PAGE, "An example")
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(root=root, python=python, said=done.stdout)


@in_one_process
@pytest.mark.slow
def test_it_passes_every_test_of_a_chapter(copy):
    chosen = ("-m", "not site", "-k", "example or house or chapter or seed")
    done = copy.python("-m", "pytest", "-v", "-p", "no:cacheprovider", *TESTS, *chosen)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "nowhere/example example-shares by columns" in done.stdout
    for tidy in (("format", "--check"), ("check",)):
        done = copy.python("-m", "ruff", *tidy, f"book/{PAGE}.py")
        assert done.returncode == 0, done.stdout


@in_one_process
@pytest.mark.slow
def test_its_notebook_runs_from_top_to_bottom(copy, tmp_path):
    notebook = nbformat.read(copy.root / f"book/{PAGE}.ipynb", 4)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": tmp_path}}).execute()


@in_one_process
@pytest.mark.slow
def test_it_says_what_it_wrote(copy):
    assert copy.said.splitlines()[:4] == [
        f"book/{PAGE}.py",
        f"book/{PAGE}.ipynb",
        f"tests/exercises/answers/{PAGE}.txt",
        "_toc.yml",
    ]


def test_a_page_joins_its_part_or_begins_one_before_the_reference(tmp_path):
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    new = tmp_path / "_toc.yml"
    new.write_text(new_chapter.with_entry(toc, "nowhere/example"), "utf-8")
    parts = chapters.parts(new)
    place = [caption for caption, _ in parts].index("Nowhere")
    assert parts[place] == ("Nowhere", ["nowhere/example"])
    assert parts[place + 1][0] == "Reference"
    new.write_text(new_chapter.with_entry(toc, "text/example"), "utf-8")
    assert dict(chapters.parts(new))["Text"][-1] == "text/example"
    assert len(chapters.parts(new)) == len(chapters.parts())


@pytest.mark.parametrize(
    ("page", "title", "said"),
    [
        ("Further/example", "A", "small letters: further/example"),
        ("example", "A", "small letters"),
        ("../x/y", "A", "small letters"),
        ("nowhere/example", " ", 'TITLE="An example"'),
        ("pairs/training", "A", "is there already; give another name"),
        ("reference/api", "A", "is there already; give another name"),
    ],
)
def test_what_is_no_new_chapter_is_refused(page, title, said):
    with pytest.raises(ValueError, match=said):
        new_chapter.begin(page, title)
