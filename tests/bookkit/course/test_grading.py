"""Grading by nbgrader: a class of simulated students."""

import csv
import zipfile
from pathlib import Path

import nbformat
import pytest

from bookkit import ROOT
from tests.bookkit.course import students
from tests.bookkit.course.cells import essential, role, solutions

pytestmark = pytest.mark.slow


def scores(course) -> dict[str, float]:
    """What `nbgrader export` writes for each student."""
    course.run("-m", "nbgrader", "export", f"--assignment={students.NAME}", "--to=grades.csv")
    with open(course.folder / "grades.csv", newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


# Of every exercise in every chapter, tests/exercises asks that its checks refuse the blank and pass
# the book's own answer; nbgrader, which takes seconds a submission, grades one chapter.
in_one_process = pytest.mark.xdist_group("class")


@pytest.fixture(scope="module")
def graded(make_course):
    """The class: collected as three kinds of download, graded, looked at."""
    course = make_course(students.PAGE)
    config = course.folder / "nbgrader_config.py"
    text = config.read_text("utf-8")
    config.write_text(text.replace("SECONDS_A_CELL = 60", "SECONDS_A_CELL = 10"), "utf-8")
    source = course.notebook("source", students.PAGE)
    blank = course.notebook("release", students.PAGE)
    essential(blank, source)
    members = list(students.students(blank, solutions(source)))
    download(members, course.folder / f"downloaded/{students.NAME}/archive")
    before = {path for path in course.folder.rglob("*") if "submitted" not in path.parts}
    collected = course.run("-m", "nbgrader", "zip_collect", students.NAME)
    # It ends in an error, as two submissions can't be graded, after it has graded the others.
    course.run("-m", "nbgrader", "autograde", students.NAME, fails=True)
    said = course.run("look.py", students.NAME)
    remarks = dict(line.split(": ", 1) for line in said.splitlines())
    return course, members, collected, scores(course), remarks, before


def download(members: list, archive: Path) -> None:
    """Submissions in a zip of Moodle's, a zip of Canvas's, and as files."""
    archive.mkdir(parents=True)
    moodle, canvas = (archive / f"{name}.zip" for name in ("Week 3-Loss-4711", "submissions"))
    with zipfile.ZipFile(moodle, "w") as one, zipfile.ZipFile(canvas, "w") as other:
        for k, member in enumerate(members):
            late = "LATE_" * (k % 2)
            name, text = f"{students.STEM}.ipynb", member.submission
            if k % 3 == 0:
                one.writestr(f"Ada B. Lovelace_{member.id}_assignsubmission_file_/{name}", text)
            elif k % 3 == 1:
                again = f"{students.STEM}-1.ipynb"
                other.writestr(f"lovelaceada_{late}{member.id}_90210_{again}", text)
            else:
                (archive / f"{member.id}_Copy of {name}").write_text(text, "utf-8")
    (archive / "essay.pdf").write_text("not a notebook")


@in_one_process
def test_every_submission_is_collected_and_what_is_skipped_is_named(graded):
    course, members, collected, *_ = graded
    assert {p.name for p in (course.folder / "submitted").iterdir()} == {m.id for m in members}
    assert "essay.pdf" in collected
    assert f"{len(members)} files collected, 1 files skipped" in collected


@in_one_process
def test_every_student_gets_the_score_deserved(graded):
    _, members, _, got, _, _ = graded
    assert got == {member.id: member.score for member in members}


@in_one_process
def test_a_blank_earns_nothing_for_want_of_an_answer_not_of_a_name(graded):
    course, *_ = graded
    name = f"autograded/blank/{students.NAME}/{students.STEM}.ipynb"
    checks = [c for c in nbformat.read(course.folder / name, 4).cells if role(c).get("grade")]
    assert len(checks) > 3
    for cell in checks:
        assert "not written yet" in str(cell.outputs), role(cell)["grade_id"]


@in_one_process
def test_those_who_need_a_person_are_named_and_no_others(graded):
    _, members, _, _, remarks, _ = graded
    assert remarks.keys() == {member.id for member in members if member.named}
    for member in members:
        assert member.named in remarks.get(member.id, "")


@in_one_process
def test_no_submission_leaves_a_file_in_the_course(graded):
    course, *_, before = graded
    own = {"submitted", "autograded", "downloaded", "grades.csv", "__pycache__"}
    after = {
        path
        for path in course.folder.rglob("*")
        if not own & set(path.relative_to(course.folder).parts)
    }
    assert after <= before


@in_one_process
def test_feedback_is_written(graded):
    course, *_ = graded
    course.run("-m", "nbgrader", "generate_feedback", students.NAME, "--student=right")
    assert (course.folder / f"feedback/right/{students.NAME}/{students.STEM}.html").exists()


@in_one_process
def test_the_guide_shows_this_class(graded):
    guide = (ROOT / "book/instructors/guide.md").read_text("utf-8")
    assert students.table(graded[1]) in guide
