"""Words and locations as tokens: a `Tokenizer` with a token for each bin of a picture's side.

Source: Beyer et al. 2024 ("PaliGemma"), §3.1 and §3.2. Built in: book/language/paligemma.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from clipbook.language.boxes import LOCATION, MOST_BINS, location
from clipbook.text import Tokenizer
from clipbook.text.texts import checked_id, checked_text, listed
from clipbook.validation import whole_number

Batch = tuple[
    Int64[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"]
]


class PromptTokenizer(Protocol):
    """What a `PaliGemma` needs to be asked in words."""

    bins: int
    caption_prompt: str

    @property
    def end_id(self) -> int: ...
    @property
    def pad_id(self) -> int: ...
    def prompt(self, question: str) -> list[int]: ...
    def decode(self, token_ids: Sequence[int]) -> str: ...
    def token(self, token_id: int) -> str: ...


class AnswerTokenizer:
    """words: whose ids come first. bins: of a picture's side; "<loc0000>" has the id
    words.vocab_size, and so on."""

    caption_prompt = "caption"
    """What asks for a caption."""

    def __init__(self, words: Tokenizer, bins: int = 32) -> None:
        self.words = words
        self.bins = whole_number("bins", bins, 32, most=MOST_BINS)
        self._kept: dict[str, list[int]] = {}

    @property
    def vocab_size(self) -> int:
        return self.words.vocab_size + self.bins

    @property
    def end_id(self) -> int:
        return self.words.end_id

    @property
    def pad_id(self) -> int:
        return self.words.pad_id

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, in which "<loc0007>" is one token, without special tokens.

        Raises ValueError for a location beyond the last bin, and for what is no Unicode text.
        """
        ids = []
        parts = LOCATION.split(checked_text(text))  # words, number, words, number, ...
        for k, part in enumerate(parts):
            if k % 2 == 0:
                ids += self.words.encode(part)
            elif int(part) < self.bins:
                ids.append(self.words.vocab_size + int(part))
            else:
                raise ValueError(
                    f"{location(int(part))} is beyond the last of {self.bins} bins, "
                    f"{location(self.bins - 1)}"
                )
        return ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids; special tokens are left out.

        Raises ValueError for an id outside the vocabulary.
        """
        first, text, words = self.words.vocab_size, "", list[int]()
        for token_id in (checked_id(one, self.vocab_size) for one in token_ids):
            if token_id < first:
                words.append(token_id)
                continue
            text += self.words.decode(words) + location(token_id - first)
            words = []
        return text + self.words.decode(words)

    def token(self, token_id: int) -> str:
        """One token as text to look at."""
        first, token_id = self.words.vocab_size, checked_id(token_id, self.vocab_size)
        return self.words.token(token_id) if token_id < first else location(token_id - first)

    def prompt(self, question: str) -> list[int]:
        """<start>, the question, and a new line, which says that the answer begins."""
        question = checked_text(question, "question")
        if question not in self._kept:
            ids = [self.words.start_id, *self.encode(question), *self.encode("\n")]
            if len(self._kept) >= 10_000:
                self._kept.clear()
            self._kept[question] = ids
        return list(self._kept[question])

    def answer(self, answer: str) -> list[int]:
        """The answer and <end>. A space before it makes its words the tokens that they are within
        a text."""
        answer = checked_text(answer, "answer")
        return [*self.encode(answer if answer.startswith("<") else f" {answer}"), self.end_id]

    def batch(self, questions: Iterable[str], answers: Iterable[str]) -> Batch:
        """Token ids, padded on the right; which are of prompts, and which of answers.

        Raises ValueError for no questions, a single string, what is no text, and where there are
        not as many answers.
        """
        asked, told = listed(questions, "questions"), listed(answers, "answers")
        if len(asked) != len(told):
            raise ValueError(
                f"{len(asked)} questions and {len(told)} answers: one list is shorter; give each "
                "question its answer"
            )
        rows = [
            (self.prompt(question), self.answer(answer))
            for question, answer in zip(asked, told, strict=True)
        ]
        return pad(rows, self.pad_id)


def pad(rows: Sequence[tuple[list[int], list[int]]], pad_id: int) -> Batch:
    """Prompts, each with its answer behind it, as one table; which are of prompts, of answers."""
    if not rows:
        raise ValueError("no questions; a batch needs at least one")
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    token_ids = torch.full((len(rows), longest), pad_id)
    for row, (prompt, answer) in enumerate(rows):
        token_ids[row, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
    place = torch.arange(longest)
    starts = torch.tensor([len(prompt) for prompt, _ in rows])[:, None]
    ends = torch.tensor([len(prompt) + len(answer) for prompt, answer in rows])[:, None]
    return token_ids, place < starts, (place >= starts) & (place < ends)
