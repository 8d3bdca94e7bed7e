"""What instructors need to know of all chapters, from what the chapters say about themselves.

- `{syllabus}` makes a table of lines like `Monday | text/tokenization text/embeddings | a remark`,
  with minutes and points summed.
- `{exercise-index}` lists every exercise: chapter, task, minutes, points, difficulty.
- `{prerequisites}` draws which chapter needs which.
- `{student-notebooks}` links to each chapter's student version in Colab.

Numbers come from tools/chapters.py, so none is typed twice.
"""

import html
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))
import chapters
from colab.notebook import opens
from repository import address as repository

BOX, HIGH, GAP, ROW = 150, 34, 16, 74  # px: a box, between two in a row, from row to row


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
        reading, minutes = sum(c.reading for c in here), sum(c.minutes for c in here)
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
    for one in all_chapters:
        there = opens(repository(), one.page, "student")
        rows.append([link(one), f"[{one.title}, for students]({there})", one.points])
    return table(["chapter", "in Colab, without solutions", "points"], rows)


def depths(needs: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """How many chapters must come before each, along the longest way."""
    found: dict[str, int] = {}

    def depth(page: str) -> int:
        if page not in found:
            found[page] = 1 + max((depth(one) for one in needs[page] if one in needs), default=-1)
        return found[page]

    for page in needs:
        depth(page)
    return found


def graph(all_chapters: list[chapters.Chapter], address: dict[str, str]) -> str:
    """An SVG: rows from what needs nothing to what needs most, a line from need to chapter."""
    rows: dict[int, list[chapters.Chapter]] = {}
    row = depths({one.page: one.prerequisites for one in all_chapters})
    for one in all_chapters:
        rows.setdefault(row[one.page], []).append(one)
    width = max(map(len, rows.values())) * (BOX + GAP) - GAP + 2
    height = len(rows) * ROW - ROW + HIGH + 2
    place = {}
    for depth, here in rows.items():
        left = (width - len(here) * (BOX + GAP) + GAP) / 2
        for k, one in enumerate(here):
            place[one.page] = left + k * (BOX + GAP), 1 + depth * ROW
    lines, boxes = [], []
    for one in all_chapters:
        x, y = place[one.page]
        for need in one.prerequisites:
            if need in place:
                a, b = place[need][0] + BOX / 2, place[need][1] + HIGH
                middle = (b + y) / 2
                lines.append(
                    f'<path d="M{a} {b}C{a} {middle} {x + BOX / 2} {middle} {x + BOX / 2} {y}"/>'
                )
        boxes.append(
            f'<a href="{html.escape(address[one.page])}"><rect x="{x}" y="{y}" width="{BOX}" '
            f'height="{HIGH}" rx="6" fill="var(--pst-color-background)" stroke="currentColor"/>'
            f'<text x="{x + BOX / 2}" y="{y + 22}" text-anchor="middle" fill="currentColor">'
            f"{html.escape(one.title)}</text></a>"
        )
    return (
        '<div style="overflow-x: auto" tabindex="0" role="group" '
        'aria-label="Chapters, each below those that it needs; the table below says the same">'
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-size="13">'
        f'<g fill="none" stroke="currentColor" opacity="0.55">{"".join(lines)}</g>'
        f"{''.join(boxes)}</svg></div>"
    )


class FromChapters(SphinxDirective):
    """A directive whose page is made again when a chapter has changed."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        everything = chapters.read_all()
        for one in everything:
            self.env.note_dependency(str(chapters.BOOK / f"{one.page}.py"))
        if self.name == "syllabus":
            try:
                return self.parsed(syllabus(line for line in self.content if line.strip()))
            except ValueError as error:
                raise self.error(str(error)) from error
        if self.name == "exercise-index":
            return self.parsed(exercise_index(everything))
        if self.name == "student-notebooks":
            return self.parsed(student_notebooks(everything))
        rows = [[link(one), one.needs, one.minutes] for one in everything]
        listed = self.parsed(table(["chapter", "needs", "minutes"], rows))
        return [drawing(""), *listed]

    def parsed(self, markdown: str) -> list[nodes.Node]:
        return self.parse_text_to_nodes(markdown)


class drawing(nodes.General, nodes.Element):
    """Where the graph goes, once the addresses of pages are known."""


def draw(app, doctree, docname: str) -> None:
    for node in list(doctree.findall(drawing)):
        everything = chapters.read_all()
        builder = app.builder
        address = {c.page: builder.get_relative_uri(docname, c.page) for c in everything}
        if builder.format == "html":
            node.replace_self(nodes.raw("", graph(everything, address), format="html"))
        else:
            node.parent.remove(node)


def setup(app) -> dict:
    app.add_node(drawing)
    for name in ("syllabus", "exercise-index", "prerequisites", "student-notebooks"):
        app.add_directive(name, FromChapters)
    app.connect("doctree-resolved", draw)
    return {"parallel_read_safe": True}
