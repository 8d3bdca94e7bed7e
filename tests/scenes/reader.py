"""A second opinion on captions: reads the words back, and looks at raw coordinates.

It shares with the package nothing but the width of the border between two words (`CLEARLY`), so
that a caption that `say` words wrongly, or that `describes` judges wrongly, is found out.
"""

import re
from dataclasses import dataclass

from clipbook.scenes import Object, Scene
from clipbook.scenes.world import CLEARLY

SIZES = {"small": "small", "little": "small", "large": "large", "big": "large"}
RELATIONS = {
    "to the left of": "left of",
    "left of": "left of",
    "to the right of": "right of",
    "right of": "right of",
    "above": "above",
    "over": "above",
    "below": "below",
    "under": "below",
    "and": None,
    "with": None,
}
NOUN = (
    r"(?P<article>an?) (?:(?P<size>small|little|large|big) )?"
    r"(?:(?P<colour>red|orange|yellow|green|cyan|blue|purple|pink) )?"
    r"(?P<shape>circle|square|triangle|diamond|star|cross|ring|heart|shape)"
    r"(?: in the (?P<place>top left|top right|bottom left|bottom right|middle))?"
)
OPENING = r"(?:a picture of |an image of |there is |we see )?"
CAPTION = re.compile(
    OPENING
    + NOUN
    + "(?: (?P<link>"
    + "|".join(RELATIONS)
    + ") "
    + re.sub(r"\?P<(\w+)>", r"?P<second_\1>", NOUN)
    + ")?"
)


@dataclass
class Said:
    """What a caption says of one object; None where it says nothing."""

    shape: str | None
    colour: str | None
    size: str | None
    place: str | None


def read(caption: str) -> tuple[list[Said], str | None]:
    """What is said of each object, in order, and the relation of the first to the second."""
    found = CAPTION.fullmatch(caption)
    assert found, f"{caption!r} is no caption of this world"
    said = []
    for start in ("", "second_") if found["link"] else ("",):
        words = {name: found[start + name] for name in ("shape", "colour", "size", "place")}
        noun = found[start + "size"] or words["colour"] or words["shape"]
        assert found[start + "article"] == ("an" if noun[0] in "aeiou" else "a"), caption
        shape = None if words["shape"] == "shape" else words["shape"]
        size = SIZES[words["size"]] if words["size"] else None
        said.append(Said(shape, words["colour"], size, words["place"]))
    return said, RELATIONS[found["link"]] if found["link"] else None


def lies(first: Object, second: Object, relation: str) -> bool:
    """Whether the first object clearly lies so to the second."""
    right, down = first.x - second.x, first.y - second.y
    if abs(abs(right) - abs(down)) < CLEARLY:
        return False
    if relation in ("above", "below"):
        return abs(down) > abs(right) and (down < 0) == (relation == "above")
    return abs(right) > abs(down) and (right < 0) == (relation == "left of")


def stands(thing: Object, place: str) -> bool:
    """Whether the object clearly stands in that part of the picture."""
    right, down = thing.x - 0.5, thing.y - 0.5
    if place == "middle":
        return abs(right) < CLEARLY and abs(down) < CLEARLY
    clearly = abs(right) >= CLEARLY and abs(down) >= CLEARLY
    vertical, horizontal = place.split()
    return clearly and (down < 0) == (vertical == "top") and (right < 0) == (horizontal == "left")


def fits(said: Said, thing: Object) -> bool:
    return (
        said.shape in (None, thing.shape)
        and said.colour in (None, thing.colour)
        and said.size in (None, thing.size)
        and (said.place is None or stands(thing, said.place))
    )


def true_of(caption: str, scene: Scene) -> bool:
    """Whether the caption is true of the scene: it speaks of every object, in either order."""
    said, relation = read(caption)
    if len(said) != len(scene.objects):
        return False
    return any(
        all(map(fits, said, things)) and (relation is None or lies(things[0], things[1], relation))
        for things in {scene.objects, scene.objects[::-1]}
    )
