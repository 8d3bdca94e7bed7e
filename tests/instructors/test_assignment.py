"""tools/assignment.py: students get everything but solutions and hidden checks."""

import json

import nbformat
import pytest
from assignment import guide, leaks, master, name_of
from chapters import ROOT, read

METADATA = (
    '{"grade": true, "solution": false, "locked": true, "points": 2, "grade_id": "mine-1", '
    '"schema_version": 3, "task": false}'
)
PRIVATE = f"""# %% nbgrader={METADATA}
# Graded after you hand it in: my own.
### BEGIN HIDDEN TESTS
assert picture_loss is not None
### END HIDDEN TESTS
"""


@pytest.fixture(scope="module")
def course(make_course):
    return make_course("all")


def test_students_get_no_solution_and_no_hidden_check(course, chapter):
    source, student = (course.notebook(kind, chapter) for kind in ("source", "release"))
    assert leaks(student, source) == []
    for cell, ours in zip(student.cells, source.cells, strict=True):
        assert not cell.get("outputs")
        assert set(cell.metadata) - set(ours.metadata) <= {"deletable", "editable"}


def test_students_get_everything_else(course, chapter):
    source, student = (course.notebook(kind, chapter) for kind in ("source", "release"))
    assert len(student.cells) == len(source.cells)
    for theirs, ours in zip(student.cells, source.cells, strict=True):
        if "nbgrader" not in ours.metadata:
            assert theirs.source == ours.source
        elif ours.metadata["nbgrader"]["solution"]:
            assert "raise NotImplementedError()" in theirs.source


def test_a_leak_is_seen(tmp_path):
    source = master("pairs/contrastive-loss", tmp_path)
    assert "BEGIN SOLUTION" in leaks(source, source)
    student = nbformat.v4.new_notebook()
    student.cells = [
        nbformat.v4.new_code_cell("    both = logits.softmax(dim=1) + logits.softmax(dim=0)")
    ]
    assert leaks(student, source) == ["both = logits.softmax(dim=1) + logits.softmax(dim=0)"]
    student = nbformat.v4.new_notebook(metadata={"kept": "### BEGIN HIDDEN TESTS"})
    assert leaks(student, source) == ["BEGIN HIDDEN TESTS"]


def test_there_is_a_guide_to_each_chapter(course, chapter):
    text = (course.folder / f"guides/{name_of(chapter)}.md").read_text("utf-8")
    told = read(chapter)
    assert all(objective in text for objective in told.objectives)
    assert all(one.title in text for one in told.exercises)
    assert all(question in text for question, _ in told.questions)


def test_a_guide_gives_minutes_points_needs_and_what_hidden_checks_look_at():
    text = guide(read("pairs/contrastive-loss"))
    assert "`loss-floor-check` 2, `loss-floor-hidden` 1" in text
    assert "autograd as the reference" in text
    assert "pairs/similarity-matrix" in text


def test_own_hidden_checks_are_graded_and_not_handed_out(make_course):
    page = "pairs/similarity-matrix"
    made = make_course(page)
    (made.folder / "private").mkdir()
    (made.folder / "private/pairs-similarity-matrix.py").write_text(PRIVATE, "utf-8")
    made.run(str(ROOT / "tools/assignment.py"), page, "--to", str(made.folder))
    assert "picture_loss is not None" not in json.dumps(made.notebook("release", page))
    assert made.notebook("source", page).cells[-1].metadata["nbgrader"]["grade_id"] == "mine-1"


def test_own_checks_that_students_would_see_are_refused(tmp_path):
    (tmp_path / "pairs-similarity-matrix.py").write_text("# %%\nsecret = 1\n", "utf-8")
    with pytest.raises(ValueError, match="is no hidden check; give it nbgrader's metadata"):
        master("pairs/similarity-matrix", tmp_path)
