"""bookkit.execution: a chapter is executed again when anything that it depends on changes."""

from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from jupyter_cache.executors.utils import ExecutionResult
from nbclient.exceptions import DeadKernelError

from bookkit import execution

PRINTS = "print(6 * 7)"


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A repository without a package, where notebooks are written and executed."""
    monkeypatch.setattr(execution, "ROOT", tmp_path)
    monkeypatch.setattr(execution, "CACHES", tmp_path / "caches")
    (tmp_path / "src/clipbook").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def ran(monkeypatch):
    """The cells of each notebook that was executed; one that raises fails."""
    cells = []

    def run(notebook, folder, timeout, allow_errors, **named):
        cells.append(notebook.cells[0].source)
        if "exit" in notebook.cells[0].source:
            raise DeadKernelError("Kernel died")
        wrong = "it raised" if "raise" in notebook.cells[0].source else None
        return ExecutionResult(notebook, folder, 0.1, exc_string=wrong)

    monkeypatch.setattr(execution, "single_nb_execution", run)
    monkeypatch.setattr(execution, "ProcessPoolExecutor", lambda mp_context: ThreadPoolExecutor(1))
    return cells


def write(path, *sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{k}") for k, source in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.slow
def test_a_notebook_runs_in_an_empty_folder_and_its_output_is_kept(book):
    notebook = write(book / "a.ipynb", "import os\nos.listdir()", PRINTS)
    wrong = write(book / "b.ipynb", "1 / 0")
    failed = execution.execute([notebook, wrong])
    assert list(failed) == [wrong] and "division by zero" in failed[wrong]
    cache = execution.get_cache(execution.cache_folder())
    _, kept = cache.merge_match_into_notebook(nbformat.read(notebook, 4))
    folder, printed = (cell.outputs[0] for cell in kept.cells)
    assert folder["data"]["text/plain"] == "[]"
    assert printed["text"] == "42\n"


def test_what_fails_is_told_and_tried_again_and_the_others_are_kept(book, ran):
    sources = ["raise 1", "exit()", PRINTS]
    wrong, dead, right = (write(book / f"{k}.ipynb", source) for k, source in enumerate(sources))
    for _ in range(2):
        failed = execution.execute([wrong, dead, right])
        assert failed == {wrong: "it raised", dead: "Kernel died"}
    assert ran == [*sources, *sources[:2]]


def test_only_a_changed_notebook_is_executed_again(book, ran):
    paths = [write(book / "a.ipynb", "1"), write(book / "b.ipynb", "2")]
    execution.execute(paths)
    write(book / "b.ipynb", "3")
    execution.execute(paths)
    assert ran == ["1", "2", "3"]


def test_a_named_kernel_executes_again_what_another_did(book, ran):
    path = write(book / "a.ipynb", "1")
    for kernel in ("", "colab", "colab", ""):  # the site takes what any kernel did
        execution.execute([path], kernel)
    assert ran == ["1", "1"]


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("src/clipbook/README.md", False),
        ("src/clipbook/card.json", True),
        ("src/clipbook/code.py", True),
        ("requirements.txt", True),
        ("src/bookkit/colab/image.toml", True),
    ],
)
def test_all_are_executed_again_when_what_they_import_changes(book, ran, name, again):
    path = write(book / "a.ipynb", "1")
    execution.execute([path])
    (book / name).parent.mkdir(parents=True, exist_ok=True)
    (book / name).write_text("1")
    execution.execute([path])
    assert len(ran) == 1 + again
    assert len(list((book / "caches").iterdir())) == 1


def test_a_digest_is_another_when_a_byte_or_a_name_is(book):
    module = book / "module.py"
    module.write_text("x = 1\n")
    before = execution.digest([module])
    assert before == execution.digest([module])
    module.write_text("x = 2\n")
    changed = execution.digest([module])
    assert changed not in (before, execution.digest([module.rename(book / "other.py")]))
