"""bookkit.course.zips: what instructors download of a chapter."""

import nbformat
import pytest

from bookkit import notebooks
from bookkit.colab.publish import published
from bookkit.course import zips
from bookkit.course.assignment import leaks

PAGE = "pairs/contrastive-loss"


def test_the_student_notebook_holds_no_secret(chapter):
    made = nbformat.reads(zips.student(chapter, published()), 4)
    assert leaks(made, notebooks.notebook(chapter)) == []


def test_a_notebook_that_would_show_a_solution_is_refused(monkeypatch):
    monkeypatch.setattr(zips, "for_students", lambda master, page, edition: master)
    with pytest.raises(ValueError, match=rf"{PAGE}: the student notebook would show"):
        zips.student(PAGE, published())


def test_the_same_files_give_the_same_bytes(tmp_path):
    files = {"a.txt": "one", "b.txt": "two"}
    first, again = (zips.write(tmp_path / k, PAGE, files).read_bytes() for k in "xy")
    assert first == again
