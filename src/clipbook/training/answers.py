"""Recipes for models that answer questions about scenes.

Built in: book/language/paligemma.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clipbook.image import CNN, ViT, ViTConfig
from clipbook.language import (
    Answerer,
    DecoderConfig,
    PaliGemma,
    PaliGemmaConfig,
)
from clipbook.pairs import CLIP
from clipbook.pairs.saving import built
from clipbook.scenes import KINDS
from clipbook.training.config import TrainingConfig
from clipbook.training.history import History
from clipbook.training.loop import train
from clipbook.training.presets import fresh
from clipbook.training.questions import QuestionBatches, check_kinds, train_answer_tokenizer
from clipbook.validation import (
    between,
    check_fields,
    excerpt,
    one_of,
    true_or_false,
    whole_number,
)


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

        steps: those of the preset, if not given.
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
