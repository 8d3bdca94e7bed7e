"""What instructors need to know of all chapters, from what the chapters say about themselves.

- `{syllabus}` makes a table of lines like `Monday | text/tokenization text/embeddings | a remark`,
  with minutes and points summed.
- `{exercise-index}` lists every exercise: chapter, task, minutes, points, difficulty.
- `{prerequisites}` lists which chapter needs which.
- `{student-notebooks}` links to each chapter's student version in Colab.

Numbers are the chapters' own facts, so none is typed twice.
"""

from collections.abc import Iterable, Sequence

from docutils import nodes
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


def syllabus(lines: Iterable[str]) -> str:
    """Raises ValueError where a line names no chapter that there is."""
    rows, read, total, points = [], 0, 0, 0
    for line in lines:
        when, named, remark = (part.strip() for part in line.split("|"))
        here = [chapters.read(page) for page in named.split()]
        reading, minutes = sum(c.facts.minutes for c in here), sum(c.minutes for c in here)
        worth = sum(c.points for c in here)
        names = ", ".join(map(link, here)) or "–"
        rows.append([when, names, reading, minutes - reading, worth, remark])
        read, total, points = read + reading, total + minutes, points + worth
    head = ["when", "chapters", "min to read", "min for exercises", "points", "in class"]
    sums = ["**in all**", hours(total), read, total - read, points, ""]
    return table(head, [*rows, sums])


def exercise_index(all_chapters: list[chapters.Chapter]) -> str:
    exercises = [one for chapter in all_chapters for one in chapter.exercises]
    parts = [f"In all {_worth(exercises)}."]
    for chapter in all_chapters:
        lines = [f"**{link(chapter)}**: {_worth(chapter.exercises)}", ""]
        for one in chapter.exercises:
            said = [f"{one.minutes} minutes", _many(one.points, "point"), one.difficulty]
            lines.append(f"- **{one.title}** ({', '.join(filter(None, said))}). {one.task}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _worth(exercises: Sequence[chapters.Exercise]) -> str:
    minutes, points = sum(one.minutes for one in exercises), sum(one.points for one in exercises)
    return f"{_many(len(exercises), 'exercise')}, {minutes} minutes, {_many(points, 'point')}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def student_notebooks(all_chapters: list[chapters.Chapter]) -> str:
    rows = []
    for chapter in all_chapters:
        there = opens(address(), chapter.page, "student")
        rows.append([link(chapter), f"[{chapter.title}, for students]({there})", chapter.points])
    return table(["chapter", "in Colab, without solutions", "points"], rows)


def prerequisites(all_chapters: list[chapters.Chapter]) -> str:
    titles = {chapter.page: link(chapter) for chapter in all_chapters}
    rows = []
    for chapter in all_chapters:
        needs = [*(titles[page] for page in chapter.facts.needs), chapter.facts.background]
        rows.append([link(chapter), ", ".join(filter(None, needs)), chapter.minutes])
    return table(["chapter", "needs", "minutes"], rows)


class FromChapters(SphinxDirective):
    """A directive whose page is made again when a chapter has changed."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        everything = chapters.read_all()
        for chapter in everything:
            self.env.note_dependency(str(BOOK / f"{chapter.page}.py"))
        if self.name != "syllabus":
            return self.parse_text_to_nodes(MAKERS[self.name](everything))
        try:
            text = syllabus(line for line in self.content if line.strip())
        except ValueError as error:
            raise self.error(str(error)) from error
        return self.parse_text_to_nodes(text)


MAKERS = {
    "exercise-index": exercise_index,
    "prerequisites": prerequisites,
    "student-notebooks": student_notebooks,
}


def setup(app) -> dict:
    for name in ("syllabus", *MAKERS):
        app.add_directive(name, FromChapters)
    return {"parallel_read_safe": True}
