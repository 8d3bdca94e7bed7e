"""What a trained model can do: classify without labels, retrieve, and where it fails."""

from clipbook.evaluation.retrieval import recall_at_k
from clipbook.evaluation.zero_shot import TEMPLATES, class_embeddings, zero_shot

__all__ = ["TEMPLATES", "class_embeddings", "recall_at_k", "zero_shot"]
