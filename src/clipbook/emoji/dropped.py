"""Drawings left out after a look at all of them, side by side: the name means something else there.

They are of the sets that name their drawings without code points.
"""

_FACE = "shows the face alone, which is another emoji"

DROPPED: dict[tuple[str, str], str] = {
    ("fxemoji", "cat"): _FACE,
    ("fxemoji", "dog"): _FACE,
    ("fxemoji", "mouse"): _FACE,
    ("fxemoji", "pig"): _FACE,
    ("fxemoji", "clamp"): "a press for papers",
    ("emojione", "clamp"): "a press for papers",
    ("emojione", "cricket"): "the game, not the insect",
    ("noto-v1", "cricket"): "the game, not the insect",
    ("fxemoji", "enraged face"): "a person who pouts",
    ("fxemoji", "keyboard"): "a piano's, not a computer's",
    ("fxemoji", "person bowing"): "a ribbon tied to a bow",
    ("fxemoji", "person pouting"): "a face without a person",
    ("fxemoji", "tram car"): "a black rectangle, whose parts are lost",
    ("fxemoji", "waving hand"): "a wave of water",
    ("fxemoji", "window"): "a computer's, not a house's",
    ("openmoji", "palms up together"): "hands pressed together",
}
"""(artist, name): what the drawing shows instead."""
