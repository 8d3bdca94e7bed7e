"""The contrastive loss."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy


def info_nce(logits: Float[Tensor, "images texts"]) -> Float[Tensor, ""]:
    """How surprising the matching pairs are, in nats, as each picture chooses among the texts and
    each text among the pictures; the mean of both.

    logits: similarities times the scale; image i belongs to text i. With N equal logits the loss
    is ln N; a batch of one always costs 0. Raises ValueError for a matrix that isn't square or is
    empty.
    Source: van den Oord et al. 2018, §2.3; Radford et al. 2021, figure 3.
    """
    images, texts = logits.shape
    if images != texts or images == 0:
        raise ValueError(
            f"logits are {images}×{texts}; image i belongs to text i, so as many images as texts "
            "are needed, and at least one"
        )
    target = torch.arange(images, device=logits.device)
    return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
