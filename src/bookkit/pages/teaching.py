"""What instructors need to know of all chapters, from what the chapters say about themselves.

- `{syllabus} a name` makes a table of lines like `Monday | text/tokenization | a remark`, with
  minutes and points summed, and the same as CSV to download.
- `{exercise-index}` lists every exercise: chapter, task, minutes, points, difficulty. By these
  scripts/exercises.js lets a reader choose.
- `{one-session}` says what can be taught without any other chapter, and where it lies.
- `{prerequisites}` lists which chapter needs which.
- `{student-notebooks}` links to each chapter's student version in Colab, and to its ZIP, which
  course/zips.py writes.

Numbers are the chapters' own facts, so none is typed twice.
"""

import csv
import html
import io
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from docutils import nodes
from myst_parser.mdit_to_docutils.base import default_slugify
from sphinx.util.docutils import SphinxDirective

from bookkit import BOOK, chapters
from bookkit.address import address, opens


def table(head: list[str], rows: Iterable[list]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in lines)


def link(chapter: chapters.Chapter) -> str:
    return f"{{doc}}`{chapter.title} </{chapter.page}>`"


def hours(minutes: int) -> str:
    return f"{minutes // 60} h {minutes % 60:02} min"


SYLLABUS = ["when", "chapters", "min to read", "min for exercises", "points", "in class"]


def syllabus(lines: Iterable[str], name=lambda chapter: chapter.title) -> list[list]:
    """A row for each line, as SYLLABUS heads them, with chapters by `name`.

    Raises ValueError where a line names no chapter that there is.
    """
    rows = []
    for line in lines:
        when, named, remark = (part.strip() for part in line.split("|"))
        here = [chapters.read(page) for page in named.split()]
        reading, minutes = sum(c.facts.minutes for c in here), sum(c.minutes for c in here)
        worth = sum(c.points for c in here)
        rows.append([when, ", ".join(map(name, here)), reading, minutes - reading, worth, remark])
    return rows


def sums(rows: list[list]) -> list[int]:
    """Minutes to read, minutes for exercises and points of all rows."""
    return [sum(row[k] for row in rows) for k in (2, 3, 4)]


def syllabus_table(lines: Iterable[str]) -> str:
    rows = syllabus(lines, link)
    read, practise, points = sums(rows)
    whole = [f"**in all {hours(read + practise)}**", "", read, practise, points, ""]
    return table(SYLLABUS, [*([row[0], row[1] or "–", *row[2:]] for row in rows), whole])


def as_csv(lines: Iterable[str], title: str = "syllabus") -> str:
    """A link that holds the table, for spreadsheets."""
    text, rows = io.StringIO(), syllabus(lines)
    csv.writer(text).writerows([SYLLABUS, *rows, ["in all", "", *sums(rows), ""]])
    name = f"{nodes.make_id(title)}.csv"
    there = f"data:text/csv;charset=utf-8,{quote(text.getvalue())}"
    return f'<a download="{name}" href="{there}">This table as CSV</a>'


