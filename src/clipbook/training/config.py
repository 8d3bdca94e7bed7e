"""What a training run needs to know besides the model and the data."""

from dataclasses import dataclass

from clipbook.pairs import info_nce, sigmoid_loss
from clipbook.validation import above_zero, between, check_fields, one_of, whole_number

LOSSES = {"infonce": info_nce, "sigmoid": sigmoid_loss}
OPTIMISERS = ("adamw", "muon")
PRECISIONS = ("float32", "half")
ADDED = ("among_pictures", "alignment")
"""Fields that say how much of a second loss is added."""
MOST_STEPS = 10**9


@dataclass(frozen=True)
class TrainingConfig:
    """Sizes and choices of a training run.

    steps: batches to train on. learning_rate: the largest, reached after warmup_steps, then falling
    to zero along a cosine; a run of no more steps than these ends before that.
    loss: "infonce", or "sigmoid", for which the model needs a bias; see `clipbook.pairs`.
    among_pictures: times `clipbook.pairs.supervised_contrastive`, which is added to the loss so
    that pictures of the same thing come together; 0 leaves it out. For batches that say which texts
    are true of which picture, such as those of `EmojiBatches` with artists_each=2.
    alignment: times `clipbook.pairs.alignment`, which is added, too, so that a text comes to the
    middle of its pictures; 0 leaves it out. For a model whose image encoder has learned.
    optimiser: "muon" gives the matrices of the transformer blocks and the patch embedding to Muon,
    at matrix_rate times the learning rate, and the rest to AdamW; "adamw" gives it everything.
    position_rate: times the learning rate, for the position embeddings of an image encoder.
    image_rate: times all of these, for every weight of the image encoder; 0.1 where it has learned
    before, as that of a `clipbook.language.PaliGemma`, and is to change a little only.
    weight_decay: of matrices and convolutions, see `clipbook.training.optimisers`.
    clip_norm: a longer gradient is shortened to this length.
    precision: "half" is bfloat16 or float16 on a GPU. It pays for models far larger than ours: at
    the sizes of `clipbook.training.PRESETS`, starting the work takes longer than the work.
    micro_batch: pairs whose activations are held at a time, by `cached_backward`: the same loss and
    gradients for a larger batch than fits, in half as much time again. In float32, by one process,
    for a CLIP without batch norm.
    snapshots: how many similarity matrices of the example the history keeps; fewer in a run of
    fewer steps.
    checkpoint_every: steps between checkpoints, where a folder for them is given.

    Raises ValueError for numbers that make no sense.
    """

    steps: int = 1_000
    learning_rate: float = 1e-3
    loss: str = "infonce"
    among_pictures: float = 0.0
    alignment: float = 0.0
    optimiser: str = "muon"
    matrix_rate: float = 10.0
    position_rate: float = 10.0
    image_rate: float = 1.0
    weight_decay: float = 0.01
    warmup_steps: int = 50
    clip_norm: float = 1.0
    precision: str = "float32"
    micro_batch: int | None = None
    snapshots: int = 24
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        check_fields(self, whole_number, "steps", "checkpoint_every", most=MOST_STEPS)
        check_fields(self, whole_number, "warmup_steps", least=0, most=MOST_STEPS)
        check_fields(self, whole_number, "snapshots", least=0)
        check_fields(self, above_zero, "learning_rate", "matrix_rate", "position_rate", "clip_norm")
        check_fields(self, above_zero, "image_rate")
        check_fields(self, between, "weight_decay", "among_pictures", "alignment")
        one_of("loss", self.loss, tuple(LOSSES))
        one_of("optimiser", self.optimiser, OPTIMISERS)
        one_of("precision", self.precision, PRECISIONS)
        if self.micro_batch is not None:
            whole_number("micro_batch", self.micro_batch, 64)
            if self.precision != "float32":
                raise ValueError(
                    f"micro_batch={self.micro_batch} and precision={self.precision!r}: gradient "
                    "caching computes in float32; leave out one of the two"
                )
            for name in ADDED:
                if value := getattr(self, name):
                    raise ValueError(
                        f"micro_batch={self.micro_batch} and {name}={value:g}: gradient caching "
                        "knows the contrastive losses alone; leave out one of the two"
                    )
        if self.snapshots == 1:
            raise ValueError("snapshots=1: the first and the last make two; try 2, or 0 for none")

    @property
    def snapshot_steps(self) -> frozenset[int]:
        """Steps after which a snapshot is taken: 0 (untrained), then closer together early on,
        when most happens, and the last."""
        last = self.snapshots - 1
        return frozenset(round(self.steps * (k / last) ** 2) for k in range(self.snapshots))
