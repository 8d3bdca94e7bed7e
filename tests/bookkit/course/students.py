"""A class of simulated students, for the chapter on the contrastive loss.

Each hands in a notebook and deserves a score, or is to be named by `look.py`, or both.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat

from tests.bookkit.course.cells import role, with_answers
from tests.exercises.entries import RIGHT, WRONG, WRONG_IN_HIDING, read

PAGE, NAME, STEM = "pairs/contrastive-loss", "pairs-contrastive-loss", "contrastive-loss"
EXERCISES = ("picture-loss", "loss-gradient", "loss-floor")
# Of each exercise's wrong answers, from the first on, somebody hands in so many; grading one takes
# seconds, and tests/exercises holds the checks to all of them.
TRIED = 2


@dataclass(frozen=True)
class Student:
    id: str
    what: str  # what the student did, for the guide
    submission: str  # the file's text
    score: float  # of 8, as it stands in the exported table
    named: str = ""  # what look.py says, if it says anything


def _by_exercise(kind: str) -> list[list[str]]:
    """Answers of each exercise, padded with its first to the longest list."""
    answers = [one for one in read(PAGE) if one.kind == kind]
    lists = [
        [one.code for one in answers if one.exercise == exercise][:TRIED] for exercise in EXERCISES
    ]
    longest = max(map(len, lists))
    return [answers + answers[:1] * (longest - len(answers)) for answers in lists]


def _answers(answers) -> dict[str, str]:
    return dict(zip(EXERCISES, answers, strict=True))


SEARCH = """
import glob
found = glob.glob("../**/*.ipynb", recursive=True) + glob.glob("./*.ipynb")
for path in found:
    for cell in __import__("json").load(open(path))["cells"]:
        code = "".join(cell["source"])
        if "BEGIN SOLUTION" in code:
            exec(code)
"""
LOOP = "def loss_floor(captions):\n    while True:\n        pass"
TOO_MUCH = "def picture_loss(logits, right):\n    return torch.ones(2**34).sum()"
FLOOD = "\nfor _ in range(300_000):\n    print('x' * 100)"


def students(blank: nbformat.NotebookNode, right: dict[str, str]) -> Iterator[Student]:
    """The class, given the notebook that is handed out and the right answers."""

    def hand_in(answers: dict[str, str], change=lambda notebook: None) -> str:
        made = with_answers(blank, answers)
        change(made)
        return nbformat.writes(made)

    def only(**other: str) -> dict[str, str]:
        return right | {name.replace("_", "-"): code for name, code in other.items()}

    yield Student("blank", "hands in the blank notebook", hand_in({}), 0)
    yield Student("right", "solves everything", hand_in(right), 8)
    otherwise = _answers(answers[0] for answers in _by_exercise(RIGHT))
    yield Student("otherwise", "solves everything, in another way", hand_in(otherwise), 8)
    for k, answers in enumerate(zip(*_by_exercise(WRONG), strict=True), 1):
        what = "three wrong answers that the visible checks catch"
        yield Student(f"wrong{k:02}", what, hand_in(_answers(answers)), 0)
    for k, answers in enumerate(zip(*_by_exercise(WRONG_IN_HIDING), strict=True), 1):
        what = "three wrong answers that only hidden checks catch"
        yield Student(f"fits{k:02}", what, hand_in(_answers(answers)), 5)

    raises = only(picture_loss="def picture_loss(logits, right):\n    return logits['a']")
    yield Student("raises", "the first answer raises an error", hand_in(raises), 6)
    syntax = only(picture_loss="def picture_loss(logits)\n    return 1")
    yield Student("syntax", "the first answer is no Python", hand_in(syntax), 6)
    loops = only(loss_floor=LOOP)
    yield Student("loops", "the third answer loops for ever", hand_in(loops), 5, "ran out of time")
    memory = only(picture_loss=TOO_MUCH)
    yield Student("memory", "the first answer asks for 64 GB", hand_in(memory), 6)
    floods = only(picture_loss=right["picture-loss"] + FLOOD)
    yield Student("floods", "prints 30 MB, all answers right", hand_in(floods), 8)

    def tamper(made) -> None:
        for cell in made.cells:
            if role(cell).get("grade"):
                cell.source = "print('all is well')"

    yield Student(
        "tampers", "rewrites all checks, solves nothing", hand_in({}, tamper), 0,
        "picture-loss-check changed",
    )  # fmt: skip

    def delete(made) -> None:
        made.cells = [cell for cell in made.cells if not role(cell).get("grade")]

    yield Student(
        "deletes", "deletes all checks, all answers right", hand_in(right, delete), 8,
        "picture-loss-check deleted",
    )  # fmt: skip

    def delete_exercise(made) -> None:
        made.cells = [c for c in made.cells if role(c).get("grade_id") != "picture-loss"]

    yield Student(
        "skips", "deletes the first exercise, the others right", hand_in(right, delete_exercise), 6
    )

    def duplicate(made) -> None:
        made.cells = [copy.deepcopy(cell) for cell in made.cells for _ in range(2)]
        for k, cell in enumerate(made.cells):
            cell.id = f"copy-{k}"

    yield Student(
        "copies", "every cell is there twice, all answers right", hand_in(right, duplicate), 8,
        "picture-loss-check 2 times",
    )  # fmt: skip

    def to_text(made) -> None:
        for cell in made.cells:
            if role(cell).get("grade"):
                cell.cell_type = "markdown"
                del cell["outputs"], cell["execution_count"]

    yield Student(
        "texts", "checks turned into text, all answers right", hand_in(right, to_text), 8,
        "turned into markdown",
    )  # fmt: skip
    yield Student("colab", "saved by Colab, all answers right", _colab(hand_in(right)), 8)
    searches = {"picture-loss": SEARCH}
    yield Student(
        "searches", "looks for solutions near its folder, solves nothing", hand_in(searches), 0,
        "read its code",
    )  # fmt: skip
    leaves = only(picture_loss=right["picture-loss"] + "\nopen('../left-behind', 'w').write('x')")
    yield Student(
        "leaves", "writes a file outside its folder, all answers right", hand_in(leaves), 8,
        "read its code",
    )  # fmt: skip
    dies = only(picture_loss="import os\nos._exit(1)")
    yield Student("dies", "ends the kernel", hand_in(dies), 0, "NOT GRADED")
    yield Student(
        "document", "hands in another kind of file", "PK\x03\x04 a document", 0, "NOT GRADED"
    )


def _colab(text: str) -> str:
    """As Colab saves a notebook: version 4.0, no cell ids but its own, and its metadata."""
    made = json.loads(text)
    made["nbformat_minor"] = 0
    made["metadata"] |= {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU"}
    for k, cell in enumerate(made["cells"]):
        cell.pop("id", None)
        cell["metadata"] |= {"id": f"a1B2c3D4{k:04}"}
        if cell["cell_type"] == "code":
            cell["metadata"] |= {
                "colab": {"base_uri": "https://localhost:8080/"},
                "outputId": f"0d1e-{k}",
                "executionInfo": {"status": "ok", "elapsed": 3, "user": {"displayName": "A"}},
            }
            cell["execution_count"] = k
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": ["kept by Colab\n"]}
            ]
    return json.dumps(made)


def table(members: list[Student]) -> str:
    """The class as Markdown; students of a kind share a row."""
    rows: dict[tuple, int] = {}
    for one in members:
        key = (one.what, f"{one.score:g}", one.named and f"“{one.named}”")
        rows[key] = rows.get(key, 0) + 1
    lines = ["| students | what they hand in | score of 8 | `look.py` says |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {n} | {' | '.join(key)} |" for key, n in rows.items())])
