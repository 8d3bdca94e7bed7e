"""The contrastive losses: a choice in each row and column, an answer for each cell, and a choice
among pictures; and alignment, which compares nothing with what does not belong to it."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from clipbook.validation import check_axes, check_fractions


def info_nce(
    logits: Float[Tensor, "images texts"], true: Bool[Tensor, "images texts"] | None = None
) -> Float[Tensor, ""]:
    """How surprising the matching pairs are, in nats, as each picture chooses among the texts and
    each text among the pictures; the mean of both.

    logits: similarities times the scale; image i belongs to text i. With N equal logits the loss
    is ln N; a batch of one always costs 0.
    true: where several texts are true of one picture, all that are. The wanted probabilities are
    then spread over them evenly (multi-positive labels), in place of all on the diagonal.
    Raises ValueError for what is no matrix, for one that isn't square or is empty, and for labels
    that are not true or false, of another shape, or with a row or a column in which nothing is
    true.
    Source: van den Oord et al. 2018, §2.3; Radford et al. 2021, figure 3. Several positives: Khosla
    et al. 2020.
    """
    images, texts = _sides(logits)
    if images != texts or images == 0:
        raise ValueError(
            f"logits are {images}×{texts}; image i belongs to text i, so as many images as texts "
            "are needed, and at least one"
        )
    if true is None:
        target = torch.arange(images, device=logits.device)
        return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    _check_labels(true)
    # what lies on a GPU is not looked into, for it would have to be waited for
    complete = true.device.type != "cpu" or bool(true.any(dim=0).all() and true.any(dim=1).all())
    if true.shape != logits.shape or not complete:
        raise ValueError(
            f"true is {tuple(true.shape)}, logits {tuple(logits.shape)}; it says of each cell "
            "whether the text is true of the picture, with one at least in each row and column"
        )
    rows, columns = (
        wanted / wanted.sum(dim=1, keepdim=True)
        for wanted in (true.to(logits.dtype), true.T.to(logits.dtype))
    )
    return (cross_entropy(logits, rows) + cross_entropy(logits.T, columns)) / 2


def sigmoid_loss(
    logits: Float[Tensor, "images texts"], true: Bool[Tensor, "images texts"] | None = None
) -> Float[Tensor, ""]:
    """How surprising it is, in nats, which cells are pairs and which are not, where each cell
    answers yes or no by itself; added up over a picture's cells, and the mean over the pictures.

    logits: similarities times the scale, plus the bias; image i belongs to text i. With N equal
    logits of 0 each cell costs ln 2, so the loss is N ln 2.
    true: which texts are true of which picture, in place of the diagonal: one, several or none, and
    there may be more texts than pictures or fewer.
    Raises ValueError for what is no matrix, for one that is empty, or that isn't square where
    `true` is not given, and for labels that are not true or false or of another shape.
    Source: Zhai et al. 2023, §3.2 and algorithm 1. Built in: book/scale/sigmoid-loss.
    """
    images, texts = _sides(logits)
    if images == 0 or texts == 0 or (true is None and images != texts):
        raise ValueError(
            f"logits are {images}×{texts}; at least one image and text are needed, and as many "
            "images as texts unless true= says which belong together"
        )
    if true is None:
        true = torch.eye(images, dtype=torch.bool, device=logits.device)
    _check_labels(true)
    if true.shape != logits.shape:
        raise ValueError(
            f"true is {tuple(true.shape)}, logits {tuple(logits.shape)}; it says of each cell "
            "whether the text is true of the picture"
        )
    each = -logsigmoid(torch.where(true, logits, -logits))
    return (each.sum(dtype=_wide(logits)) / images).to(logits.dtype)


def supervised_contrastive(
    logits: Float[Tensor, "images images"], same: Bool[Tensor, "images images"]
) -> Float[Tensor, ""]:
    """How surprising it is, in nats, which pictures show the same thing, as each picture chooses
    among the others; the mean over its matches, and over all pictures that have one. Where none
    has, it costs 0.

    logits: similarities of pictures with pictures, times the scale. same: which show the same
    thing; the diagonal, a picture with itself, counts neither as a match nor as a choice.
    With N equal logits the loss is ln (N − 1), so two pictures always cost 0.
    Raises ValueError for what is no matrix, for one that isn't square, and for labels that are not
    true or false, or of another shape.
    Source: Khosla et al. 2020, equation 2.
    """
    images, columns = _sides(logits)
    _check_labels(same, "same")
    if images != columns or same.shape != logits.shape:
        raise ValueError(
            f"logits are {images}×{columns}, same {tuple(same.shape)}; both compare the same "
            "pictures with one another"
        )
    itself = torch.eye(images, dtype=torch.bool, device=logits.device)
    matches = same & ~itself
    surprise = -logits.masked_fill(itself, -torch.inf).log_softmax(dim=1)
    counts = matches.sum(dim=1)
    each = surprise.masked_fill(~matches, 0).sum(dim=1) / counts.clamp(min=1)
    return each.sum() / (counts > 0).sum().clamp(min=1)


def alignment(
    similarities: Float[Tensor, "images texts"], true: Bool[Tensor, "images texts"] | None = None
) -> Float[Tensor, ""]:
    """How far apart a picture and its text are: the mean of their embeddings' squared distance,
    2 − 2 · similarity for rows of unit length; 0 where they are the same, 4 at most.

    similarities: cosines, not scaled; image i belongs to text i. true: all texts that are true of a
    picture, in place of the diagonal. It pushes nothing away: where both encoders learn by it
    alone, all rows become the same.
    Raises ValueError for what is no matrix, for one without a matching cell, or that isn't square
    where `true` is not given, and for labels that are not true or false or of another shape.
    Source: Wang & Isola 2020, §4 (with α = 2). Built in: book/real/emoji.
    """
    images = _sides(similarities, "similarities", "cosines")[0]
    if true is None:
        true = torch.eye(images, dtype=torch.bool, device=similarities.device)
    _check_labels(true)
    cells = true.numel() if true.device.type != "cpu" else int(true.sum())
    if true.shape != similarities.shape or not cells:
        raise ValueError(
            f"true is {tuple(true.shape)}, similarities {tuple(similarities.shape)}; it says of "
            "each cell whether the text is true of the picture, as at least one is, and may be "
            "left out where there are as many images as texts"
        )
    # a GPU would have to be waited for, were the matching cells picked out
    each = (2 - 2 * similarities).masked_fill(~true, 0)
    return (each.sum(dtype=_wide(similarities)) / true.sum()).to(similarities.dtype)


def _sides(
    logits: Tensor, name: str = "logits", what: str = "scaled similarities"
) -> tuple[int, ...]:
    """Rows and columns. Raises ValueError for what has more axes, or fewer, or no fractions."""
    check_axes(name, logits, "rows columns", f"give each picture a row of {what}")
    check_fractions(name, logits)
    return tuple(logits.shape)


def _wide(cells: Tensor) -> torch.dtype:
    """What N² cells are added up in: their sum may be more than float16's 65,504."""
    return torch.promote_types(cells.dtype, torch.float32)


def _check_labels(true: object, name: str = "true") -> None:
    """Raises ValueError for anything but a tensor of true or false: numbers would be weights."""
    if not (isinstance(true, Tensor) and true.dtype == torch.bool):
        raise ValueError(
            f"{name} holds {getattr(true, 'dtype', type(true).__name__)}, a tensor of true or "
            f"false is needed; try torch.as_tensor({name}).bool()"
        )
