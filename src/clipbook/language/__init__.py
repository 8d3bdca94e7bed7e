"""A language model: a decoder that writes a text token by token, built as Gemma is."""

from clipbook.language.attention import GroupedQueryAttention
from clipbook.language.cache import KVCache
from clipbook.language.decoder import Decoder, DecoderConfig
from clipbook.language.generation import Sampler, generate
from clipbook.language.layers import GeGLU, RMSNorm
from clipbook.language.loss import next_token_loss, token_log_probabilities
from clipbook.language.rotary import rotary

__all__ = [
    "Decoder",
    "DecoderConfig",
    "GeGLU",
    "GroupedQueryAttention",
    "KVCache",
    "RMSNorm",
    "Sampler",
    "generate",
    "next_token_loss",
    "rotary",
    "token_log_probabilities",
]
