"""What a batch is to each kind of model: how it is checked, what it costs, how the model is kept.

Source of the contrastive one: Radford et al. 2021, figure 3; of the other: Beyer et al. 2024,
§3.1. Built in: book/pairs/training and book/language/paligemma.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clipbook import pairs
from clipbook.language import PaliGemma, save_paligemma
from clipbook.language.decoder import check_token_ids
from clipbook.language.generation import check_one_each
from clipbook.language.prefix import check_prefix
from clipbook.language.saving import paligemma_to_json
from clipbook.pairs import CLIP, save_model, supervised_contrastive
from clipbook.pairs.config_json import config_to_json
from clipbook.text.encoder import check_texts, without_padding
from clipbook.training import processes
from clipbook.training.config import ADDED, LOSSES, TrainingConfig
from clipbook.validation import one_of

Model = CLIP | PaliGemma


@dataclass(frozen=True)
class Objective:
    """prepare: a batch as it goes to the device, checked there once, on the CPU. cost: of a
    prepared batch, given pixels and its other parts, in nats. to_json: what a model's configuration
    is. save: write a model as one file."""

    prepare: Callable[[Any, Sequence[Tensor]], tuple[Tensor, ...]]
    cost: Callable[..., Tensor]
    to_json: Callable[[Any], str]
    save: Callable[[Any, Path], None]


def objective_of(model: Model, config: TrainingConfig) -> Objective:
    """Pictures and texts that belong together, for a CLIP; answers, for a PaliGemma.

    Raises ValueError for the sigmoid loss of a model without a bias, for what several processes
    can't share, see `clipbook.training.processes`, and for micro_batch, among_pictures or alignment
    of those or a PaliGemma.
    """
    for name in ("micro_batch", *ADDED):
        value = getattr(config, name)
        if value and (isinstance(model, PaliGemma) or processes.count() > 1):
            whose = (
                "a PaliGemma" if isinstance(model, PaliGemma) else f"{processes.count()} processes"
            )
            raise ValueError(
                f"{name}={value} for {whose}: it is for a CLIP in one process; leave it out"
            )
    if isinstance(model, PaliGemma):
        if processes.count() > 1:
            raise ValueError(
                f"{processes.count()} processes for a PaliGemma, which one alone trains; start it "
                "without torchrun"
            )
        return ANSWERING
    _check_loss(model, config.loss)
    cost = partial(
        _contrast, loss=config.loss, towers=processes.spread(model),
        added={name: getattr(config, name) for name in ADDED},
    )  # fmt: skip
    return Objective(
        prepare, cost, lambda model: config_to_json(model.config), lambda *a: save_model(*a)
    )


def _check_loss(model: CLIP, loss: str) -> None:
    one_of("loss", loss, tuple(LOSSES))
    if loss == "sigmoid" and model.bias is None:
        raise ValueError(
            "loss='sigmoid', but the model has no bias, without which every cell begins at a half; "
            "try CLIPConfig(..., initial_temperature=0.1, initial_bias=-10.0)"
        )


def _check_pictures(model: Model, pictures: Tensor) -> None:
    size = model.config.image.image_size
    if pictures.shape[1:] != (size, size, 3):
        raise ValueError(
            f"a batch holds pictures of shape {tuple(pictures.shape)}, the model takes (batch, "
            f"{size}, {size}, 3); make the batches with image_size={size}"
        )
    if pictures.dtype != torch.uint8:
        raise ValueError(
            f"a batch holds pictures of {pictures.dtype}; give levels 0 to 255 in torch.uint8, "
            "which training itself normalises as the model wants them"
        )


def prepare(model: CLIP, batch: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """A batch as it goes to the device: checked, and without columns of nothing but padding.

    A fourth part, which texts are true of which picture, goes along as it is. All is done here,
    once and on the CPU, since a GPU would have to be waited for.
    """
    if len(batch) not in (3, 4):
        raise ValueError(
            f"a batch of {len(batch)} parts; a CLIP takes pictures, token ids and mask, and as a "
            "fourth, where there is one, which texts are true of which picture"
        )
    pictures, token_ids, mask, *true = batch
    _check_pictures(model, pictures)
    check_texts(token_ids, mask, model.config.text)
    if model.config.text.reads_padding:
        return pictures, token_ids, mask, *true
    return pictures, *without_padding(token_ids, mask), *true


def contrastive_step(
    model: CLIP,
    pixels: Tensor,
    token_ids: Tensor,
    mask: Tensor,
    half: torch.dtype | None,
    true: Tensor | None = None,
    *,
    loss: str = "infonce",
    among_pictures: float = 0.0,
    alignment: float = 0.0,
    towers: nn.Module | None = None,
) -> Tensor:
    """The loss of one batch: encoders in half precision where asked, the matrix in float32.

    true: which texts are true of which picture, see `clipbook.pairs.info_nce`. loss,
    among_pictures, alignment: as in `clipbook.training.TrainingConfig`; two pictures show the same
    thing where the text of each is true of the other, too. towers: what `processes.spread` made of
    the model; where several processes share the batch, this is the loss of one's own rows, to be
    averaged.
    Raises ValueError as `objective_of`, and where among_pictures is asked of a batch without true.
    """
    _check_loss(model, loss)
    towers = processes.Towers(model) if towers is None else towers
    with torch.autocast(pixels.device.type, half) if half else nullcontext():
        images, texts, scale, bias = towers(pixels, token_ids, mask)
    images, texts = (
        torch.nn.functional.normalize(rows.float(), dim=-1) for rows in (images, texts)
    )
    if processes.count() > 1:
        return processes.SHARED_LOSSES[loss](images, texts, scale, bias)
    # `model.logits` would look at the lengths again
    similarities = images @ texts.T
    cost = LOSSES[loss](model.scaled(similarities), true)
    if alignment:
        cost = cost + alignment * pairs.alignment(similarities, true)
    if not among_pictures:
        return cost
    if true is None:
        raise ValueError(
            f"among_pictures={among_pictures:g}, but a batch does not say which pictures show the "
            "same thing; try EmojiBatches(..., artists_each=2), or leave it out"
        )
    same = true & true.T
    return cost + among_pictures * supervised_contrastive(model.scaled(images @ images.T), same)


def _contrast(
    model: CLIP, half: torch.dtype | None, pixels: Tensor, token_ids: Tensor, mask: Tensor,
    true: Tensor | None = None, *, loss: str, towers: nn.Module, added: dict[str, float],
) -> Tensor:  # fmt: skip
    return contrastive_step(
        model, pixels, token_ids, mask, half, true, loss=loss, towers=towers, **added
    )


def _prepare_answers(model: PaliGemma, batch: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Pictures, token ids, which of them are of prompts, and which of answers: all checked."""
    if len(batch) != 4:
        raise ValueError(
            f"a batch of {len(batch)} parts; a PaliGemma takes pictures, and the three that "
            "AnswerTokenizer.batch gives"
        )
    pictures, token_ids, in_prompt, in_answer = batch
    _check_pictures(model, pictures)
    check_one_each(pictures, token_ids)
    check_token_ids(token_ids, model.config.decoder.vocab_size)
    check_prefix(in_prompt)
    if in_answer.dtype != torch.bool:
        raise ValueError(f"in_answer is of {in_answer.dtype}; say true or false of each token")
    if not in_answer.any(dim=1).all():
        raise ValueError("a batch holds a question without an answer; see AnswerTokenizer.batch")
    return pictures, token_ids, in_prompt, in_answer


def _answer(
    model: PaliGemma, half: torch.dtype | None, pixels: Tensor, token_ids: Tensor,
    in_prompt: Tensor, in_answer: Tensor,
) -> Tensor:  # fmt: skip
    with torch.autocast(pixels.device.type, half) if half else nullcontext():
        return model.loss(pixels, token_ids, in_prompt, in_answer)


ANSWERING = Objective(
    _prepare_answers,
    _answer,
    lambda model: paligemma_to_json(model.config),
    lambda *a: save_paligemma(*a),
)
