"""From an artist's vector drawing to a small picture with transparency, in one frame for all."""

import io
from typing import Any

from PIL import Image

SIDE = 64  # px, of a kept picture
MARGIN = 2  # px around what is drawn
VISIBLE = 8  # of 255: below, a pixel counts as empty
OVERSAMPLING = 2


def svg(icons: dict[str, Any], name: str) -> str:
    """The drawing of that name, or of the one that it is another name or the mirror image of."""
    mirrored = {"hFlip": False, "vFlip": False}
    while name not in icons["icons"]:
        alias = icons["aliases"][name]
        mirrored = {key: flip != bool(alias.get(key)) for key, flip in mirrored.items()}
        name = alias["parent"]
    icon = {"width": 16, "height": 16, **icons, **icons["icons"][name]}
    width, height = icon["width"], icon["height"]
    left, top = icon.get("left", 0), icon.get("top", 0)
    body = icon["body"]
    if mirrored["hFlip"]:
        body = f'<g transform="translate({2 * left + width} 0) scale(-1 1)">{body}</g>'
    if mirrored["vFlip"]:
        body = f'<g transform="translate(0 {2 * top + height}) scale(1 -1)">{body}</g>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}">{body}</svg>'
    )


def rasterise(drawing: str) -> Image.Image:
    """The drawing in RGBA, cropped to what is visible, its longer side filling the frame.

    Artists leave different margins; without this, a model could tell them apart by these alone.
    Raises ValueError for a drawing that shows nothing.
    """
    import resvg_py  # is slow to begin, and of no use once the sheets are there

    large = SIDE * OVERSAMPLING
    png = resvg_py.svg_to_bytes(
        svg_string=drawing, width=large, height=large, skip_system_fonts=True
    )
    picture = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    box = picture.getchannel("A").point(lambda alpha: 255 * (alpha > VISIBLE)).getbbox()
    if box is None:
        raise ValueError("nothing is drawn")
    picture = picture.crop(box)
    factor = (SIDE - 2 * MARGIN) / max(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    # "RGBa" is multiplied by its alpha, so that invisible colours don't bleed into the visible
    picture = picture.convert("RGBa").resize((width, height), Image.Resampling.BICUBIC)
    frame = Image.new("RGBA", (SIDE, SIDE))
    frame.paste(picture.convert("RGBA"), ((SIDE - width) // 2, (SIDE - height) // 2))
    return frame
