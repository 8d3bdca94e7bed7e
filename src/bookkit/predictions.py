"""Where a chapter asks its reader to predict, and what can be answered.

A cell of text that says *Predict* is followed by code whose output is the answer. Where that is one
of a few, or a number, the cell's metadata says so, and the page offers it:

    # %% [markdown] predict={"choices": ["row 1", "row 2"], "right": "row 2", "shown": "row 2: 0.9"}
    # %% [markdown] predict={"number": 496, "within": 0.1}

`within` is the share by which a guess may be off; without it, it must be equal. `ask` says what is
asked where the text asks more. `shown` is what the output holds if the answer is right; else the
right choice, or the number, has to be there. Each build compares (pages/predict.py).
"""

import re
from dataclasses import dataclass, field

PREDICT = re.compile(r"\bPredict\b")


@dataclass(frozen=True)
class Question:
    """What can be answered: one of `choices`, or a number.

    Raises:
        ValueError: it is neither, or its right answer is none of its choices.
    """

    choices: list[str] = field(default_factory=list)
    right: str = ""
    number: float | None = None
    within: float = 0.0
    ask: str = "Your prediction"
    shown: str = ""

    def __post_init__(self) -> None:
        if bool(self.choices) == (self.number is not None):
            raise ValueError(
                f"choices={self.choices!r} and number={self.number!r}: give one of the two"
            )
        if self.choices and (self.right not in self.choices or len(set(self.choices)) < 2):
            raise ValueError(
                f"right={self.right!r} must be one of two or more choices, not of {self.choices!r}"
            )

    @property
    def evidence(self) -> str:
        """What the output holds if the answer is right."""
        return self.shown or self.right or f"{self.number:.12g}"


@dataclass(frozen=True)
class Prediction:
    asked: int  # index of the cell of text
    cells: tuple[int, ...]  # indices of the code cells that answer
    question: Question | None  # None where the text alone asks


def predictions(cells: list) -> list[Prediction]:
    """The predictions that a notebook's cells ask for: of each, the code up to the next text.

    Raises:
        ValueError: a question is not as this module's text has it, or no code answers it.
    """
    found: dict[int, list[int]] = {}
    asked = None
    for k, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            if asked is not None and found[asked]:
                asked = None  # it has been answered
            if PREDICT.search(cell.source):
                asked = k
                found[asked] = []
        elif asked is not None and "nbgrader" not in cell.metadata:
            found[asked].append(k)
    made = []
    for k, answers in found.items():
        made.append(Prediction(k, tuple(answers), _question(cells[k])))
        if not answers:
            raise ValueError(f"no code follows {cells[k].source[-60:]!r}; say it without Predict")
    for cell in cells:
        if "predict" in cell.metadata and not PREDICT.search(cell.source):
            raise ValueError(f"{cell.source[-60:]!r} has choices and doesn't say Predict")
    return made


def _question(cell) -> Question | None:
    given = cell.metadata.get("predict")
    if given is None:
        return None
    try:
        return Question(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"predict of {cell.source[-60:]!r}: {error}") from None
