"""bookkit.chapters: a chapter's facts stand once, and what is not of the form is refused."""

import csv
import io
import re
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from docutils import nodes

from bookkit import BOOK, chapters, notebooks
from bookkit.pages import teaching

CHAPTER = """# ---
# jupyter:
#   chapter:
#     question: Why is it so?
#     objectives:
#     - do one thing, and explain it
#     - do another
#     needs: [near/first, far/away]
#     background: some Python
#     note: It is short.
#     minutes: 20
#     place: this is nowhere
# ---

# %% [markdown]
# # A title
#
# Something is so. {question} Nobody knows.

# %% [markdown] exercise={"minutes": 25, "difficulty": "easy"}
# ## Exercise: count
#
# Count the
# things.
#
# More about them.

# %% nbgrader={"grade": false, "solution": true, "grade_id": "count"}
count = 1

# %% nbgrader={"grade": true, "solution": false, "grade_id": "count-check", "points": 2}
assert count

# %% nbgrader={"grade": true, "solution": false, "grade_id": "count-hidden", "points": 1}
# Graded after you hand it in: other things.
assert count == 1

# %% [markdown]
# ## Check yourself
#
# **1.** Which
# one?
#
# <details><summary>Answer</summary>
#
# This one. "That one" is wrong.
#
# </details>
"""


@pytest.fixture
def book(tmp_path):
    """A book of three chapters."""
    for page, title in [("near/it", "A title"), ("near/first", "The first"), ("far/away", "CNN")]:
        path = tmp_path / f"{page}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(CHAPTER.replace("# # A title", f"# # {title}"), "utf-8")
    return tmp_path


def changed(book, old: str, new: str) -> None:
    path = book / "near/it.py"
    assert CHAPTER.count(old) == 1
    path.write_text(CHAPTER.replace(old, new), "utf-8")


def test_everything_that_the_source_says_is_read(book):
    chapter = chapters.read("near/it", book)
    assert (chapter.title, chapter.facts.question) == ("A title", "Why is it so?")
    assert chapter.facts.objectives == ["do one thing, and explain it", "do another"]
    assert chapter.facts.needs == ["near/first", "far/away"]
    assert (chapter.facts.minutes, chapter.minutes, chapter.points) == (20, 45, 3)
    (exercise,) = chapter.exercises
    assert (exercise.title, exercise.task) == ("count", "Count the things.")
    assert (exercise.points, exercise.minutes, exercise.difficulty) == (3, 25, "easy")
    assert exercise.checks == (("count-check", 2), ("count-hidden", 1))
    assert exercise.hidden == ("other things",)
    assert chapter.questions == (("Which one?", 'This one. "That one" is wrong.'),)


def test_the_header_of_the_notebook_is_made_of_the_facts(book):
    opening, goals, needs, _, task = (
        cell.source for cell in notebooks.notebook("near/it", book).cells[:5]
    )
    assert opening.endswith("Something is so. **Why is it so?** Nobody knows.")
    assert goals == (
        "After this chapter you can\n\n1. do one thing, and explain it;\n2. do another."
    )
    assert needs == (
        "**You need** the [first](first.ipynb), [CNN](../far/away.ipynb) and some Python. It is "
        "short. **Time:** 20 minutes to read, 45 with the exercises. On the [map of the whole "
        "model](../index.md) this is nowhere."
    )
    assert task.startswith("## Exercise: count\n\n*3 points, 25 minutes, easy.* Count the\n")


def test_a_chapter_that_needs_no_other_says_so(book):
    changed(book, "#     needs: [near/first, far/away]\n", "")
    needs = notebooks.notebook("near/it", book).cells[2].source
    assert needs.startswith("**You need** some Python; no other chapter. It is short. **Time:**")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("#     minutes: 20\n", "", r"near/it: .*minutes.*CONTRIBUTING"),
        ("#     minutes: 20\n", "#     minutes: many\n", r"minutes is 'many'; make it a int"),
        ("#     minutes: 20\n", "#     minuts: 20\n", r"near/it: .*minuts.*CONTRIBUTING"),
        ("[near/first, far/away]", "near/first", r"needs is 'near/first'; make it a list"),
        (', "difficulty": "easy"', "", r'near/it, count: its cell must begin .*"difficulty"'),
        ("# # A title", "# Text.", r"near/it: no line like '# Title'"),
        ("#     note: It", "#     builds: [median]\n#     note: It", r"builds 'median'; give full"),
    ],
)
def test_what_is_not_of_the_form_is_refused_with_the_form(book, old, new, said):
    changed(book, old, new)
    with pytest.raises(ValueError, match=said):
        chapters.read("near/it", book)


def test_a_chapter_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="'far/away' is no chapter"):
        chapters.read("far/away", tmp_path)


def test_chapters_come_in_the_order_of_the_table_of_contents(book):
    (book / "tables.py").write_text("# %% [markdown]\n# # No chapter\n", "utf-8")
    toc = book / "_toc.yml"
    first, second = "[{file: near/it}, {file: c}, {file: tables}]", "[{file: far/away}]"
    toc.write_text(
        f"root: i\nparts: [{{caption: A, chapters: {first}}}, {{chapters: {second}}}]", "utf-8"
    )
    listed = [("", ["i"]), ("A", ["near/it", "c", "tables"]), ("", ["far/away"])]
    assert chapters.parts(toc) == listed
    assert chapters.names(toc, book) == ["near/it", "far/away"]


