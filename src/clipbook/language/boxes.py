"""Boxes as words: a box's four sides, each one of a number of location tokens.

A picture's side is cut into so many equal bins; a side of a box is told by the number of its bin.
Source: Chen et al. 2022 ("Pix2Seq"), §2; in this order and spelling Beyer et al. 2024
("PaliGemma"), §3.2. Built in: book/language/paligemma.
"""

import re
from collections.abc import Iterable
from numbers import Real
from typing import NamedTuple

from clipbook.text.texts import checked_text
from clipbook.validation import between, excerpt, whole_number

LOCATION = re.compile(r"<loc([0-9]{4})>")  # \d would take the digits of other scripts, too
DETECTED = re.compile(r"((?:<loc[0-9]{4}>){4})([^<;]*)")
MOST_BINS = 10_000
"""Four digits tell no more apart."""


class Box(NamedTuple):
    """Sides as fractions of the picture's height and width, from its top left corner."""

    top: float
    left: float
    bottom: float
    right: float


def location(number: int) -> str:
    """The token of a bin, as it is written: location(7) is "<loc0007>"."""
    return f"<loc{number:04d}>"


def box_to_text(box: tuple[int | float, ...], bins: int) -> str:
    """Four location tokens of a box: top, left, bottom, right.

    Raises ValueError for what are not four sides, a side that isn't within the picture, from 0 to
    1, and for more than 10,000 bins, whose numbers four digits can't tell apart.
    """
    bins = whole_number("bins", bins, 32, most=MOST_BINS)
    four = zip(Box._fields, _four("box", box), strict=True)
    sides = [between(name, side, 0.5, most=1) for name, side in four]
    return "".join(location(min(int(side * bins), bins - 1)) for side in sides)


def read_boxes(text: str, bins: int) -> list[tuple[Box, str]]:
    """Boxes and the names behind them, in the order in which a text tells them.

    A side is the middle of its bin. What is no box, such as three location tokens, is passed over,
    and so is a token beyond the last bin. Raises ValueError for what is no text, and for more than
    10,000 bins.
    """
    text = checked_text(text)
    bins = whole_number("bins", bins, 32, most=MOST_BINS)
    boxes = []
    for four, name in DETECTED.findall(text):
        numbers = [int(number) for number in LOCATION.findall(four)]
        if max(numbers) < bins:
            boxes.append((Box(*((number + 0.5) / bins for number in numbers)), name.strip()))
    return boxes


def iou(first: tuple[int | float, ...], second: tuple[int | float, ...]) -> float:
    """Intersection over union of two boxes: the area that both cover, as a share of the area that
    any of them covers; 1 for the same box, 0 where they don't meet or one has no area.

    Raises ValueError for what are not four sides.
    """
    first, second = _four("first", first), _four("second", second)
    common = _area(
        (
            max(first[0], second[0]),
            max(first[1], second[1]),
            min(first[2], second[2]),
            min(first[3], second[3]),
        )
    )
    union = _area(first) + _area(second) - common
    return common / union if union else 0.0


def _four(name: str, box: tuple[int | float, ...]) -> tuple[int | float, ...]:
    """The sides of a box. Raises ValueError for what are not four numbers."""
    sides = tuple(box) if isinstance(box, Iterable) else ()
    if len(sides) != len(Box._fields) or not all(isinstance(side, Real) for side in sides):
        raise ValueError(
            f"{name}={excerpt(box)} has not four sides, each a number; give "
            f"{', '.join(Box._fields)}"
        )
    return sides


def _area(box: tuple[int | float, ...]) -> float:
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))
