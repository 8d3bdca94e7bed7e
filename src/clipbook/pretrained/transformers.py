"""Real CLIP weights in our modules.

Our modules can express OpenAI's CLIP exactly: a class token and `quick_gelu` in the image tower,
a causal text tower read at its end token. Shown in: book/text/text-encoder and book/image/vit.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from clipbook.image import ViTConfig
from clipbook.pairs import CLIP, CLIPConfig
from clipbook.pairs.saving import load_weights
from clipbook.text import TextConfig
from clipbook.transformer.block import ACTIVATIONS
from clipbook.validation import excerpt

if TYPE_CHECKING:
    from transformers import CLIPModel

TOWERS = (("image_encoder", "vision_model"), ("text_encoder", "text_model"))
OUTSIDE_BLOCKS = {
    "log_scale": "logit_scale",
    "image_encoder.class_embedding": "vision_model.embeddings.class_embedding",
    "image_encoder.patch_embedding.weight": "vision_model.embeddings.patch_embedding.weight",
    "image_encoder.positions": "vision_model.embeddings.position_embedding.weight",
    "image_encoder.input_norm": "vision_model.pre_layrnorm",  # spelled so in every checkpoint
    "image_encoder.norm": "vision_model.post_layernorm",
    "image_encoder.projection.weight": "visual_projection.weight",
    "text_encoder.token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "text_encoder.positions": "text_model.embeddings.position_embedding.weight",
    "text_encoder.norm": "text_model.final_layer_norm",
    "text_encoder.projection.weight": "text_projection.weight",
}
IN_A_BLOCK = {
    "attention_norm": "layer_norm1",
    "attention.output": "self_attn.out_proj",
    "mlp_norm": "layer_norm2",
    "mlp.0": "mlp.fc1",
    "mlp.2": "mlp.fc2",
}
QUERY_KEY_VALUE = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


def from_transformers(hf_model: "CLIPModel") -> CLIP:
    """A CLIP with the weights of a `transformers.CLIPModel`, in float32, in eval mode.

    The texts' mask must end at the end token. Raises ValueError for anything but a CLIPModel, for a
    configuration that our modules can't express, and for weights that are missing, left over or of
    another shape, by name.
    """
    config = getattr(hf_model, "config", None)
    if getattr(config, "model_type", None) != "clip" or not hasattr(hf_model, "state_dict"):
        is_module = isinstance(hf_model, torch.nn.Module)
        raise ValueError(
            f"hf_model is {type(hf_model).__name__ if is_module else excerpt(hf_model)}, not a "
            "transformers.CLIPModel; try "
            "transformers.CLIPModel.from_pretrained('openai/clip-vit-base-patch32')"
        )
    model = CLIP(_config(config))
    theirs = dict(hf_model.state_dict())
    ours, missing = _translate(theirs, _names(model))
    if missing or theirs:
        raise ValueError(
            f"the weights don't fit: missing {sorted(missing) or 'nothing'}, left over "
            f"{sorted(theirs) or 'nothing'}; is it a plain transformers.CLIPModel?"
        )
    load_weights(model, ours, "transformers.CLIPModel")
    return model.eval()


def _config(theirs: Any) -> CLIPConfig:
    image, text = theirs.vision_config, theirs.text_config
    for tower in (image, text):
        if tower.hidden_act not in list(ACTIVATIONS) or tower.layer_norm_eps != 1e-5:
            raise ValueError(
                f"hidden_act={tower.hidden_act!r}, layer_norm_eps={tower.layer_norm_eps}: our "
                f"blocks know {' and '.join(ACTIVATIONS)}, and an eps of 1e-5"
            )
    return CLIPConfig(
        ViTConfig(
            image_size=image.image_size,
            patch_size=image.patch_size,
            width=image.hidden_size,
            depth=image.num_hidden_layers,
            heads=image.num_attention_heads,
            mlp_width=image.intermediate_size,
            embed_dim=theirs.projection_dim,
            pooling="first",
            activation=image.hidden_act,
        ),
        TextConfig(
            vocab_size=text.vocab_size,
            context_length=text.max_position_embeddings,
            width=text.hidden_size,
            depth=text.num_hidden_layers,
            heads=text.num_attention_heads,
            mlp_width=text.intermediate_size,
            embed_dim=theirs.projection_dim,
            activation=text.hidden_act,
        ),
    )


def _names(model: CLIP) -> dict[str, tuple[str, ...]]:
    """For each of our weights, the names of theirs that make it."""
    names: dict[str, tuple[str, ...]] = {}
    for name in model.state_dict():
        parent, kind = name.rpartition(".")[::2]
        if name in OUTSIDE_BLOCKS:
            names[name] = (OUTSIDE_BLOCKS[name],)
        elif parent in OUTSIDE_BLOCKS:
            names[name] = (f"{OUTSIDE_BLOCKS[parent]}.{kind}",)
        else:
            tower, _, number, part = parent.split(".", 3)
            layer = f"{dict(TOWERS)[tower]}.encoder.layers.{number}"
            parts = QUERY_KEY_VALUE if part == "attention.query_key_value" else (IN_A_BLOCK[part],)
            names[name] = tuple(f"{layer}.{their_part}.{kind}" for their_part in parts)
    return names


def _translate(
    theirs: dict[str, Tensor], names: dict[str, tuple[str, ...]]
) -> tuple[dict[str, Tensor], list[str]]:
    """Our weights, and the names of theirs that are missing; what is used is taken out."""
    ours: dict[str, Tensor] = {}
    missing: list[str] = []
    for name, sources in names.items():
        values = {source: theirs.pop(source, None) for source in sources}
        tensors = [value for value in values.values() if value is not None and not value.is_meta]
        if len(tensors) < len(sources):
            missing += [s for s, value in values.items() if value is None or value.is_meta]
            continue
        try:
            ours[name] = torch.cat(tensors) if len(tensors) > 1 else tensors[0]
            if name == "image_encoder.patch_embedding.weight":
                ours[name] = ours[name].flatten(1)  # a convolution's weight, patch by patch
        except (IndexError, RuntimeError) as error:
            shapes = [f"{s} {tuple(v.shape)}" for s, v in zip(sources, tensors, strict=True)]
            raise ValueError(f"{name} can't be made of {', '.join(shapes)} ({error})") from None
    return ours, missing
