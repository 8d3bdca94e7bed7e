"""A question about a picture, answered token by token, as a figure that answers.

This module records what the model says and checks it. What it looks like is in
``answer_explorer.js`` and ``.css``; the same words are found there for each token.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from clipbook.language import Explanation, read_boxes
from clipbook.text.texts import checked_texts

from .encoding import listed, picture_uris, quantise
from .kit import Widget, checked_index, sources

MOST = 48  # questions; each is asked twice, and carries all of its numbers into the page
_DIGITS = 4  # of a probability


class AnswerExplorer(Widget):
    """Ask a picture a question, and follow the answer token by token.

    Args:
        answerer: the model with its tokenizer, such as ``clipbook.load("answers")``. Each question
            is asked once with the picture and once without it, and the answers are kept, so that
            a page shows them without the model.
        pictures: square ones, each as ``clipbook.image.preprocess`` takes it.
        questions: for each picture the list of its questions.
        picture: index of the picture that is shown.
        question: index of the question, among those of the picture.
        token: index of the answer's token that is looked at.

    ``picture``, ``question`` and ``token`` can be read, set and observed at any time, and the page
    follows. Another picture begins with its first question, another question with the first token.

    Raises:
        ValueError: for values that break these rules, and for more than 48 questions.
    """

    _esm, _css = sources(__file__)

    pictures = traitlets.List(traitlets.Unicode(), help="data URIs of PNGs").tag(sync=True)
    questions = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    answers = traitlets.List(
        traitlets.List(traitlets.List(traitlets.Dict())),
        help="by picture and question: with the picture, without it",
    ).tag(sync=True)
    attention = traitlets.Bytes(help="of each token on each patch, see encoding.quantise").tag(
        sync=True
    )
    grid = traitlets.List(traitlets.Int(), help="[rows, columns] of patches").tag(sync=True)
    picture = traitlets.Int().tag(sync=True)
    question = traitlets.Int().tag(sync=True)
    token = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        answerer: Any,
        pictures: Sequence[Any],
        questions: Sequence[Sequence[str]],
        picture: int = 0,
        question: int = 0,
        token: int = 0,
    ) -> None:
        pictures = listed("pictures", pictures)
        asked = _checked_questions(pictures, listed("questions", questions))
        uris = picture_uris(pictures, "pictures")
        answers: list[list[list[dict[str, Any]]]] = []
        self.weights: list[list[np.ndarray]] = []  # by picture and question: (tokens, patches)
        for image, texts in zip(pictures, asked, strict=True):
            explained = [
                (answerer.explain(image, text), answerer.explain(None, text)) for text in texts
            ]
            bins = answerer.tokenizer.bins
            answers.append([[_record(way, bins) for way in ways] for ways in explained])
            self.weights.append([_on_patches(seeing) for seeing, _ in explained])
        flat = np.concatenate([rows.flatten() for each in self.weights for rows in each])
        side = math.isqrt(self.weights[0][0].shape[1])
        super().__init__(
            pictures=uris,
            questions=asked,
            answers=answers,
            attention=quantise(flat.clip(0, 1), signed=False),
            grid=[side, side],
            picture=checked_index("picture", picture, len(uris), "pictures"),
            question=checked_index("question", question, len(asked[picture]), "questions"),
            token=0,
        )
        self.token = checked_index("token", token, len(self._ways[0]["tokens"]), "tokens")
        self.observe(self._begin, names=["picture", "question"])
        self.follow("picture", "question", "token")

    @property
    def _ways(self) -> list[dict[str, Any]]:
        return self.answers[self.picture][self.question]

    def describe(self) -> str:
        """The answer, with and without the picture, and the token that is looked at."""
        seeing = self._ways[0]
        told = [f"“{way['answer']}”" if way["answer"] else "no word" for way in self._ways]
        text, p = seeing["candidates"][self.token][0]
        row = self.weights[self.picture][self.question][self.token]
        patch = int(np.rint(row * 65_535).argmax())
        r, c = divmod(patch, self.grid[1])  # which are counted from 1 where they are told
        return (
            f"Asked “{self.questions[self.picture][self.question]}”, it answers "
            f"{told[0]}; without the picture, {told[1]}. Token "
            f"{self.token + 1} of {len(seeing['tokens'])} is “{text.strip()}” ({p:.2f}); before it "
            f"the model looks most at row {r + 1}, column {c + 1} ({row[patch]:.2f})."
        )

    def _begin(self, change: Any) -> None:
        if not self._from_page:  # a page changes all at once
            with self.hold_trait_notifications():
                if change["name"] == "picture":
                    self.question = 0
                self.token = 0

    @traitlets.validate("picture")
    def _validate_picture(self, proposal: Any) -> int:
        return checked_index("picture", proposal["value"], len(self.pictures), "pictures")

    @traitlets.validate("question")
    def _validate_question(self, proposal: Any) -> int:
        count = len(self.questions[self.picture])
        return checked_index("question", proposal["value"], count, "questions")

    @traitlets.validate("token")
    def _validate_token(self, proposal: Any) -> int:
        return checked_index("token", proposal["value"], len(self._ways[0]["tokens"]), "tokens")


def _checked_questions(
    pictures: Sequence[Any], questions: Sequence[Sequence[str]]
) -> list[list[str]]:
    if not len(pictures) or len(pictures) != len(questions):
        raise ValueError(
            f"{len(pictures)} pictures with questions for {len(questions)}; give each picture a "
            "list of its questions, and one picture at least"
        )
    asked = [checked_texts(texts, f"questions[{k}]") for k, texts in enumerate(questions)]
    if (count := sum(map(len, asked))) > MOST:
        raise ValueError(
            f"{count} questions are more than the {MOST} that a page should carry; leave some out"
        )
    return asked


def _on_patches(way: Explanation) -> np.ndarray:
    """How much each token looks at each patch, in the mean over blocks and heads: without a class
    token, which comes first and is none."""
    looks = way.attention.float().mean(dim=(1, 2)).numpy()
    return looks[:, -(math.isqrt(looks.shape[1]) ** 2) :]


def _record(way: Explanation, bins: int) -> dict[str, Any]:
    """An explanation as the page keeps it."""
    return {
        "answer": way.answer,
        "tokens": way.tokens,
        "candidates": [
            [[text, round(p, _DIGITS)] for text, p in several] for several in way.candidates
        ],
        "boxes": [list(box) for box, _ in read_boxes(way.answer, bins)],
    }
