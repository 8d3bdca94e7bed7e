"""Questions about scenes as batches, and recipes for models that answer them.

Built in: book/language/paligemma.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from clipbook.image import CNN, ViT, ViTConfig
from clipbook.language import (
    Answerer,
    AnswerTokenizer,
    DecoderConfig,
    PaliGemma,
    PaliGemmaConfig,
    box_to_text,
)
from clipbook.language.answer_tokenizer import pad
from clipbook.pairs import CLIP
from clipbook.pairs.saving import built
from clipbook.scenes import KINDS, Question, Scene, draw_question, sample
from clipbook.streams import stream
from clipbook.text import Tokenizer
from clipbook.training.config import TrainingConfig
from clipbook.training.data import draw
from clipbook.training.history import History
from clipbook.training.identity import identify_tokenizer
from clipbook.training.loop import train
from clipbook.training.presets import fresh
from clipbook.validation import (
    LARGEST_SEED,
    LARGEST_SIDE,
    above_zero,
    between,
    check_fields,
    excerpt,
    one_of,
    true_or_false,
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
    return dict(kinds)


class QuestionBatches(Dataset):
    """Batch k of an endless stream: pictures (uint8), token ids, which of them are of prompts, and
    which of answers.

    kinds: how often each kind is asked, in proportion to the others. two: share of scenes with two
    objects, 0 to 1. Raises ValueError for kinds that aren't asked of scenes or are asked never,
    and for numbers that make no sense.
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
        self.image_size = whole_number("image_size", image_size, 32, most=LARGEST_SIDE)
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


def first_blocks(encoder: ViT | CNN, blocks: int) -> ViT:
    """A copy of an image encoder that ends after so many blocks, without a projection: all that is
    needed of it where tokens are taken from there.

    Raises ValueError for an encoder that is no ViT, and for more blocks than it has.
    """
    if not isinstance(encoder, ViT):
        raise ValueError(
            f"the image encoder is no ViT but a {type(encoder).__name__}, whose blocks can't be "
            "counted; try that of clipbook.load('shapes')"
        )
    whole_number("blocks", blocks, 2, least=0, most=encoder.config.depth)
    config = replace(encoder.config, depth=blocks, projection=False, embed_dim=encoder.config.width)
    copy = built(lambda: ViT(config))
    theirs = encoder.state_dict()
    copy.load_state_dict({name: theirs[name] for name in copy.state_dict()})
    return copy


IMAGE_ENCODERS = ("frozen", "trained", "random, frozen", "from scratch")


@dataclass(frozen=True)
class AnswersPreset:
    """A decoder, its image encoder and its training.

    image: "frozen", the contrastive encoder as it is; "trained" further, at training.image_rate;
    "random, frozen", with first weights that stay; or "from scratch". blocks: how many of its
    blocks the picture passes. kinds, two: see `QuestionBatches`. prefix: see `PaliGemmaConfig`.
    Raises ValueError for numbers and choices that make no sense.
    """

    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(learning_rate=3e-3, matrix_rate=5.0)
    )
    depth: int = 3
    width: int = 96
    blocks: int = 2
    image: str = "frozen"
    prefix: bool = True
    batch_size: int = 64
    kinds: Mapping[str, float] = field(default_factory=lambda: {"exists": 2.0, "detect": 2.0})
    two: float = 0.8

    def __post_init__(self) -> None:
        check_fields(self, whole_number, "depth", "width", "blocks", "batch_size")
        check_fields(self, between, "two", most=1)
        one_of("image", self.image, IMAGE_ENCODERS)
        true_or_false("prefix", self.prefix, True)
        check_kinds(self.kinds)
        if not self.width // 4 or self.width // 4 % 2:
            raise ValueError(
                f"width={self.width} gives 4 heads of {self.width // 4} numbers, which "
                f"rotary positions turn in pairs; try {max(8, self.width // 8 * 8)}"
            )

    def build(self, encoder: CLIP, seed: int = 0, steps: int | None = None) -> "AnswersRun":
        """A model with fresh weights behind the image encoder of a trained CLIP with a ViT, and
        the batches to train it on; the seed fixes both.

        kinds of weight 1 may be left out. steps: those of the preset, if not given.
        Raises ValueError for a CLIP with another image encoder than a ViT.
        """
        config = self.training if steps is None else replace(self.training, steps=steps)
        tokenizer = train_answer_tokenizer()
        if not isinstance(encoder, CLIP):
            raise ValueError(
                f"encoder={excerpt(encoder)} is no CLIP; try clipbook.load('shapes')[0]"
            )
        image = first_blocks(encoder.image_encoder, self.blocks)
        decoder = DecoderConfig(
            tokenizer.vocab_size, self.width, self.depth, heads=4, kv_heads=1,
            head_dim=self.width // 4, mlp_width=256,
        )  # fmt: skip
        sizes = PaliGemmaConfig(
            image.config, decoder, f"block {self.blocks}", prefix=self.prefix,
            preprocessing=encoder.config.preprocessing,
        )  # fmt: skip
        model = fresh(lambda: PaliGemma(sizes), seed)
        if self.image in ("frozen", "trained"):
            model.image_encoder.load_state_dict(image.state_dict())
        if self.image.endswith("frozen"):
            model.image_encoder.requires_grad_(False)
        assert isinstance(sizes.image, ViTConfig)
        batches = QuestionBatches(
            tokenizer, self.batch_size, sizes.image.image_size, kinds=self.kinds, two=self.two,
            seed=seed,
        )  # fmt: skip
        return AnswersRun(Answerer(model, tokenizer), batches, config)


@dataclass
class AnswersRun:
    """A model, its tokenizer and data, ready to be trained."""

    answerer: Answerer
    batches: QuestionBatches
    config: TrainingConfig

    def train(self, folder: Path | None = None, **options: Any) -> History:
        """See `clipbook.training.train`, which takes the other options."""
        return train(self.answerer.model, self.batches, self.config, folder=folder, **options)


ALL = dict.fromkeys(KINDS, 1.0)
ANSWERS_PRESETS = {
    # the chapter: three kinds, within two minutes on one core
    "answers-chapter": AnswersPreset(
        TrainingConfig(steps=500, learning_rate=3e-3, matrix_rate=5.0),
        kinds={"colour": 1.0, "shape": 1.0, "exists": 1.0},
    ),
    # the shipped model goes on from there: all kinds, then, three times, captions more often.
    # Asked all kinds from the start, one took any colour in the picture for that of the shape
    "answers-all": AnswersPreset(
        TrainingConfig(steps=2_200, learning_rate=2e-3, matrix_rate=5.0),
        kinds=ALL | {"colour": 1.5, "beside": 1.5, "count": 2.0, "caption": 2.0, "detect": 3.0},
    ),
    "answers": AnswersPreset(
        TrainingConfig(steps=2_000, learning_rate=2e-3, matrix_rate=5.0),
        kinds=ALL | {"beside": 1.5, "detect": 2.0, "caption": 8.0},
    ),
    # what the chapter compares, see bookkit.answer_trials
    "answers-trial": AnswersPreset(
        TrainingConfig(steps=400, learning_rate=3e-3, matrix_rate=5.0),
        depth=2,
        batch_size=32,
        kinds=ALL | {"exists": 2.0, "detect": 2.0},
    ),
}
"""Presets by name; the first three make the shipped model, see `python -m clipbook.language`."""
