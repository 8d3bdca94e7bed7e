"""Drawing a scene with Pillow, smoothly: four times too large, then averaged down."""

from functools import lru_cache
from math import cos, pi, sin

from PIL import Image, ImageDraw

from clipbook.scenes.world import RADIUS, Object, Scene
from clipbook.validation import LARGEST_SIDE, whole_number

OVERSAMPLING = 4
SMALLEST_SIDE = 8  # px; in fewer, shapes can't be told apart

RGB = {
    "red": (222, 45, 38),
    "orange": (245, 140, 20),
    "yellow": (250, 220, 50),
    "green": (50, 165, 65),
    "cyan": (55, 205, 215),
    "blue": (45, 85, 215),
    "purple": (135, 60, 185),
    "pink": (245, 135, 195),
}
"""The red, green and blue of each colour, 0 to 255."""

# No caption mentions the ground. Were grounds as unlike as black and white, nearly all that differs
# between two pictures would be of no use to a caption, and a ViT learns places many times slower.
GROUND_RGB = {"dark": (26, 28, 34), "grey": (62, 62, 68), "striped": (52, 52, 58)}
STRIPE_RGB = (32, 34, 40)


def _around(angles: list[float], radii: list[float]) -> list[tuple[float, float]]:
    return [(r * sin(a), -r * cos(a)) for a, r in zip(angles, radii, strict=True)]


def _heart(points: int = 24) -> list[tuple[float, float]]:
    turns = [2 * pi * k / points for k in range(points)]
    # the usual heart curve, scaled to fit the unit box
    return [
        (
            sin(t) ** 3,
            -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t) + 2.5) / 16,
        )
        for t in turns
    ]


# Corners of the shapes that are polygons, in units of the radius around the centre.
OUTLINES: dict[str, list[tuple[float, float]]] = {
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "triangle": [(0, -0.95), (1, 0.85), (-1, 0.85)],
    "diamond": [(0, -1), (0.75, 0), (0, 1), (-0.75, 0)],
    "star": _around([pi * k / 5 for k in range(10)], [1.0, 0.42] * 5),
    "cross": [
        (x, y)
        for x, y in [
            (-0.33, -1), (0.33, -1), (0.33, -0.33), (1, -0.33), (1, 0.33), (0.33, 0.33),
            (0.33, 1), (-0.33, 1), (-0.33, 0.33), (-1, 0.33), (-1, -0.33), (-0.33, -0.33),
        ]
    ],
    "heart": _heart(),
}  # fmt: skip


@lru_cache(maxsize=8)
def _ground(name: str, side: int) -> Image.Image:
    picture = Image.new("RGB", (side, side), GROUND_RGB[name])
    if name == "striped":
        draw = ImageDraw.Draw(picture)
        for k in range(0, 8, 2):
            draw.rectangle((0, side * k / 8, side, side * (k + 1) / 8 - 1), fill=STRIPE_RGB)
    return picture


def _draw(draw: ImageDraw.ImageDraw, thing: Object, side: int) -> None:
    x, y, radius = thing.x * side, thing.y * side, RADIUS[thing.size] * side
    colour = RGB[thing.colour]
    box = (x - radius, y - radius, x + radius, y + radius)
    if thing.shape == "circle":
        draw.ellipse(box, fill=colour)
    elif thing.shape == "ring":
        draw.ellipse(box, outline=colour, width=round(0.38 * radius))
    else:
        corners = OUTLINES[thing.shape]
        draw.polygon([(x + radius * right, y + radius * down) for right, down in corners], colour)


def checked_side(size: int) -> int:
    """A picture's side that `render` can draw; raises ValueError as it does."""
    return whole_number("image_size", size, 32, least=SMALLEST_SIDE, most=LARGEST_SIDE)


def render(scene: Scene, size: int = 32) -> Image.Image:
    """The scene as an RGB picture of size × size pixels.

    Raises ValueError for a size that is no whole number of pixels from 8, below which shapes can't
    be told apart, to 4,096.
    """
    size = whole_number("size", size, 32, least=SMALLEST_SIDE, most=LARGEST_SIDE)
    picture = _ground(scene.ground, size * OVERSAMPLING).copy()
    draw = ImageDraw.Draw(picture)
    for thing in scene.objects:
        _draw(draw, thing, size * OVERSAMPLING)
    return picture.reduce(OVERSAMPLING)
