"""Gemma's weights, as `transformers` keeps them, in our decoder.

Shown in: book/language/decoder.
"""

from typing import TYPE_CHECKING, Any

import torch

from clipbook.language import Decoder, DecoderConfig
from clipbook.pairs.saving import built, load_weights
from clipbook.pretrained.weights import not_the_model

if TYPE_CHECKING:
    from transformers import GemmaForCausalLM

OUTSIDE_BLOCKS = {
    "token_embedding.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
}
IN_A_BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "mlp_norm": "post_attention_layernorm",
    "mlp.gate": "mlp.gate_proj",
    "mlp.up": "mlp.up_proj",
    "mlp.down": "mlp.down_proj",
}
TIED = "lm_head.weight"
"""The table of token embeddings under its second name."""

EXPRESSED = {
    "model_type": ("gemma",),
    "hidden_act": ("gelu_pytorch_tanh",),
    "attention_bias": (False,),
    "tie_word_embeddings": (True,),
    "use_bidirectional_attention": (None, False),
}
"""The fields of a GemmaConfig that must have one of these values: our decoder has no other."""


def decoder_from_transformers(hf_model: "GemmaForCausalLM") -> Decoder:
    """A Decoder with the weights of a `transformers.GemmaForCausalLM`, in float32, in eval mode.

    Raises ValueError for anything but a GemmaForCausalLM, for a configuration that our decoder
    can't express, and for weights that are missing, left over or of another shape, by name.
    """
    config = getattr(hf_model, "config", None)
    if getattr(config, "model_type", None) != "gemma" or not hasattr(hf_model, "state_dict"):
        raise not_the_model(
            hf_model,
            "not a "
            "transformers.GemmaForCausalLM; try "
            "transformers.GemmaForCausalLM.from_pretrained('google/gemma-2b')",
        )
    sizes = decoder_config(config)
    model = built(lambda: Decoder(sizes))
    theirs = {k: v for k, v in hf_model.state_dict().items() if not v.is_meta}
    if TIED in theirs and OUTSIDE_BLOCKS["token_embedding.weight"] in theirs:
        table, head = theirs[OUTSIDE_BLOCKS["token_embedding.weight"]], theirs.pop(TIED)
        if not torch.equal(table, head):
            raise ValueError(
                f"{TIED} differs from {OUTSIDE_BLOCKS['token_embedding.weight']}; our decoder has "
                "one table for both; try hf_model.tie_weights()"
            )
    names = {name: their_name(name) for name in model.state_dict()}
    missing, left_over = set(names.values()) - theirs.keys(), theirs.keys() - set(names.values())
    if missing or left_over:
        raise ValueError(
            f"the weights don't fit: missing {sorted(missing) or 'nothing'}, left over "
            f"{sorted(left_over) or 'nothing'}; is it a plain transformers.GemmaForCausalLM?"
        )
    ours = {name: theirs[source] for name, source in names.items()}
    load_weights(model, ours, "transformers.GemmaForCausalLM")
    return model.eval()


def decoder_config(theirs: Any, *, two_way: bool = False) -> DecoderConfig:
    """Our configuration of a GemmaConfig; two_way: whether its mask may be other than causal.

    Raises ValueError for what our decoder can't express.
    """
    rope = getattr(theirs, "rope_parameters", None) or {"rope_theta": theirs.rope_theta}
    for name, values in EXPRESSED.items():
        value = getattr(theirs, name, values[0])
        if two_way and name == "use_bidirectional_attention":
            continue
        if value not in values:
            raise ValueError(f"{name}={value!r}: our decoder has {name}={values[0]!r} alone")
    if rope.get("rope_type", "default") != "default":
        raise ValueError(
            f"rope_type={rope['rope_type']!r}: our decoder turns by plain angles, 'default' alone"
        )
    return DecoderConfig(
        vocab_size=theirs.vocab_size,
        width=theirs.hidden_size,
        depth=theirs.num_hidden_layers,
        heads=theirs.num_attention_heads,
        kv_heads=theirs.num_key_value_heads,
        head_dim=theirs.head_dim,
        mlp_width=theirs.intermediate_size,
        rope_base=rope["rope_theta"],
        norm_eps=theirs.rms_norm_eps,
    )


def their_name(name: str) -> str:
    """The name that `transformers.GemmaForCausalLM` has for a weight of our decoder."""
    if name in OUTSIDE_BLOCKS:
        return OUTSIDE_BLOCKS[name]
    _, number, part = name.split(".", 2)
    part, kind = part.rsplit(".", 1)
    return f"model.layers.{number}.{IN_A_BLOCK[part]}.{kind}"
