"""tools/chapters.py: what the text says is what the tools know."""

import chapters
import pytest

CHAPTER = """# %% [markdown]
# # A title
#
# Something is so. **Why is it
# so?**

# %% [markdown]
# After this chapter you can
#
# 1. do one thing,
#    and explain it;
# 2. do another.

# %% [markdown]
# **You need** [first](first.ipynb) and [far](../far/away.ipynb). **Time:** 20 minutes to read, 45
# with the exercises. On the [map](../index.md) this is nowhere.

# %% [markdown]
# ## Exercise: count
#
# *3 points, 25 minutes, easy.* Count the
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


def read(tmp_path, text: str) -> chapters.Chapter:
    (tmp_path / "near").mkdir()
    (tmp_path / "near/it.py").write_text(text, "utf-8")
    return chapters.read("near/it", tmp_path)


def test_everything_that_the_text_says_is_read(tmp_path):
    chapter = read(tmp_path, CHAPTER)
    assert (chapter.title, chapter.question) == ("A title", "Why is it so?")
    assert chapter.objectives == ("do one thing, and explain it", "do another.")
    assert chapter.needs == "first and far"
    assert chapter.prerequisites == ("near/first", "far/away")
    assert (chapter.reading, chapter.minutes, chapter.points) == (20, 45, 3)
    (exercise,) = chapter.exercises
    assert (exercise.title, exercise.task) == ("count", "Count the things.")
    assert (exercise.points, exercise.minutes, exercise.difficulty) == (3, 25, "easy")
    assert exercise.checks == (("count-check", 2), ("count-hidden", 1))
    assert exercise.hidden == ("other things",)
    assert chapter.questions == (("Which one?", 'This one. "That one" is wrong.'),)


def test_points_that_do_not_add_up_are_refused(tmp_path):
    with pytest.raises(ValueError, match="says 4 points, its check cells give 3"):
        read(tmp_path, CHAPTER.replace("*3 points", "*4 points"))


def test_a_chapter_of_another_form_is_told_the_form(tmp_path):
    with pytest.raises(ValueError, match=r"near/it: .*20 minutes to read"):
        read(tmp_path, CHAPTER.replace("20 minutes to read", "20 minutes of reading"))


def test_a_chapter_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="'far/away' is no chapter"):
        chapters.read("far/away", tmp_path)


def test_pages_come_in_the_order_of_the_table_of_contents(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.py").write_text(CHAPTER, "utf-8")
    (tmp_path / "tables.py").write_text("# %% [markdown]\n# # No exercises here\n", "utf-8")
    toc = tmp_path / "_toc.yml"
    first, second = "[{file: b}, {file: c}, {file: tables}]", "[{file: a}]"
    toc.write_text(f"root: i\nparts: [{{chapters: {first}}}, {{chapters: {second}}}]", "utf-8")
    assert chapters.pages(toc, tmp_path) == ["b", "a"]


def test_every_chapter_keeps_to_the_form(chapter):
    told = chapters.read(chapter)
    assert told.question.endswith("?")
    assert len(told.objectives) == 3
    assert told.questions


def test_reading_and_exercises_make_up_the_time(chapter):
    told = chapters.read(chapter)
    assert told.minutes == told.reading + sum(one.minutes for one in told.exercises)


def test_prerequisites_come_before_the_chapter(chapter):
    order = chapters.pages()
    later = order[order.index(chapter) :]
    assert not set(chapters.read(chapter).prerequisites) & set(later)


def test_hidden_checks_are_described(chapter):
    for exercise in chapters.read(chapter).exercises:
        hidden = [name for name, _ in exercise.checks if name.endswith("-hidden")]
        assert len(exercise.hidden) == len(hidden), exercise.title


def test_grade_ids_are_unique_in_the_book():
    names = [n for c in chapters.read_all() for e in c.exercises for n, _ in e.checks]
    assert len(set(names)) == len(names)


def test_the_index_lists_every_exercise_and_sums_them(tmp_path):
    import teaching

    two = [read(tmp_path, CHAPTER)] * 2
    listed = teaching.exercise_index(two)
    assert listed.startswith("In all 2 exercises, 50 minutes, 6 points.")
    assert listed.count("1 exercise, 25 minutes, 3 points") == 2
    assert listed.count("- **count** (25 minutes, 3 points, easy). Count the things.") == 2
