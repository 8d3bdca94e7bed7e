"""From a caption to its embedding: the tokenizer and the text encoder."""

from clipbook.text.clip_tokenizer import CLIP_WORD, CLIPTokenizer
from clipbook.text.encoder import TextConfig, TextEncoder, sinusoidal_positions
from clipbook.text.kinds import AnyTokenizer
from clipbook.text.tokenizer import Tokenizer
from clipbook.text.words import WORD, split_words

__all__ = [
    "CLIP_WORD",
    "WORD",
    "AnyTokenizer",
    "CLIPTokenizer",
    "TextConfig",
    "TextEncoder",
    "Tokenizer",
    "sinusoidal_positions",
    "split_words",
]
