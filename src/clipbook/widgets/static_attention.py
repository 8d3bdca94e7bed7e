"""Where attention looks, on paper: a drawing and a sentence that stand in where no script runs.

The drawing is SVG, whose letters come from the reader's own fonts and scripts.
"""

import base64
import dataclasses
import html
import itertools

import numpy as np
import regex
from jaxtyping import Float

from .encoding import picture_of_uri, png_uri

_WIDTH, _PICTURE, _GAP = 640, 296, 32  # px
_CHIP, _LINE = 58, 58  # px: the least width of a token, a line
_LETTER, _WIDE = 7.2, 13.0  # px: a small letter, one of another script
_MOST_PRINTED = 8  # columns of patches; more numbers would be too small to read
_AMBER = "#f5a300"
_TELLING = 3  # keys named in the sentence
_EQUAL = 5e-4  # what nobody can see
_MARKS = {" ": "␣", "\n": "↵", "\t": "⇥"}
_NO_LETTER = regex.compile(r"[ \p{Cc}\p{Noncharacter_Code_Point}]")  # an SVG may hold none of these


@dataclasses.dataclass(frozen=True)
class Scene:
    """What there is to draw: one query's weights over all keys, and what the keys are."""

    weights: Float[np.ndarray, " keys"]
    query: int
    causal: bool
    layer: int | str
    head: int | str
    tokens: tuple[str, ...]
    image: str
    grid: tuple[int, ...]

    @property
    def classes(self) -> int:
        """1 if the first key is a class token, else 0."""
        return len(self.weights) - self.grid[0] * self.grid[1] if self.grid else 0

    @property
    def allowed(self) -> int:
        """How many keys the query may look at: the first ones."""
        return self.query + 1 if self.causal else len(self.weights)


def describe(scene: Scene) -> str:
    """The finding in words, for those who do not see the drawing."""
    layer = "mean of all layers" if scene.layer == "mean" else f"layer {scene.layer}"
    head = "mean of all heads" if scene.head == "mean" else f"head {scene.head}"
    return f"Attention, {layer}, {head}: {finding(scene)}"


def finding(scene: Scene) -> str:
    """What a query looks at most."""
    name = whole_name(scene, scene.query)
    name = name[0].upper() + name[1:]
    allowed = scene.weights[: scene.allowed]
    if scene.allowed == 1:
        return f"{name} may look only at itself."
    if allowed.max() - allowed.min() < _EQUAL:
        return f"{name} looks at all {scene.allowed} keys alike ({allowed.mean():.2f})."
    best = np.argsort(-allowed, kind="stable")[:_TELLING].tolist()
    told = [
        f"{'itself' if key == scene.query else brief_name(scene, key)} ({allowed[key]:.2f})"
        for key in best
    ]
    listed = f"{told[0]}, then {' and '.join(told[1:])}"
    even = f"even shares would be {1 / scene.allowed:.2f}"
    return f"{name} looks most at {listed}; {even}."


def whole_name(scene: Scene, key: int) -> str:
    """A token in quotation marks, or a patch with its number and its place."""
    patch = scene.grid and key >= scene.classes
    brief = brief_name(scene, key)
    return f"patch {key - scene.classes} ({brief})" if patch else brief


def brief_name(scene: Scene, key: int) -> str:
    """A token in quotation marks, or the place of a patch."""
    if not scene.grid:
        return f"“{shown(scene.tokens[key])}”"
    if key < scene.classes:
        return "the class token"
    row, column = divmod(key - scene.classes, scene.grid[1])
    return f"row {row}, column {column}"


def shown(token: str) -> str:
    """A token as something that can be seen: a space as ␣, a control character as its number."""
    named = _NO_LETTER.sub(lambda found: _MARKS.get(found[0], f"{ord(found[0]):04X}"), token)
    return named or "∅"


def draw(scene: Scene) -> str:
    """The keys with their weights, as the data URI of an SVG."""
    marks, bottom = _draw_picture(scene) if scene.grid else _draw_tokens(scene)
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{bottom + 4:g}" '
        f'viewBox="-2 -2 {_WIDTH} {bottom + 4:g}" font-family="sans-serif" font-size="12" '
        'text-anchor="middle">\n'
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path d="M0 0v6" stroke="#999"/></pattern></defs>\n'
        '<rect x="-2" y="-2" width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(marks)
        + "\n</svg>"
    )
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()