def exercise_index(all_chapters: list[chapters.Chapter]) -> str:
    exercises = [exercise for chapter in all_chapters for exercise in chapter.exercises]
    parts = [f"In all {_worth(exercises)}."]
    for chapter in all_chapters:
        lines = [f"**{link(chapter)}**: {_worth(chapter.exercises)}", ""]
        for exercise in chapter.exercises:
            details = [
                f"{exercise.minutes} minutes",
                _many(exercise.points, "point"),
                exercise.difficulty,
            ]
            place = f"/{chapter.page}.ipynb#{default_slugify(f'Exercise: {exercise.title}')}"
            lines.append(
                f"- [{exercise.title}]({place}) ({', '.join(filter(None, details))}). "
                f"{exercise.task}"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def marked(made: list[nodes.Node], all_chapters: list[chapters.Chapter]) -> list[nodes.Node]:
    """The index with what a script chooses by: part, difficulty and minutes, as classes."""
    items = [item for node in made for item in node.findall(nodes.list_item)]
    exercises = [(c.page, exercise) for c in all_chapters for exercise in c.exercises]
    for item, (page, exercise) in zip(items, exercises, strict=True):
        part = page.partition("/")[0]
        numbers = [f"minutes-{exercise.minutes}", f"points-{exercise.points}"]
        item["classes"] += [f"part-{part}", exercise.difficulty, *numbers]
    menus = {
        "part": {page.partition("/")[0]: None for page, _ in exercises},
        "difficulty": ["easy", "medium", "hard"],
        "at most": [f"{minutes} minutes" for minutes in (10, 15, 20, 30)],
    }
    fields = "".join(
        f"<label>{name} <select><option>any</option>"
        f"{''.join(f'<option>{html.escape(choice)}</option>' for choice in choices)}"
        "</select></label>"
        for name, choices in menus.items()
    )
    form = (
        f'<form class="exercise-filter"><fieldset disabled><legend>Show</legend>{fields}</fieldset>'
        '<p role="status"></p><p><a hidden download="exercises.csv">These as CSV</a></p></form>'
    )
    return [nodes.raw("", form, format="html"), *made]


def _worth(exercises: Sequence[chapters.Exercise]) -> str:
    minutes, points = (
        sum(exercise.minutes for exercise in exercises),
        sum(exercise.points for exercise in exercises),
    )
    return f"{_many(len(exercises), 'exercise')}, {minutes} minutes, {_many(points, 'point')}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def handed_out(chapter: chapters.Chapter) -> list[str]:
    """Links to what students get, and to the ZIP for their teacher."""
    there, zipped = opens(address(), chapter.page, "student"), chapter.page.replace("/", "-")
    return [
        f"[{chapter.title}, for students]({there})",
        f'<a download href="{zipped}.zip">{html.escape(chapter.title)}, ZIP</a>',
    ]


def one_session(all_chapters: list[chapters.Chapter]) -> str:
    """What suits who teaches one session and has little time: the first chapter that needs none."""
    chapter = next(one for one in all_chapters if not one.facts.needs)
    practise = chapter.minutes - chapter.facts.minutes
    notebook, zipped = handed_out(chapter)
    return (
        f"**{link(chapter)}** needs no other chapter: {chapter.facts.minutes} minutes to read, "
        f"{practise} for {_many(len(chapter.exercises), 'exercise')} that give "
        f"{_many(chapter.points, 'point')}. Students open {notebook}, in Colab and without "
        f"solutions; {zipped} holds the same notebook, a guide for you and slides."
    )


def student_notebooks(all_chapters: list[chapters.Chapter]) -> str:
    rows = [[link(one), *handed_out(one), one.points] for one in all_chapters]
    head = ["chapter", "in Colab, without solutions", "notebook, guide and slides", "points"]
    return table(head, rows)


def prerequisites(all_chapters: list[chapters.Chapter]) -> str:
    known = {chapter.page: chapter for chapter in all_chapters}

    def way(page: str) -> set[str]:
        """The chapter and all that comes before it."""
        return {page}.union(*map(way, known[page].facts.needs))

    rows = []
    for chapter in all_chapters:
        needs = [*(link(known[page]) for page in chapter.facts.needs), chapter.facts.background]
        whole = sum(known[page].minutes for page in way(chapter.page))
        rows.append([link(chapter), ", ".join(filter(None, needs)), chapter.minutes, hours(whole)])
    return table(["chapter", "needs", "minutes", "with all that it needs"], rows)


class FromChapters(SphinxDirective):
    """A directive whose page is made again when a chapter has changed."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        everything = chapters.read_all()
        for chapter in everything:
            self.env.note_dependency(str(BOOK / f"{chapter.page}.py"))
        if self.name != "syllabus":
            made = self.parse_text_to_nodes(MAKERS[self.name](everything))
            return marked(made, everything) if self.name == "exercise-index" else made
        lines = [line for line in self.content if line.strip()]
        try:
            text = f"{syllabus_table(lines)}\n\n{as_csv(lines, *self.arguments)}"
        except ValueError as error:
            raise self.error(str(error)) from error
        return self.parse_text_to_nodes(text)


MAKERS = {
    "exercise-index": exercise_index,
    "one-session": one_session,
    "prerequisites": prerequisites,
    "student-notebooks": student_notebooks,
}


def add_script(app, pagename, templatename, context, doctree) -> None:
    if doctree is not None and any("exercise-filter" in raw for raw in _raw(doctree)):
        app.add_js_file("exercises.js", defer="defer")


def _raw(doctree) -> list[str]:
    return [node.astext() for node in doctree.findall(nodes.raw)]


def setup(app) -> dict:
    app.connect("html-page-context", add_script)
    for name in ("syllabus", *MAKERS):
        app.add_directive(name, FromChapters)
    return {"parallel_read_safe": True}
