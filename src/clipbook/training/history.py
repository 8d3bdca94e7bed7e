"""What is remembered of a run."""

from dataclasses import asdict, dataclass, field

from clipbook.validation import excerpt

ENTRIES: dict[str, tuple[type, ...]] = {
    "loss": (int, float),
    "scale": (int, float),
    "learning_rate": (int, float),
    "snapshot_steps": (int,),
    "snapshots": (list,),
    "evaluation_steps": (int,),
    "evaluations": (dict,),
}
"""What the entries of each series may be."""


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
        """Raises ValueError, naming the field, for what `to_dict` did not write."""
        if not isinstance(values, dict):
            raise ValueError(f"history={excerpt(values)} is no object with fields")
        for name, series in values.items():
            if name not in ENTRIES:
                raise ValueError(f"history has no series {excerpt(name)}; try {', '.join(ENTRIES)}")
            kinds = ENTRIES[name]
            if not isinstance(series, list) or not all(type(one) in kinds for one in series):
                raise ValueError(f"history.{name}={excerpt(series)} is no series that it has")
        return cls(**values)
