"""How transformers spells the models that our modules can express: configurations and names.

CLIP has a class token, `quick_gelu` and a causal text tower that is read at its end token. SigLIP
pools its patches by attention, has GELU by tanh, adds a bias to its logits, and reads texts at the
last place of the context. Source: the configurations that `transformers` publishes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clipbook.image import Preprocessing, ViTConfig
from clipbook.pairs import CLIPConfig
from clipbook.text import TextConfig
from clipbook.validation import excerpt

ACTIVATIONS = {"gelu": "gelu", "quick_gelu": "quick_gelu", "gelu_pytorch_tanh": "gelu_tanh"}
"""Their names of what bends a line, and ours."""

HALVES = Preprocessing("stretch", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""SigLIP's preprocessing: from [0, 1] to [-1, 1]."""


@dataclass(frozen=True)
class Layout:
    """One kind of model: its class there, our configuration of it, and their names of our weights.

    names: those outside the blocks; a module's stands for its weight and bias. flattened: ours that
    are kept there with dimensions of 1 before their own.
    """

    kind: str
    example: str
    config: Callable[[Any], CLIPConfig]
    names: Mapping[str, str]
    flattened: tuple[str, ...] = ()


def _tower(theirs: Any) -> dict[str, Any]:
    """What both towers of both models have alike."""
    if theirs.hidden_act not in ACTIVATIONS:
        raise ValueError(
            f"hidden_act={excerpt(theirs.hidden_act)}: our blocks know {', '.join(ACTIVATIONS)}"
        )
    return {
        "width": theirs.hidden_size,
        "depth": theirs.num_hidden_layers,
        "heads": theirs.num_attention_heads,
        "mlp_width": theirs.intermediate_size,
        "activation": ACTIVATIONS[theirs.hidden_act],
        "norm_eps": theirs.layer_norm_eps,
    }


def image_sizes(theirs: Any) -> dict[str, Any]:
    """Fields of a `ViTConfig` that every image encoder of theirs tells."""
    return {"image_size": theirs.image_size, "patch_size": theirs.patch_size, **_tower(theirs)}


def _text(theirs: Any) -> dict[str, Any]:
    sizes = {"vocab_size": theirs.vocab_size, "context_length": theirs.max_position_embeddings}
    return sizes | _tower(theirs)


def _clip(theirs: Any) -> CLIPConfig:
    image, text = theirs.vision_config, theirs.text_config
    return CLIPConfig(
        ViTConfig(**image_sizes(image), embed_dim=theirs.projection_dim, pooling="first"),
        TextConfig(**_text(text), embed_dim=theirs.projection_dim),
    )


def _siglip(theirs: Any) -> CLIPConfig:
    image, text = theirs.vision_config, theirs.text_config
    return CLIPConfig(
        ViTConfig(
            **image_sizes(image),
            embed_dim=image.hidden_size,
            pooling="attention",
            input_norm=False,
            projection=False,
            patch_bias=True,
        ),
        TextConfig(
            **_text(text),
            embed_dim=text.projection_size,
            pooling="last_place",
            projection_bias=True,
        ),
        initial_temperature=0.1,  # Zhai et al. 2023, §3.2
        initial_bias=-10.0,
        preprocessing=HALVES,
    )


SHARED = {
    "log_scale": "logit_scale",
    "image_encoder.patch_embedding": "vision_model.embeddings.patch_embedding",
    "image_encoder.positions": "vision_model.embeddings.position_embedding.weight",
    "image_encoder.norm": "vision_model.post_layernorm",
    "text_encoder.token_embedding": "text_model.embeddings.token_embedding",
    "text_encoder.positions": "text_model.embeddings.position_embedding.weight",
    "text_encoder.norm": "text_model.final_layer_norm",
}
CLIPS = {
    "image_encoder.class_embedding": "vision_model.embeddings.class_embedding",
    "image_encoder.input_norm": "vision_model.pre_layrnorm",  # spelled so in every checkpoint
    "image_encoder.projection": "visual_projection",
    "text_encoder.projection": "text_projection",
}
POOLING = "image_encoder.attention_pooling"
SIGLIPS = {
    "bias": "logit_bias",
    f"{POOLING}.query": "vision_model.head.probe",
    f"{POOLING}.attention.query_key_value.weight": "vision_model.head.attention.in_proj_weight",
    f"{POOLING}.attention.query_key_value.bias": "vision_model.head.attention.in_proj_bias",
    f"{POOLING}.attention.output": "vision_model.head.attention.out_proj",
    f"{POOLING}.mlp_norm": "vision_model.head.layernorm",
    f"{POOLING}.mlp.0": "vision_model.head.mlp.fc1",
    f"{POOLING}.mlp.2": "vision_model.head.mlp.fc2",
    "text_encoder.projection": "text_model.head",
}
LAYOUTS = {
    "clip": Layout("CLIPModel", "openai/clip-vit-base-patch32", _clip, SHARED | CLIPS),
    "siglip": Layout(
        "SiglipModel",
        "google/siglip-base-patch16-224",
        _siglip,
        SHARED | SIGLIPS,
        ("log_scale", "bias", f"{POOLING}.query"),
    ),
}
"""By their `model_type`."""
