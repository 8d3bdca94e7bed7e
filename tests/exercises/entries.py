"""Answers that students would write, right and wrong, as answers/<part>/<chapter>.txt holds them.

    # margins

    ## frame

        def margins(s):
            best = s.max(dim=1).values
            ...

    ## wrong

    other way round: not the other way round
        return best - s.diagonal()

    ## right

    a loop
        def margins(s):
            ...

An entry is a label, for a wrong answer the words that the check's message must hold (… stands for
any words between), and the code, indented. The code is one of three:

- a whole answer, known by its `def` at the margin;
- lines that stand where the exercise's frame has `...`;
- changes of a frame without `...`: in `j *= stride → pass`, what is before the arrow, and is once
  in the frame, becomes what is behind it or on the lines below it (if nothing, it is left out).

A frame without `...` is itself a right answer. A frame holds until the exercise's next one.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("answers")
FRAME, WRONG, RIGHT = "frame", "wrong", "right"
WRONG_IN_HIDING = "wrong, as only the hidden check sees"
GAP = re.compile(r"^( *)\.\.\.$", re.M)
ARROW = " →"


@dataclass(frozen=True)
class Answer:
    chapter: str
    exercise: str
    kind: str  # WRONG, WRONG_IN_HIDING, RIGHT or, a right one as well, FRAME
    label: str
    words: str  # of the message; empty for a right answer
    code: str

    def __str__(self) -> str:
        return f"{self.chapter} {self.exercise} {self.label}"


def read(chapter: str) -> list[Answer]:
    """All answers to a chapter's exercises; a ValueError says which entry is none, and why."""
    answers = []
    for exercise, sections in _parts((FOLDER / f"{chapter}.txt").read_text("utf-8"), "# "):
        frame = ""
        for section, entries in _parts(sections, "## "):
            kind, _, heading = section.partition(": ")
            if kind not in (FRAME, WRONG, WRONG_IN_HIDING, RIGHT):
                raise ValueError(f"{chapter} {exercise}: there is no section {section!r}")
            if kind == FRAME:
                frame, entries = entries, ""
                if not GAP.search(frame):
                    label = heading or "the frame"
                    answers.append(Answer(chapter, exercise, kind, label, "", frame))
            for heading, code in _parts(entries):
                label, _, words = heading.partition(": ")
                try:
                    code = _whole(code, frame)
                    if (kind == RIGHT) == bool(words):
                        raise ValueError("a wrong answer, and no other, has `label: words`")
                except ValueError as error:
                    raise ValueError(f"{chapter} {exercise} {label}: {error}") from None
                answers.append(Answer(chapter, exercise, kind, label, words, code))
    return answers


def _parts(text: str, mark: str = "") -> Iterator[tuple[str, str]]:
    """Headings, lines that begin with the mark and then no space, and what is below each."""
    for part in re.split(rf"^{mark}(?=\S)", text, flags=re.M)[1:]:
        heading, _, below = part.partition("\n")
        yield heading, textwrap.dedent(below).strip("\n")


def _whole(code: str, frame: str) -> str:
    """The answer as a student would hand it in."""
    if re.search(r"^def ", code, re.M):
        return code
    if GAP.search(frame):
        return GAP.sub(lambda gap: textwrap.indent(code, gap[1]), frame)
    if ARROW not in code.partition("\n")[0]:
        raise ValueError("neither a whole answer nor, `old → new`, a change of a frame")
    for change in re.split(rf"^(?=.*{ARROW})", code, flags=re.M)[1:]:
        old, _, new = change.rstrip("\n").partition(ARROW)
        if frame.count(old) != 1:
            raise ValueError(f"`{old}` is {frame.count(old)} times in the frame, not once")
        before = frame[: frame.index(old)].rpartition("\n")[2]
        margin = " " * (len(before) - len(before.lstrip()))
        frame = frame.replace(old, textwrap.indent(new[1:], margin).removeprefix(margin))
    return frame
