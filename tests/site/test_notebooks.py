"""tools/notebooks.py: a notebook is a pure function of its source."""

import json
import re

import notebooks

SOURCE = """# %% [markdown]
# # A title

# %% tags=["hide-input"]
import torch

# %%
torch.ones(2)

# %%
torch.ones(2)
"""


def ids(source: str) -> list[str]:
    return [cell["id"] for cell in json.loads(notebooks.notebook(source))["cells"]]


def test_the_same_source_gives_the_same_bytes():
    assert notebooks.notebook(SOURCE) == notebooks.notebook(SOURCE)


def test_ids_are_distinct_and_of_the_form_that_nbformat_allows():
    assert len(set(ids(SOURCE))) == 4
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", i) for i in ids(SOURCE))


def test_a_new_cell_leaves_the_ids_of_the_others_alone():
    longer = SOURCE.replace("# %% tags", '# %%\nprint("new")\n\n# %% tags')
    assert [i for i in ids(longer) if i in ids(SOURCE)] == ids(SOURCE)
    assert len(ids(longer)) == 5


def test_cell_metadata_survives_and_jupytext_leaves_no_trace():
    made = json.loads(notebooks.notebook(SOURCE))
    assert made["cells"][1]["metadata"] == {"tags": ["hide-input"]}
    assert set(made["metadata"]) == {"kernelspec", "language_info"}


def test_check_fails_when_a_notebook_is_out_of_step(tmp_path, monkeypatch, capsys):
    book = tmp_path / "book"
    book.mkdir()
    (book / "chapter.py").write_text(SOURCE, "utf-8")
    monkeypatch.setattr(notebooks, "BOOK", book)
    monkeypatch.setattr("sys.argv", ["notebooks.py", "--check"])
    assert notebooks.main() == 1
    assert "make notebooks" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["notebooks.py"])
    assert notebooks.main() == 0
    monkeypatch.setattr("sys.argv", ["notebooks.py", "--check"])
    assert notebooks.main() == 0


def test_folders_that_begin_with_an_underscore_hold_no_chapters(tmp_path):
    for name in ["_ext/helper.py", "pairs/chapter.py"]:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    assert notebooks.chapters(tmp_path) == [tmp_path / "pairs/chapter.py"]
