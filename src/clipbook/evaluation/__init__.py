"""What a trained model can do: classify without labels, retrieve, and where it fails."""

from clipbook.evaluation.intervals import wilson_interval
from clipbook.evaluation.probe import linear_probe
from clipbook.evaluation.retrieval import recall_at_k
from clipbook.evaluation.scenes import CLASSES, combination_names, evaluate_scenes
from clipbook.evaluation.zero_shot import TEMPLATES, class_embeddings, zero_shot

__all__ = [
    "CLASSES",
    "TEMPLATES",
    "class_embeddings",
    "combination_names",
    "evaluate_scenes",
    "linear_probe",
    "recall_at_k",
    "wilson_interval",
    "zero_shot",
]
