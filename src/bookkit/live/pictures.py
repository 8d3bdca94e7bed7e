"""Emoji for the playground: one sheet of some hundreds, as the model sees them, and who drew them.

The drawings are others' and lie in no repository: the sheet is made while the site is built.
"""

import base64
import io
from collections.abc import Sequence
from functools import cache
from typing import Any

from PIL import Image

from clipbook.emoji import ARTIST_NAMES, ARTISTS, EXAMPLE, load_emoji

SHOWN = {
    "twemoji": "the model never saw a picture of theirs",
    "noto": "the model learned from theirs, among others",
    "openmoji": "never seen, with outlines as none of its teachers draws",
}
"""Artists whose drawings are handed out, and what they are to the model."""

EVERY, SIDE, COLUMNS = 3, 48, 40


@cache
def names() -> list[str]:
    """The eight of the running example, and every third thing that all artists drew."""
    emoji, example = load_emoji(), [name for name, _ in EXAMPLE]
    by_all = [name for name in emoji.names if len(emoji.artists_of(name)) == len(ARTIST_NAMES)]
    return example + [name for name in by_all[::EVERY] if name not in example]


@cache
def sheet() -> dict[str, Any]:
    """A lossless WebP in base 64, row after row, and [artist, code, name] of each picture."""
    emoji = load_emoji()
    listed = [(a, name) for a in SHOWN for name in names() if a in emoji.artists_of(name)]
    whole = Image.new("RGB", (COLUMNS * SIDE, -(-len(listed) // COLUMNS) * SIDE), "white")
    for k, (artist, name) in enumerate(listed):
        place = k % COLUMNS * SIDE, k // COLUMNS * SIDE
        picture = emoji.picture(name, artist).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        whole.paste(picture, place)
    file = io.BytesIO()
    whole.save(file, "webp", lossless=True, quality=75, method=6)
    codes = {concept.name: concept.code for concept in emoji.concepts}
    return {
        "sheet": base64.b64encode(file.getvalue()).decode(),
        "side": SIDE,
        "columns": COLUMNS,
        "pictures": [[artist, codes[name], name] for artist, name in listed],
    }


def addresses(names: Sequence[str], artist: str = "twemoji") -> list[str]:
    """ "twemoji.1F436" for each name: how the playground's address calls a drawing."""
    codes = {name: code for _, code, name in sheet()["pictures"]}
    return [f"{artist}.{codes[name]}" for name in names]


def credit() -> list[dict[str, str]]:
    """Of each artist shown: who they are, their licence and where the drawings come from."""
    return [
        {
            "artist": artist.name,
            "title": artist.title,
            "by": artist.credit,
            "licence": artist.licence,
            "source": artist.source,
            "to_model": SHOWN[artist.name],
        }
        for artist in ARTISTS
        if artist.name in SHOWN
    ]
