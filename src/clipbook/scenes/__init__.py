"""The book's data: a small world of coloured shapes, drawn as pictures and described in words.

Everything is made, nothing is downloaded, and the answer to every question about a picture is
known. The module does not try to look like the real world; it is small so that a model of a few
hundred thousand weights can learn all of it on a laptop.
"""

from clipbook.scenes.captions import Phrase, Statement, captions, describes, say, state
from clipbook.scenes.drawing import RGB, render
from clipbook.scenes.example import EXAMPLE
from clipbook.scenes.questions import (
    KINDS,
    Question,
    box_of,
    draw_question,
    is_right,
    name_of,
)
from clipbook.scenes.sampling import sample, sample_pairs, twin
from clipbook.scenes.world import (
    COLOURS,
    GROUNDS,
    HELD_OUT,
    PLACES,
    SHAPES,
    SIZES,
    Object,
    Scene,
)

__all__ = [
    "COLOURS",
    "EXAMPLE",
    "GROUNDS",
    "HELD_OUT",
    "KINDS",
    "PLACES",
    "RGB",
    "SHAPES",
    "SIZES",
    "Object",
    "Phrase",
    "Question",
    "Scene",
    "Statement",
    "box_of",
    "captions",
    "describes",
    "draw_question",
    "is_right",
    "name_of",
    "render",
    "sample",
    "sample_pairs",
    "say",
    "state",
    "twin",
]