def _draw_tokens(scene: Scene) -> tuple[list[str], float]:
    """Tokens with a tint and a bar as long as their weight, masked ones hatched."""
    marks: list[str] = []
    x, y, top = 0.0, 0.0, float(scene.weights.max())
    for key, token in enumerate(scene.tokens):
        label, letters = _shortened(shown(token))
        width = max(_CHIP, letters + 14)
        if x and x + width > _WIDTH - 4:
            x, y = 0.0, y + _LINE
        masked, share = key >= scene.allowed, float(scene.weights[key]) / top
        bar = (width - 12) * share
        edge = 'stroke="#000" stroke-width="2"' if key == scene.query else 'stroke="#999"'
        fill = (
            'fill="url(#hatch)"' if masked else f'fill="{_AMBER}" fill-opacity="{share * 0.4:.3f}"'
        )
        number = "✕" if masked else f"{scene.weights[key]:.2f}"
        marks += [
            f'<rect x="{x:g}" y="{y:g}" width="{width - 4:g}" height="48" rx="3" {fill} {edge}/>',
            f'<rect x="{x + 4:g}" y="{y + 25:g}" width="{bar:.1f}" height="4" fill="#a35a00"/>',
            _text(x + width / 2 - 2, y + 17, label),
            _text(x + width / 2 - 2, y + 42, number),
        ]
        x += width
    return marks, y + 48


def _shortened(name: str) -> tuple[str, float]:
    """What of a name fits into a line, and how wide it is in px."""
    wide = (_LETTER if one.isascii() and not one.isupper() else _WIDE for one in name)
    ends = [0.0, *(end for end in itertools.accumulate(wide) if end <= _WIDTH - 22)]
    return (name if len(ends) > len(name) else name[: len(ends) - 2] + "…"), ends[-1]


def _draw_picture(scene: Scene) -> tuple[list[str], float]:
    """The picture with its query, and beside it, grey, where the query looks."""
    rows, columns = scene.grid
    cell = _PICTURE / max(rows, columns)
    image = picture_of_uri(scene.image)
    size = f'width="{columns * cell:g}" height="{rows * cell:g}" style="image-rendering:pixelated"'
    start, above = _PICTURE + _GAP, 26 if scene.classes else 0
    marks = [
        f'<image y="{above}" {size} href="{scene.image}"/>',
        f'<image x="{start}" y="{above}" {size} href="{png_uri(image.convert("L"))}"/>',
    ]
    top = float(scene.weights.max())
    for key, weight in enumerate(scene.weights):
        x, y, wide, high = 0.0, 0.0, cell, cell
        if key < scene.classes:
            wide, high = _PICTURE, 20
            marks += [_text(left + 80, 14, "class token") for left in (0, start)]
        else:
            row, column = divmod(key - scene.classes, columns)
            x, y = column * cell, above + row * cell
        box = f'y="{y:.2f}" width="{wide:.2f}" height="{high:.2f}"'
        edge = 'fill="none" stroke="#999" stroke-width=".7"'
        if key == scene.query:
            edge = 'fill="none" stroke="#000" stroke-width="3"'
        marks.append(f'<rect x="{x:.2f}" {box} {edge}/>')
        marks.append(
            f'<rect x="{start + x:.2f}" {box} fill="{_AMBER}" '
            f'fill-opacity="{weight / top * 0.85:.3f}" stroke="#999" stroke-width=".7"/>'
        )
        if columns <= _MOST_PRINTED:
            number = f"{weight:.2f}"
            at = start + x + wide / 2, y + high / 2
            marks.append(
                f'<rect x="{at[0] - 15:.2f}" y="{at[1] - 8:.2f}" width="30" height="16" rx="3" '
                'fill="#fff" fill-opacity=".85"/>'
            )
            marks.append(_text(at[0], at[1] + 4, number))
    return marks, above + rows * cell


def _text(x: float | int, y: float | int, text: str) -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}" fill="#111">{html.escape(text)}</text>'
