"""A picture's patches on paper: a drawing and a sentence that stand in where no script runs."""

import base64
import dataclasses
import io

import PIL.Image

_WIDTH, _PICTURE, _GAP = 640, 200, 28  # px
_LARGEST_PNG = 64  # px; what is larger is a photograph, and smaller as a JPEG
_MOST_NUMBERED = 64  # patches; more numbers would be too small to read
_MOST_NAMED = 16  # patches; more would be no sentence


@dataclasses.dataclass(frozen=True)
class Scene:
    """What there is to draw: a picture, cut, and the order of its patches."""

    image: PIL.Image.Image
    patch_size: int
    order: tuple[int, ...]
    selected: int

    @property
    def columns(self) -> int:
        """Patches in a row of the picture."""
        return self.image.width // self.patch_size

    @property
    def rows(self) -> int:
        """Patches in a column of the picture."""
        return self.image.height // self.patch_size

    @property
    def in_order(self) -> bool:
        """Whether the sequence goes through the picture row by row."""
        return self.order == tuple(range(len(self.order)))


def describe(scene: Scene) -> str:
    """The finding in words, for those who do not see the drawing."""
    size, patches = scene.patch_size, len(scene.order)
    start = (
        f"A picture of {scene.image.width} × {scene.image.height} px is cut into "
        f"{scene.rows} × {scene.columns} = {patches} patches of {size} × {size} px"
    )
    if not scene.in_order:
        listed = ", ".join(map(str, scene.order[:_MOST_NAMED]))
        more = ", and so on" if patches > _MOST_NAMED else ""
        return (
            f"{start}, and their sequence is shuffled: {listed}{more}. It holds the same patches, "
            "so a model without position embeddings cannot tell it from the picture."
        )
    row, column = divmod(scene.selected, scene.columns)
    top, left = row * size, column * size
    return (
        f"{start}, and they follow each other row by row. Patch {scene.selected}, in row {row} "
        f"and column {column}, holds the pixels of rows {top} to {top + size - 1} and columns "
        f"{left} to {left + size - 1}."
    )


def draw(scene: Scene) -> str:
    """The picture with its cuts, beside the sequence, as the data URI of an SVG."""
    width, height = scene.image.size
    scale = _PICTURE / max(width, height)
    cut = scene.patch_size * scale
    smooth = "auto" if max(width, height) > _LARGEST_PNG else "pixelated"
    marks = [
        f'<defs><image id="picture" width="{width}" height="{height}" href="{_uri(scene.image)}" '
        f'style="image-rendering:{smooth}"/></defs>',
        f'<use href="#picture" transform="scale({scale:g})"/>',
    ]
    across = [f"M0 {row * cut:g}h{width * scale:g}" for row in range(scene.rows + 1)]
    down = [f"M{column * cut:g} 0v{height * scale:g}" for column in range(scene.columns + 1)]
    marks.append(f'<path d="{"".join([*across, *down])}" stroke="#888" stroke-width=".7"/>')
    row, column = divmod(scene.selected, scene.columns)
    marks.append(_ring(column * cut, row * cut, cut))
    sequence, bottom = _draw_sequence(scene)
    bottom = max(bottom, height * scale)
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{bottom + 4:g}" '
        f'viewBox="-2 -2 {_WIDTH} {bottom + 4:g}" font-family="sans-serif" font-size="10" '
        f'text-anchor="middle">\n<rect x="-2" y="-2" width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join([*marks, *sequence])
        + "\n</svg>"
    )
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode()


def _draw_sequence(scene: Scene) -> tuple[list[str], float]:
    """The patches one after the other, and the y at which they end."""
    size, patches = scene.patch_size, len(scene.order)
    across = min(8 if patches <= 16 else 16, patches)
    numbered = patches <= _MOST_NUMBERED
    start = _PICTURE + _GAP
    step = (_WIDTH - start - 4) / max(across, 4)
    line = step + (12 if numbered else 0)
    marks = []
    for place, patch in enumerate(scene.order):
        row, column = divmod(patch, scene.columns)
        x, y = start + place % across * step, place // across * line
        marks.append(
            f'<svg x="{x:.2f}" y="{y:.2f}" width="{step - 3:.2f}" height="{step - 3:.2f}" '
            f'viewBox="{column * size} {row * size} {size} {size}"><use href="#picture"/></svg>'
        )
        if patch == scene.selected:
            marks.append(_ring(x, y, step - 3))
        if numbered:
            marks.append(
                f'<text x="{x + (step - 3) / 2:.2f}" y="{y + step + 7:.2f}">{patch}</text>'
            )
    return marks, -(-patches // across) * line


def _ring(x: float, y: float, side: float) -> str:
    """Black on white, to stand out from every picture."""
    box = f'<rect x="{x:.2f}" y="{y:.2f}" width="{side:.2f}" height="{side:.2f}" fill="none" '
    return box + 'stroke="#fff" stroke-width="4"/>' + box + 'stroke="#000" stroke-width="2"/>'


def _uri(image: PIL.Image.Image) -> str:
    kind = "JPEG" if max(image.size) > _LARGEST_PNG else "PNG"
    file = io.BytesIO()
    image.save(file, kind, quality=85, optimize=True)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(file.getvalue()).decode()
