"""Gradient caching: the gradients of a batch whose activations don't fit into memory.

Source: Gao et al. 2021, §3.2. Built in: book/scale/large-batches.
"""

import torch
from torch import Tensor, nn

from clipbook.pairs import CLIP, chunked_info_nce, chunked_sigmoid_loss
from clipbook.training.config import LOSSES
from clipbook.validation import one_of, whole_number

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def cached_backward(
    model: CLIP, pixels: Tensor, token_ids: Tensor, mask: Tensor, part: int, loss: str = "infonce"
) -> Tensor:
    """The loss of the whole batch, whose gradients are added to the weights', while the encoders
    hold the activations of no more than `part` pairs at a time.

    Encodes in parts without a graph; takes the gradients of the loss in all embeddings; then
    encodes each part again and sends its embeddings' gradients back. They are the gradients of
    `contrastive_step(…).backward()` to rounding, for half as much work again in the encoders.
    pixels: (batch, 3, height, width), normalised. loss: as in `clipbook.training.TrainingConfig`.
    Raises ValueError for a part below 1, another number of pictures than texts, another loss, the
    sigmoid loss without a bias, and a batch norm in train mode: that would see the part in place of
    the batch.
    """
    part = whole_number("part", part, 64)
    one_of("loss", loss, tuple(LOSSES))
    for name, module in model.named_modules():
        if isinstance(module, NORMS) and module.training:
            raise ValueError(
                f"{name} is a batch norm, which sees a part of the batch in place of the batch, so "
                "the gradients would be others; try a ViT, or model.eval()"
            )
    sizes = {len(rows) for rows in (pixels, token_ids, mask)}
    if len(sizes) > 1:
        raise ValueError(
            f"{len(pixels)} pictures, {len(token_ids)} texts and a mask of {len(mask)}; give as "
            "many of each"
        )
    pieces = list(zip(pixels.split(part), token_ids.split(part), mask.split(part), strict=True))
    with torch.no_grad():
        encoded = [(model.encode_image(one), model.encode_text(*text)) for one, *text in pieces]
    images, texts = (torch.cat(rows).requires_grad_() for rows in zip(*encoded, strict=True))
    if loss == "infonce":
        value = chunked_info_nce(images, texts, model.scale)
    elif model.bias is None:
        raise ValueError("loss='sigmoid', but the model has no bias; try initial_bias=-10.0")
    else:
        value = chunked_sigmoid_loss(images, texts, model.scale, model.bias)
    value.backward()
    assert images.grad is not None and texts.grad is not None, "the loss depends on both"
    cached = zip(images.grad.split(part), texts.grad.split(part), strict=True)
    for (one, *text), gradients in zip(pieces, cached, strict=True):
        for rows, gradient in zip(
            (model.encode_image(one), model.encode_text(*text)), gradients, strict=True
        ):
            if rows.requires_grad:  # an encoder whose weights stay as they are needs none
                rows.backward(gradient)
    return value.detach()
