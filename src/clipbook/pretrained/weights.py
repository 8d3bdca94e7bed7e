"""Weights under others' names become ours.

Shown in: book/real/pretrained.
"""

import torch
from torch import Tensor

from clipbook.validation import excerpt

IN_A_BLOCK = {
    "attention_norm": "layer_norm1",
    "attention.output": "self_attn.out_proj",
    "mlp_norm": "layer_norm2",
    "mlp.0": "mlp.fc1",
    "mlp.2": "mlp.fc2",
}
QUERY_KEY_VALUE = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
"""Our names of what is in a block of an image or text encoder, and theirs."""


def not_the_model(hf_model: object, wanted: str) -> ValueError:
    """The error that names what was given in place of a model of transformers'."""
    is_module = isinstance(hf_model, torch.nn.Module)
    given = type(hf_model).__name__ if is_module else excerpt(hf_model)
    return ValueError(f"hf_model is {given}, {wanted}")


def translate(
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
