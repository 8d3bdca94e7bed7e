"""PaliGemma's weights, as `transformers` keeps them, in our model.

Shown in: book/language/paligemma.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from clipbook.image import ViTConfig
from clipbook.language import PaliGemma, PaliGemmaConfig
from clipbook.pairs.saving import check_weights
from clipbook.pretrained.gemma import TIED, decoder_config, their_name
from clipbook.pretrained.layouts import HALVES, image_sizes
from clipbook.pretrained.weights import IN_A_BLOCK, QUERY_KEY_VALUE, not_the_model, translate

if TYPE_CHECKING:
    from transformers import PaliGemmaForConditionalGeneration

EYE, LANGUAGE = "model.vision_tower.", "model.language_model."
OUTSIDE_BLOCKS = {
    "projection": "model.multi_modal_projector.linear",
    "image_encoder.patch_embedding": f"{EYE}embeddings.patch_embedding",
    "image_encoder.norm": f"{EYE}post_layernorm",
}
POSITIONS = f"{EYE}embeddings.position_embedding.weight"

OLDER = (
    (r"^vision_tower\.vision_model\.", EYE),
    (r"^model\.vision_tower\.vision_model\.", EYE),
    (r"^vision_tower\.", EYE),
    (r"^language_model\.model\.", LANGUAGE),
    (r"^language_model\.lm_head\.", "lm_head."),
    (r"^multi_modal_projector\.", "model.multi_modal_projector."),
)
"""How names in files begin, which are older than the library's names of today, or kept alike."""


def paligemma_from_transformers(hf_model: "PaliGemmaForConditionalGeneration") -> PaliGemma:
    """A PaliGemma with the weights of a `transformers.PaliGemmaForConditionalGeneration`, in
    float32, in eval mode.

    There, pass `token_type_ids`, 0 at prompts and 1 at answers: without them every token sees every
    other, the answer too. Raises ValueError for anything else, for a configuration that ours can't
    express, and for weights that are missing, left over or of another shape, by name.
    """
    config = getattr(hf_model, "config", None)
    if getattr(config, "model_type", None) != "paligemma" or not hasattr(hf_model, "state_dict"):
        raise not_the_model(
            hf_model,
            "not a "
            "transformers.PaliGemmaForConditionalGeneration; try its from_pretrained("
            "'google/paligemma-3b-pt-224')",
        )
    weights = {k: v.clone() for k, v in hf_model.state_dict().items() if not v.is_meta}
    kind = "transformers.PaliGemmaForConditionalGeneration"
    return build_paligemma(paligemma_config(hf_model.config), weights, kind)


def paligemma_config(theirs: Any) -> PaliGemmaConfig:
    """Our configuration of a `transformers.PaliGemmaConfig`.

    SigLIP's image encoder, read after its last block and norm; then Gemma. Raises ValueError for
    what our modules can't express.
    """
    eye = theirs.vision_config
    image = ViTConfig(
        **image_sizes(eye), embed_dim=eye.hidden_size, input_norm=False, projection=False,
        patch_bias=True,
    )  # fmt: skip
    return PaliGemmaConfig(
        image,
        decoder_config(theirs.text_config, two_way=True),
        tokens_after=f"block {image.depth}",
        image_norm="learned",
        preprocessing=HALVES,
    )


def build_paligemma(
    config: PaliGemmaConfig, weights: Mapping[str, Tensor], source: str
) -> PaliGemma:
    """A model of that configuration, made of the weights themselves where they are in float32, so
    that no memory is needed twice; source: what they are, for errors.

    Raises ValueError for weights that don't fit, see `paligemma_from_transformers`.
    """
    with torch.device("meta"):
        model = PaliGemma(config)
    theirs = {_todays_name(name): value for name, value in weights.items()}
    table, head = theirs.get(f"{LANGUAGE}embed_tokens.weight"), theirs.pop(TIED, None)
    if table is not None and head is not None and not torch.equal(table, head):
        raise ValueError(
            f"{TIED} differs from {LANGUAGE}embed_tokens.weight; our decoder has one table for "
            "both; try hf_model.tie_weights()"
        )
    ours, missing = translate(theirs, {name: _their_names(name) for name in model.state_dict()})
    if missing or theirs:
        raise ValueError(
            f"the weights don't fit: missing {sorted(missing) or 'nothing'}, left over "
            f"{sorted(theirs) or 'nothing'}; is it a plain {source}?"
        )
    check_weights(model, ours, source)
    model.load_state_dict({name: value.float() for name, value in ours.items()}, assign=True)
    return model.requires_grad_(True).eval()


def _todays_name(name: str) -> str:
    for pattern, now in OLDER:
        name = re.sub(pattern, now, name)
    return name


def _their_names(name: str) -> tuple[str, ...]:
    """The names of theirs that make one of our weights."""
    parent, kind = name.rpartition(".")[::2]
    if name == "image_encoder.positions":
        return (POSITIONS,)
    if parent in OUTSIDE_BLOCKS:
        return (f"{OUTSIDE_BLOCKS[parent]}.{kind}",)
    if name.startswith("decoder."):
        plain = their_name(name.removeprefix("decoder."))
        return (LANGUAGE + plain.removeprefix("model."),)
    _, _, number, part = parent.split(".", 3)
    parts = QUERY_KEY_VALUE if part == "attention.query_key_value" else (IN_A_BLOCK[part],)
    return tuple(f"{EYE}encoder.layers.{number}.{their_part}.{kind}" for their_part in parts)
