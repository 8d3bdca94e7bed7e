"""What a scene is: one or two objects on a ground, as plain immutable values.

Lengths and places are fractions of the picture's side: x grows to the right, y downwards, and
(0.5, 0.5) is the middle.
"""

from dataclasses import dataclass

from clipbook.validation import between, excerpt

SHAPES = ("circle", "square", "triangle", "diamond", "star", "cross", "ring", "heart")
"""Shapes of objects."""

COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
"""Colours of objects."""

SIZES = ("small", "large")
"""Sizes of objects."""

GROUNDS = ("dark", "grey", "striped")
"""What objects lie on."""

RADIUS = {"small": 0.16, "large": 0.23}
"""Half the width of an object."""

HELD_OUT = frozenset(
    {
        ("green", "triangle"),
        ("yellow", "circle"),
        ("purple", "square"),
        ("red", "diamond"),
        ("blue", "star"),
        ("pink", "cross"),
        ("orange", "ring"),
        ("cyan", "heart"),
    }
)
"""Colour and shape combinations that no training scene contains: one for each colour and shape."""

RELATIONS = ("above", "below", "left of", "right of")
OPPOSITE = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}

PLACES = ("top left", "top right", "bottom left", "bottom right", "middle")
"""Words for where in the picture an object's centre lies."""

CLEARLY = 0.1
"""How far an object must lie from a middle line of the picture to be called left, right, top or
bottom, and by how much one axis must exceed the other for a relation. Nearer than that to both
middle lines is the middle."""


@dataclass(frozen=True, slots=True)
class Object:
    """A shape with a colour, a size and a centre (x, y), both fractions of the picture's side.

    Raises ValueError for what is not in this world, and for a place that is no number or where
    part of the object would be outside the picture.
    """

    shape: str
    colour: str
    size: str
    x: float
    y: float

    def __post_init__(self) -> None:
        for name, choices in (("shape", SHAPES), ("colour", COLOURS), ("size", SIZES)):
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"{name}={value!r} is not in this world; try {', '.join(choices)}")
        margin = RADIUS[self.size]
        for name in ("x", "y"):
            value = getattr(self, name)
            if not isinstance(value, float):
                between(name, value, 0.5, most=1)
            if not margin <= value <= 1 - margin:
                raise ValueError(
                    f"{name}={value} puts a {self.size} object partly outside the picture; "
                    f"try {margin} to {1 - margin:.2f}"
                )

    @property
    def place(self) -> str | None:
        """One of PLACES, or None where no word clearly fits."""
        right, down = self.x - 0.5, self.y - 0.5
        if abs(right) < CLEARLY and abs(down) < CLEARLY:
            return "middle"
        if abs(right) < CLEARLY or abs(down) < CLEARLY:
            return None
        return f"{'bottom' if down > 0 else 'top'} {'right' if right > 0 else 'left'}"


@dataclass(frozen=True, slots=True)
class Scene:
    """One or two objects that do not overlap, on a dark, grey or striped ground.

    objects: a tuple; a list becomes one. Raises ValueError for another number of objects, for what
    is none, for two that overlap, and for another ground.
    """

    objects: tuple[Object, ...]
    ground: str = "dark"

    def __post_init__(self) -> None:
        if isinstance(self.objects, list):
            object.__setattr__(self, "objects", tuple(self.objects))
        if not isinstance(self.objects, tuple) or not all(
            isinstance(thing, Object) for thing in self.objects
        ):
            raise ValueError(
                f"objects={excerpt(self.objects)} are not objects in a tuple; try "
                "(Object('circle', 'red', 'small', 0.5, 0.5),)"
            )
        if not 1 <= len(self.objects) <= 2:
            raise ValueError(f"{len(self.objects)} objects in a scene; a scene has one or two")
        if self.ground not in GROUNDS:
            raise ValueError(
                f"ground={self.ground!r} is not in this world; try {', '.join(GROUNDS)}"
            )
        if len(self.objects) == 2:
            first, second = self.objects
            gap = ((first.x - second.x) ** 2 + (first.y - second.y) ** 2) ** 0.5
            if gap < RADIUS[first.size] + RADIUS[second.size]:
                raise ValueError(
                    f"objects {gap:.2f} apart overlap; centres must be at least "
                    f"{RADIUS[first.size] + RADIUS[second.size]:.2f} apart; move one of them"
                )

    @property
    def relation(self) -> str | None:
        """How the first object lies to the second: one of RELATIONS, by the axis along which they
        are further apart; None with a single object, or when both axes are about equal."""
        if len(self.objects) == 1:
            return None
        first, second = self.objects
        right, down = first.x - second.x, first.y - second.y
        if abs(abs(right) - abs(down)) < CLEARLY:
            return None
        if abs(down) > abs(right):
            return "above" if down < 0 else "below"
        return "left of" if right < 0 else "right of"

    @property
    def held_out(self) -> bool:
        """Whether it contains a combination that training never shows."""
        return any((thing.colour, thing.shape) in HELD_OUT for thing in self.objects)
