"""bookkit.notebooks: a notebook is a pure function of its source."""

import re

import pytest

from bookkit import BOOK, notebooks

SOURCE = """# %% [markdown]
# # A title

# %% tags=["a tag"]
import math

# %%
math.pi

# %%
math.pi
"""


@pytest.fixture
def made(tmp_path):
    """The notebook that a source makes."""

    def make(source: str = SOURCE):
        (tmp_path / "page.py").write_text(source, "utf-8")
        return notebooks.notebook("page", tmp_path)

    return make


def ids(notebook) -> list[str]:
    return [cell["id"] for cell in notebook.cells]


def test_the_same_source_gives_the_same_bytes(made, tmp_path):
    made()
    assert notebooks.text("page", tmp_path) == notebooks.text("page", tmp_path)


def test_ids_are_distinct_and_of_the_form_that_nbformat_allows(made):
    assert len(set(ids(made()))) == 5
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", i) for i in ids(made()))


def test_a_new_cell_leaves_the_ids_of_the_others_alone(made):
    before = ids(made())
    longer = ids(made(SOURCE.replace("# %% tags", '# %%\nprint("new")\n\n# %% tags')))
    assert [i for i in longer if i in before] == before
    assert len(longer) == 6


def test_cell_metadata_survives_and_jupytext_leaves_no_trace(made):
    assert made().cells[2].metadata == {"tags": ["a tag"]}
    assert set(made().metadata) == {"kernelspec", "language_info"}


def test_the_set_up_cell_is_the_first_code_and_folded(made):
    first = next(cell for cell in made().cells if cell.cell_type == "code")
    assert first.source == notebooks.SETUP
    assert first.metadata == {"tags": ["hide-input"]}


def test_a_notebook_that_is_out_of_step_is_found(tmp_path, monkeypatch, capsys):
    (tmp_path / "part").mkdir()
    (tmp_path / "part/page.py").write_text(SOURCE, "utf-8")
    (stale,) = notebooks.out_of_step(tmp_path).items()
    assert stale == (tmp_path / "part/page.ipynb", notebooks.text("part/page", tmp_path))
    stale[0].write_text(stale[1], "utf-8")
    assert notebooks.out_of_step(tmp_path) == {}
    stale = dict.fromkeys([notebooks.ROOT / "_build/a.ipynb"], "")
    monkeypatch.setattr(notebooks, "out_of_step", lambda: stale)
    monkeypatch.setattr("sys.argv", ["notebooks", "--check"])
    assert notebooks.main() == 1
    assert "make notebooks" in capsys.readouterr().out


@pytest.mark.parametrize("folder", [".ipynb_checkpoints", ".cache/pairs"])
def test_what_an_editor_keeps_in_a_hidden_folder_is_no_chapter(tmp_path, folder):
    for name in (f"{folder}/loss-checkpoint.py", "pairs/loss.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(SOURCE)
    assert list(notebooks.sources(tmp_path)) == ["pairs/loss"]


@pytest.mark.parametrize(
    ("line", "said"),
    [("minutes: five", "minutes"), ("question: what: is it?", "its front matter is no YAML")],
)
def test_an_authors_slip_is_one_sentence(tmp_path, monkeypatch, capsys, line, said):
    source = (BOOK / "pairs/similarity-matrix.py").read_text("utf-8")
    name = line.partition(":")[0]
    (tmp_path / "mine.py").write_text(
        re.sub(rf"(?m)^(#\s+){name}: .*$", rf"\1{line}", source, count=1)
    )
    monkeypatch.setattr("sys.argv", ["notebooks"])
    monkeypatch.setattr(notebooks.out_of_step, "__defaults__", (tmp_path,))
    assert notebooks.main() == 2
    told = capsys.readouterr().err
    assert told.startswith("mine: ") and said in told
