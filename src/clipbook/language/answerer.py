"""A model and its tokenizer together: asked in words, it answers in words.

Built in: book/language/paligemma.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from clipbook.language.answer_tokenizer import PromptTokenizer, pad
from clipbook.language.boxes import Box, read_boxes
from clipbook.language.paligemma import PaliGemma
from clipbook.pairs.modes import evaluating
from clipbook.text.texts import checked_text
from clipbook.validation import excerpt, whole_number

MOST_TOKENS = 24
"""Of an answer; the longest one of our world, a caption, has ten."""
CHUNK = 256
CANDIDATES = 5


@dataclass(frozen=True)
class Explanation:
    """An answer, token after token.

    tokens: what was written, the end token included, where it was reached. candidates: for each of
    them the most probable tokens, with their probabilities, before it was written. attention: how
    much the place from which it was read looked at each of the picture's tokens, in every block
    and head; without a picture there are none.
    """

    answer: str
    tokens: list[str]
    candidates: list[list[tuple[str, float]]]
    attention: Float[Tensor, "tokens depth heads patches"]


class Answerer(NamedTuple):
    """`model, tokenizer = answerer` works, too. Pictures are what `clipbook.image.preprocess`
    takes; None stands for no picture: the model then answers blindly. It does so in eval mode, and
    is put back."""

    model: PaliGemma
    tokenizer: PromptTokenizer

    def ask(self, picture: Any, question: str) -> str:
        """The answer to a question. Raises ValueError for what is no question, or no picture."""
        return self.ask_all(None if picture is None else [picture], [question])[0]

    def caption(self, picture: Any) -> str:
        """What is in the picture."""
        return self.ask(picture, self.tokenizer.caption_prompt)

    def detect(self, picture: Any, name: str) -> list[Box]:
        """Where a "red circle" is: the boxes that the answer tells, none where it tells none.

        Raises ValueError for no name, and as `ask`.
        """
        if not checked_text(name, "name").strip():
            raise ValueError(f"name={name!r} names nothing to look for; try 'red circle'")
        answer = self.ask(picture, f"detect {name}")
        return [box for box, _ in read_boxes(answer, self.tokenizer.bins)]

    def ask_all(self, pictures: Any, questions: Iterable[str]) -> list[str]:
        """An answer for each picture with its question, many at a time.

        Raises ValueError unless there are as many pictures as questions, one at least.
        """
        questions = self._checked(questions)
        pixels = None if pictures is None else self.model.preprocess(pictures)
        if pixels is not None and len(pixels) != len(questions):
            raise ValueError(
                f"{len(pixels)} pictures for {len(questions)} questions; give each question one"
            )
        answers: list[str] = []
        for start in range(0, len(questions), CHUNK):
            part = slice(start, start + CHUNK)
            rows = self._generate(None if pixels is None else pixels[part], questions[part])
            answers += [self._read(row) for row in rows]
        return answers

    def explain(self, picture: Any, question: str, candidates: int = CANDIDATES) -> Explanation:
        """The answer, with what else was probable at each token and where it looked.

        Raises ValueError for a number of candidates that is none, and as `ask`.
        """
        most = self.model.config.decoder.vocab_size
        candidates = whole_number("candidates", candidates, CANDIDATES, most=most)
        self._checked([question])
        pixels = None if picture is None else self.model.preprocess([picture])
        written = self._until_end(self._generate(pixels, [question])[0])
        prompt = self.tokenizer.prompt(question)
        token_ids, in_prompt, _ = pad([(prompt, written)], self.tokenizer.pad_id)
        token_ids, in_prompt = token_ids.to(self.model.device), in_prompt.to(self.model.device)
        with evaluating(self.model):
            logits = self.model(pixels, token_ids, in_prompt)[0]
            weights = self.model.attention_weights(pixels, token_ids, in_prompt)[:, 0]
        patches = weights.shape[-1] - token_ids.shape[1]
        reading = range(len(prompt) - 1, len(prompt) + len(written) - 1)
        best = logits[reading.start : reading.stop].softmax(dim=-1).topk(candidates)
        rows = weights[:, :, patches + reading.start : patches + reading.stop, :patches]
        return Explanation(
            self._read(written),
            [self.tokenizer.token(token_id) for token_id in written],
            [
                [(self.tokenizer.token(i), p) for i, p in zip(ids, ps, strict=True)]
                for ids, ps in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ],
            rows.permute(2, 0, 1, 3).cpu(),  # depth heads tokens patches -> tokens depth heads ...
        )

    def _checked(self, questions: Iterable[str]) -> list[str]:
        several = isinstance(questions, Iterable) and not isinstance(questions, str)
        asked = list(questions) if several else []
        if not asked:
            raise ValueError(f"questions={excerpt(questions)}; give a list of at least one")
        for question in asked:
            if not isinstance(question, str) or not question.strip():
                raise ValueError(
                    f"question={excerpt(question)} asks nothing; try 'what colour is the circle?'"
                )
        return asked

    def _generate(self, pixels: Tensor | None, questions: Sequence[str]) -> list[list[int]]:
        prompts = [(self.tokenizer.prompt(question), list[int]()) for question in questions]
        token_ids, in_prompt, _ = pad(prompts, self.tokenizer.pad_id)
        device = self.model.device
        written = self.model.generate(
            pixels, token_ids.to(device), in_prompt.to(device), MOST_TOKENS,
            end_id=self.tokenizer.end_id,
        )  # fmt: skip
        return written.tolist()

    def _until_end(self, token_ids: list[int]) -> list[int]:
        end = self.tokenizer.end_id
        return token_ids[: token_ids.index(end) + 1] if end in token_ids else token_ids

    def _read(self, token_ids: list[int]) -> str:
        written = [i for i in self._until_end(token_ids) if i != self.tokenizer.end_id]
        return self.tokenizer.decode(written).strip()
