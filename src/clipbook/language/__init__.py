"""A language model: a decoder that writes a text token by token, built as Gemma is; and with a
picture in front of the text, as PaliGemma is."""

from clipbook.language.answer_tokenizer import AnswerTokenizer
from clipbook.language.answerer import Answerer, Explanation
from clipbook.language.attention import GroupedQueryAttention
from clipbook.language.boxes import Box, box_to_text, iou, read_boxes
from clipbook.language.cache import KVCache
from clipbook.language.decoder import Decoder, DecoderConfig
from clipbook.language.generation import Sampler, generate
from clipbook.language.layers import GeGLU, RMSNorm
from clipbook.language.loss import next_token_loss, token_log_probabilities
from clipbook.language.paligemma import PaliGemma, PaliGemmaConfig
from clipbook.language.prefix import prefix_mask
from clipbook.language.rotary import rotary
from clipbook.language.saving import load_paligemma, save_paligemma

__all__ = [
    "AnswerTokenizer",
    "Answerer",
    "Box",
    "Decoder",
    "DecoderConfig",
    "Explanation",
    "GeGLU",
    "GroupedQueryAttention",
    "KVCache",
    "PaliGemma",
    "PaliGemmaConfig",
    "RMSNorm",
    "Sampler",
    "box_to_text",
    "generate",
    "iou",
    "load_paligemma",
    "next_token_loss",
    "prefix_mask",
    "read_boxes",
    "rotary",
    "save_paligemma",
    "token_log_probabilities",
]
