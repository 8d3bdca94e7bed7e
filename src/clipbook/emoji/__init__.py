"""Real pictures: emoji by several artists, with their Unicode names and keywords."""

from clipbook.emoji.artists import ARTISTS, Artist, Package
from clipbook.emoji.captions import HELD_OUT, Captions, with_article
from clipbook.emoji.collection import ARTIST_NAMES, Emoji, load_emoji
from clipbook.emoji.example import EXAMPLE
from clipbook.emoji.matching import Concept

__all__ = [
    "ARTISTS",
    "ARTIST_NAMES",
    "EXAMPLE",
    "HELD_OUT",
    "Artist",
    "Captions",
    "Concept",
    "Emoji",
    "Package",
    "load_emoji",
    "with_article",
]