def test_every_chapter_keeps_to_the_form(chapter):
    read = chapters.read(chapter)
    assert read.facts.question.endswith("?")
    assert len(read.facts.objectives) == 3
    assert read.questions, "it ends without '## Check yourself' and questions: see CONTRIBUTING.md"
    assert (BOOK / f"{chapter}.py").read_text("utf-8").count("{question}") == 1


def reading_time(chapter: str) -> float:
    """Minutes: 200 words a minute, 9 seconds a line of code; exercises have their own time."""
    words, lines, exercise = 0, 0, False
    for cell in chapters.cells(BOOK / f"{chapter}.py")[1]:
        if cell.source.startswith("## "):
            exercise = cell.source.startswith("## Exercise")
        if cell.cell_type == "markdown" and not exercise:
            words += len(re.findall(r"[A-Za-z]+", cell.source))
        elif cell.cell_type == "code" and not exercise:
            code = [line.strip() for line in cell.source.splitlines()]
            lines += sum(not line.startswith(("#", "import", "from")) for line in code if line)
    return words / 200 + lines * 9 / 60


def test_the_minutes_to_read_are_honest(chapter):
    assert chapters.read(chapter).facts.minutes == pytest.approx(reading_time(chapter), abs=6)


def test_prerequisites_come_before_the_chapter(chapter):
    order = chapters.names()
    assert set(chapters.read(chapter).facts.needs) <= set(order[: order.index(chapter)])


def test_a_task_is_whole_in_the_index(chapter):
    for exercise in chapters.read(chapter).exercises:
        assert not exercise.task.endswith(":"), exercise.title


def test_hidden_checks_are_described(chapter):
    for exercise in chapters.read(chapter).exercises:
        hidden = [name for name, _ in exercise.checks if name.endswith("-hidden")]
        assert len(exercise.hidden) == len(hidden), exercise.title


def test_grade_ids_are_unique_in_the_book():
    names = [n for c in chapters.read_all() for e in c.exercises for n, _ in e.checks]
    assert len(set(names)) == len(names)


def test_the_index_lists_every_exercise_and_sums_them(book):
    two = [chapters.read("near/it", book)] * 2
    listed = teaching.exercise_index(two)
    assert listed.startswith("In all 2 exercises, 50 minutes, 6 points.")
    assert listed.count("1 exercise, 25 minutes, 3 points") == 2
    line = (
        "- [count](/near/it.ipynb#exercise-count) (25 minutes, 3 points, easy). Count the things."
    )
    assert listed.count(line) == 2


def test_one_session_is_of_a_chapter_that_needs_no_other(book):
    changed(book, "#     needs: [near/first, far/away]\n", "")
    said = teaching.one_session([chapters.read(page, book) for page in ("far/away", "near/it")])
    assert "</near/it>`** needs no other chapter: 20 minutes to read, 25 for 1 exercise" in said
    assert "3 points" in said and 'href="near-it.zip"' in said


def test_what_a_chapter_needs_is_summed_once_with_all_that_comes_before():
    attention, embeddings, tokens = (
        chapters.read(f"text/{name}") for name in ("attention", "embeddings", "tokenization")
    )
    assert embeddings.page in attention.facts.needs and tokens.page in embeddings.facts.needs
    rows = teaching.prerequisites(chapters.read_all()).splitlines()
    whole = {row.split("`")[1].split(" <")[0]: row.split("|")[-2].strip() for row in rows[2:]}
    assert whole[tokens.title] == teaching.hours(way_by_hand(tokens.page))
    assert whole[attention.title] == teaching.hours(way_by_hand(attention.page))


def way_by_hand(page: str) -> int:
    """Minutes of the pages that can be reached, each once."""
    reached, waiting = set(), [page]
    while waiting:
        reached.add(here := waiting.pop())
        waiting += chapters.read(here).facts.needs
    return sum(chapters.read(here).minutes for here in reached)


def test_a_syllabus_sums_what_it_lists_and_refuses_what_is_no_chapter():
    total = chapters.read("pairs/contrastive-loss").minutes
    text = teaching.syllabus_table(["Monday | pairs/contrastive-loss | read it before"])
    assert f"| **in all {teaching.hours(total)}** |" in text
    with pytest.raises(ValueError, match="'pairs/none' is no chapter"):
        teaching.syllabus(["Monday | pairs/none | ?"])


def test_a_syllabus_as_csv_holds_titles_and_numbers_and_survives_commas():
    chapter = chapters.read("pairs/contrastive-loss")
    lines = ['Monday | pairs/contrastive-loss | read, "then" write', "Friday | | a talk"]
    link = BeautifulSoup(teaching.as_csv(lines, "My plan"), "html.parser").a
    assert link["download"] == "my-plan.csv"
    head, monday, friday, whole = csv.reader(io.StringIO(unquote(link["href"].partition(",")[2])))
    practise = chapter.minutes - chapter.facts.minutes
    numbers = [str(chapter.facts.minutes), str(practise), str(chapter.points)]
    assert monday == ["Monday", chapter.title, *numbers, 'read, "then" write']
    assert friday == ["Friday", "", "0", "0", "0", "a talk"]
    assert whole == ["in all", "", *numbers, ""]
    assert len(head) == len(monday)


def test_an_exercise_in_the_index_tells_its_part_difficulty_and_minutes(book):
    items = nodes.bullet_list("", nodes.list_item())
    form, _ = teaching.marked([items], [chapters.read("near/it", book)])
    assert items[0]["classes"] == ["part-near", "easy", "minutes-25", "points-3"]
    assert "<option>near</option>" in form.astext()
