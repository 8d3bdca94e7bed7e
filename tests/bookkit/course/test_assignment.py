"""bookkit.course.assignment: students get everything but solutions and hidden checks."""

import json
import shlex

import nbformat
import pytest

from bookkit.chapters import read
from bookkit.course import assignment
from bookkit.course.assignment import leaks, master
from bookkit.course.guide import guide, name_of
from tests.bookkit.course.conftest import Course

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


of_all_chapters = pytest.mark.xdist_group("course")  # one worker makes the course


@pytest.fixture(scope="module")
def course(make_course):
    return make_course("all")


@of_all_chapters
@pytest.mark.slow
def test_students_get_no_solution_and_no_hidden_check(course, chapter):
    source, student = (course.notebook(kind, chapter) for kind in ("source", "release"))
    assert leaks(student, source) == []
    for cell, ours in zip(student.cells, source.cells, strict=True):
        assert not cell.get("outputs")
        assert set(cell.metadata) - set(ours.metadata) <= {"deletable", "editable"}


@of_all_chapters
@pytest.mark.slow
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


@of_all_chapters
@pytest.mark.slow
def test_there_is_a_guide_to_each_chapter(course, chapter):
    text = (course.folder / f"guides/{name_of(chapter)}.md").read_text("utf-8")
    facts = read(chapter)
    assert all(objective in text for objective in facts.facts.objectives)
    assert all(exercise.title in text for exercise in facts.exercises)
    assert all(question in text for question, _ in facts.questions)


def test_a_guide_gives_minutes_points_needs_and_what_hidden_checks_look_at():
    text = guide(read("pairs/contrastive-loss"))
    assert "`loss-floor-check` 2, `loss-floor-hidden` 1" in text
    assert "autograd as the reference" in text
    assert "pairs/similarity-matrix" in text


@pytest.mark.slow
def test_own_hidden_checks_are_graded_and_not_handed_out(make_course):
    page = "pairs/similarity-matrix"
    made = make_course(page)
    (made.folder / "private").mkdir()
    (made.folder / "private/pairs-similarity-matrix.py").write_text(PRIVATE, "utf-8")
    made.run("-m", "bookkit.course.assignment", page, "--to", str(made.folder))
    assert "picture_loss is not None" not in json.dumps(made.notebook("release", page))
    assert made.notebook("source", page).cells[-1].metadata["nbgrader"]["grade_id"] == "mine-1"


def test_own_checks_that_students_would_see_are_refused(tmp_path):
    (tmp_path / "pairs-similarity-matrix.py").write_text("# %%\nsecret = 1\n", "utf-8")
    with pytest.raises(ValueError, match="is no hidden check; give it nbgrader's metadata"):
        master("pairs/similarity-matrix", tmp_path)


@pytest.fixture
def typed(monkeypatch, capsys):
    """What the command says, and how it ends, when chapters and a folder are typed."""

    def run(folder, *named: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["assignment.py", *named, "--to", str(folder)])
        code = assignment.main()
        said = capsys.readouterr()
        return code, said.err if code else said.out

    return run


@pytest.mark.parametrize(
    "named",
    [
        *("../x", "../tools/serve", "pairs", "", " ", "a b", "'", '"', "$HOME", "ALL", "x" * 5000),
        *("pairs/training.py", "pairs/training/", "/pairs/training", "reference/why-this-number"),
    ],
)
def test_what_is_no_chapter_is_refused_and_nothing_written(typed, tmp_path, named):
    code, said = typed(tmp_path / "course", "pairs/training", named)
    assert code == 2
    assert said.startswith(f"CHAPTER={named!r} is no chapter; give all, or of start/")
    assert said.count("\n") == 1
    assert not (tmp_path / "course").exists()


def contents(folder) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ("file", "Not a directory; give a folder"),
        ("file/course", "Not a directory; give a folder"),
        (
            "other",
            "is no course of this book, and its README.md, source would be overwritten; give a new",
        ),
        *((place, "nbgrader would look elsewhere") for place in ("a [1]", "what?", "*", "$HOME")),
        ("n" * 300, "File name too long; give a folder"),
    ],
)
def test_a_place_for_no_course_is_refused_and_keeps_what_it_holds(typed, tmp_path, place, rule):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "other/source").mkdir(parents=True)
    (tmp_path / "other/README.md").write_text("mine")
    before = contents(tmp_path)
    code, said = typed(tmp_path / place, "pairs/training")
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"COURSE={tmp_path / place}") and rule in said
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_the_command_that_comes_next_can_be_typed_as_it_is_printed(typed, tmp_path, nbgrader):
    course = tmp_path / 'Ada\'s "course" (1) & {b}'
    code, said = typed(course, "pairs/contrastive-loss")
    assert code == 0
    assert shlex.split(said.rpartition("README.md:  ")[2])[:3] == ["cd", str(course), "&&"]
    assert (course / "release/pairs-contrastive-loss/contrastive-loss.ipynb").is_file()
    for odd in ([], [""], [".."], ["pairs-contrastive-loss/."], ["pairs-contrastive-loss", "x"]):
        told = Course(course).run("look.py", *odd, fails=True)
        assert told == "usage: python look.py <assignment>, one of: pairs-contrastive-loss\n"


def test_what_an_instructor_has_changed_stays(typed, tmp_path, monkeypatch):
    monkeypatch.setattr(assignment, "generate", lambda *_: None)  # by nbgrader, which takes seconds
    course = tmp_path / "course"
    typed(course, "pairs/training")
    config = course / "nbgrader_config.py"
    own = config.read_text("utf-8").replace("SECONDS_A_CELL = 60", "SECONDS_A_CELL = 300")
    config.write_text(own, "utf-8")
    (course / "source/.DS_Store").write_text("of a Mac")
    code, said = typed(course, "pairs/training")
    assert (code, config.read_text("utf-8")) == (0, own)
    assert f"{config} was changed and stays so; delete it to have the book's" in said
    assert said.count("stays so") == 1
    assert "nbgrader zip_collect pairs-training" in (course / "README.md").read_text("utf-8")


def test_somebody_elses_course_is_no_course_of_this_book(typed, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    before = contents(tmp_path)
    code, said = typed(tmp_path, "pairs/training")
    assert code == 2 and "is no course of this book, and its source would be overwritten" in said
    assert contents(tmp_path) == before
