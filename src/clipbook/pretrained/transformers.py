"""Real CLIP, SigLIP and PaliGemma weights in our modules, which can express them exactly.

Shown in: book/text/text-encoder, book/image/vit, book/real/pretrained, book/language/paligemma.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Union, cast, overload

from torch import Tensor

from clipbook.language import PaliGemma
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.pairs.saving import built, load_weights
from clipbook.pretrained.layouts import LAYOUTS, Layout
from clipbook.pretrained.paligemma import paligemma_from_transformers
from clipbook.pretrained.weights import IN_A_BLOCK, QUERY_KEY_VALUE, not_the_model, translate

if TYPE_CHECKING:
    from transformers import CLIPModel, PaliGemmaForConditionalGeneration, SiglipModel

TOWERS = {"image_encoder": "vision_model", "text_encoder": "text_model"}


@overload
def from_transformers(hf_model: Union["CLIPModel", "SiglipModel"]) -> CLIP: ...
@overload
def from_transformers(hf_model: "PaliGemmaForConditionalGeneration") -> PaliGemma: ...
def from_transformers(
    hf_model: Union["CLIPModel", "SiglipModel", "PaliGemmaForConditionalGeneration"],
) -> CLIP | PaliGemma:
    """A CLIP with the weights of a `transformers.CLIPModel` or `SiglipModel`, or a PaliGemma with
    those of a `PaliGemmaForConditionalGeneration`, in float32, in eval mode.

    The mask of CLIP's texts must end at the end token; SigLIP's texts fill the context. Raises
    ValueError for anything but these three, for a configuration that our modules can't express, and
    for weights that are missing, left over or of another shape, by name.
    """
    config = getattr(hf_model, "config", None)
    kind = getattr(config, "model_type", None)
    if kind == "paligemma":
        return paligemma_from_transformers(cast(Any, hf_model))
    if not (isinstance(kind, str) and kind in LAYOUTS and hasattr(hf_model, "state_dict")):
        raise not_the_model(
            hf_model,
            "neither a "
            "transformers.CLIPModel nor a transformers.SiglipModel; try "
            "transformers.CLIPModel.from_pretrained('openai/clip-vit-base-patch32')",
        )
    layout = LAYOUTS[kind]
    source = f"transformers.{layout.kind}"
    return build(layout.config(config), layout, hf_model.state_dict(), source)


def build(config: CLIPConfig, layout: Layout, weights: Mapping[str, Tensor], source: str) -> CLIP:
    """A model of that configuration with weights under their names; source: what they are, for
    errors. Raises ValueError for weights that don't fit, see `from_transformers`.
    """
    model = built(lambda: CLIP(config))
    theirs = dict(weights)
    ours, missing = translate(theirs, _names(model, layout))
    if missing or theirs:
        raise ValueError(
            f"the weights don't fit: missing {sorted(missing) or 'nothing'}, left over "
            f"{sorted(theirs) or 'nothing'}; is it a plain {source}?"
        )
    expected = model.state_dict()
    for name in layout.flattened:
        while ours[name].ndim > expected[name].ndim and len(ours[name]) == 1:
            ours[name] = ours[name][0]
    load_weights(model, ours, source)
    return model.eval()


def _names(model: CLIP, layout: Layout) -> dict[str, tuple[str, ...]]:
    """For each of our weights, the names of theirs that make it."""
    names: dict[str, tuple[str, ...]] = {}
    for name in model.state_dict():
        parent, kind = name.rpartition(".")[::2]
        if name in layout.names:
            names[name] = (layout.names[name],)
        elif parent in layout.names:
            names[name] = (f"{layout.names[parent]}.{kind}",)
        else:
            tower, _, number, part = parent.split(".", 3)
            layer = f"{TOWERS[tower]}.encoder.layers.{number}"
            parts = QUERY_KEY_VALUE if part == "attention.query_key_value" else (IN_A_BLOCK[part],)
            names[name] = tuple(f"{layer}.{their_part}.{kind}" for their_part in parts)
    return names
