"""What is remembered of a run."""

from dataclasses import asdict, dataclass, field


@dataclass
class History:
    """One entry a step in loss (nats), scale and learning_rate, each as it was during that step.

    snapshots: the similarity matrix of the example after snapshot_steps steps, as nested lists;
    rows are images. evaluations: what was measured after evaluation_steps steps, by name.
    """

    loss: list[float] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    snapshot_steps: list[int] = field(default_factory=list)
    snapshots: list[list[list[float]]] = field(default_factory=list)
    evaluation_steps: list[int] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)

    def to_dict(self) -> dict[str, list]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, list]) -> "History":
        return cls(**values)
