"""Questions about scenes, drawn as batches.

Built in: book/language/paligemma.
"""

from collections.abc import Mapping
from functools import cache

from torch import Tensor
from torch.utils.data import Dataset

from clipbook.language import AnswerTokenizer, box_to_text
from clipbook.language.answer_tokenizer import pad
from clipbook.scenes import KINDS, Question, Scene, draw_question, sample
from clipbook.scenes.drawing import checked_side
from clipbook.streams import stream
from clipbook.text import Tokenizer
from clipbook.training.data import draw
from clipbook.training.identity import identify_tokenizer
from clipbook.validation import (
    LARGEST_SEED,
    above_zero,
    between,
    excerpt,
    one_of,
    whole_number,
)

BINS = 32
"""Of a picture's side: one for each of its 32 pixels."""


def answer_text(question: Question, bins: int = BINS) -> str:
    """The answer as the model is to write it: with the box before it, where there is one."""
    if question.box is None:
        return question.answer
    return f"{box_to_text(question.box, bins)} {question.answer}"


@cache
def train_answer_tokenizer(questions: int = 20_000, bins: int = BINS) -> AnswerTokenizer:
    """The tokenizer of these questions and answers: every word of theirs becomes one token. It is
    made once, then kept."""
    questions = whole_number("questions", questions, 20_000)
    generator = stream("tokenizer of questions")
    texts = []
    for k in range(questions):
        scene = sample(1, generator)[0]
        question = draw_question(scene, KINDS[k % len(KINDS)], generator)
        if question:
            texts += [f"{question.text}\n", f" {question.answer}"]
    return AnswerTokenizer(Tokenizer.train(texts, vocab_size=700), bins)


def check_kinds(kinds: Mapping[str, float]) -> dict[str, float]:
    """How often each kind is asked. Raises ValueError for kinds that can't be asked so often."""
    if not isinstance(kinds, Mapping) or not kinds:
        raise ValueError(f"kinds={excerpt(kinds)} asks nothing; try {{'colour': 1.0}}")
    for kind, weight in kinds.items():
        one_of("kind", kind, KINDS)
        above_zero(f"kinds[{kind!r}]", weight, 1.0)
        between(f"kinds[{kind!r}]", weight, 1.0, most=1e6)  # larger ones leave nothing to others
    return {kind: kinds[kind] for kind in KINDS if kind in kinds}  # one order, so one draw


class QuestionBatches(Dataset):
    """Batch k of an endless stream: pictures (uint8), token ids, which of them are of prompts, and
    which of answers.

    kinds: how often each kind is asked, in proportion to the others. two: share of scenes with two
    objects, 0 to 1; one that is asked what stands beside another always has two. Raises ValueError
    for kinds that aren't asked of scenes or are asked never, and for numbers that make no sense.
    """

    def __init__(
        self,
        tokenizer: AnswerTokenizer,
        batch_size: int = 64,
        image_size: int = 32,
        *,
        kinds: Mapping[str, float] | None = None,
        two: float = 0.8,
        seed: int = 0,
    ) -> None:
        self.kinds = dict.fromkeys(KINDS, 1.0) if kinds is None else check_kinds(kinds)
        self.tokenizer = tokenizer
        self.batch_size = whole_number("batch_size", batch_size, 64)
        self.image_size = checked_side(image_size)
        self.two = between("two", two, 0.8, most=1)
        self.seed = whole_number("seed", seed, 0, least=0, most=LARGEST_SEED)

    def questions(self, k: int) -> list[tuple[Scene, Question]]:
        """What batch k asks, of which scenes."""
        generator = stream("questions", self.seed, k)
        names, weights = list(self.kinds), list(self.kinds.values())
        total, asked = sum(weights), list[tuple[Scene, Question]]()
        while len(asked) < self.batch_size:
            kind = names[int(generator.choice(len(names), p=[w / total for w in weights]))]
            objects = 2 if generator.random() < self.two else 1
            question = None
            while question is None:  # another scene, so that no kind is asked less often
                scene = sample(1, generator, objects=1 + (objects == 2 or kind == "beside"))[0]
                question = draw_question(scene, kind, generator)
            asked.append((scene, question))
        return asked

    def __getitem__(self, k: int) -> tuple[Tensor, ...]:
        scenes, questions = zip(*self.questions(k), strict=True)
        tokenizer = self.tokenizer
        rows = [
            (tokenizer.prompt(q.text), tokenizer.answer(answer_text(q, tokenizer.bins)))
            for q in questions
        ]
        return draw(scenes, self.image_size), *pad(rows, tokenizer.pad_id)

    def identity(self) -> dict[str, object]:
        """All that decides the batches."""
        words = {"words": identify_tokenizer(self.tokenizer.words), "bins": self.tokenizer.bins}
        return {"kind": type(self).__name__, **vars(self), "tokenizer": words}
