"""Words and pictures together: two towers into one space, the similarity matrix, the loss."""

from clipbook.pairs.chunked import chunked_info_nce, chunked_sigmoid_loss
from clipbook.pairs.clip import CLIP, CLIPConfig
from clipbook.pairs.loss import alignment, info_nce, sigmoid_loss, supervised_contrastive
from clipbook.pairs.saving import load_model, save_model
from clipbook.pairs.similarity import similarity

__all__ = [
    "CLIP",
    "CLIPConfig",
    "alignment",
    "chunked_info_nce",
    "chunked_sigmoid_loss",
    "info_nce",
    "load_model",
    "save_model",
    "sigmoid_loss",
    "similarity",
    "supervised_contrastive",
]
