"""The contrastive loss."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import cross_entropy


def info_nce(
    logits: Float[Tensor, "images texts"], true: Bool[Tensor, "images texts"] | None = None
) -> Float[Tensor, ""]:
    """How surprising the matching pairs are, in nats, as each picture chooses among the texts and
    each text among the pictures; the mean of both.

    logits: similarities times the scale; image i belongs to text i. With N equal logits the loss
    is ln N; a batch of one always costs 0.
    true: where several texts are true of one picture, all that are. The wanted probabilities are
    then spread over them evenly (multi-positive labels), in place of all on the diagonal.
    Raises ValueError for a matrix that isn't square or is empty, and for labels of another shape or
    with a row or a column in which nothing is true.
    Source: van den Oord et al. 2018, §2.3; Radford et al. 2021, figure 3. Several positives: Khosla
    et al. 2020.
    """
    images, texts = logits.shape
    if images != texts or images == 0:
        raise ValueError(
            f"logits are {images}×{texts}; image i belongs to text i, so as many images as texts "
            "are needed, and at least one"
        )
    if true is None:
        target = torch.arange(images, device=logits.device)
        return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    # what lies on a GPU is not looked into, for it would have to be waited for
    complete = true.device.type != "cpu" or bool(true.any(dim=0).all() and true.any(dim=1).all())
    if true.shape != logits.shape or not complete:
        raise ValueError(
            f"true is {tuple(true.shape)}, logits {tuple(logits.shape)}; it says of each cell "
            "whether the text is true of the picture, with one at least in each row and column"
        )
    rows, columns = (
        wanted / wanted.sum(dim=1, keepdim=True) for wanted in (true.float(), true.T.float())
    )
    return (cross_entropy(logits, rows) + cross_entropy(logits.T, columns)) / 2
