"""What a trained model can do: classify without labels, retrieve, and where it fails."""

from clipbook.evaluation.answers import (
    blind_baseline,
    draw_questions,
    evaluate_answers,
    grade,
)
from clipbook.evaluation.emoji import (
    auc,
    evaluate_emoji,
    families_rows,
    held_out_auc,
    held_out_rows,
    moved,
    name_embeddings,
    picture_embeddings,
    pixel_similarities,
    ranks,
)
from clipbook.evaluation.intervals import wilson_interval
from clipbook.evaluation.probe import linear_probe
from clipbook.evaluation.retrieval import recall_at_k
from clipbook.evaluation.scenes import CLASSES, combination_names, evaluate_scenes
from clipbook.evaluation.zero_shot import TEMPLATES, class_embeddings, zero_shot

__all__ = [
    "CLASSES",
    "TEMPLATES",
    "auc",
    "blind_baseline",
    "class_embeddings",
    "combination_names",
    "draw_questions",
    "evaluate_answers",
    "evaluate_emoji",
    "evaluate_scenes",
    "families_rows",
    "grade",
    "held_out_auc",
    "held_out_rows",
    "linear_probe",
    "moved",
    "name_embeddings",
    "picture_embeddings",
    "pixel_similarities",
    "ranks",
    "recall_at_k",
    "wilson_interval",
    "zero_shot",
]
