"""All pictures, made once and kept: a sheet for each artist, and a table of concepts."""

import json
import os
import tempfile
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from clipbook.emoji import drawing, dropped, matching, packages
from clipbook.emoji.artists import ARTISTS, NAMES
from clipbook.emoji.drawing import SIDE
from clipbook.emoji.matching import Concept

VERSION = 1
"""Of the way from packages to sheets: raise it with each change of matching or drawing."""

COLUMNS = 40
CODED = ("twemoji", "noto", "fluent", "openmoji")
LANGUAGES = ("en", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "zh")
TABLE = "concepts.json"


def sheets_folder() -> Path:
    """Where the sheets are, or will be: another place for other packages or another way to draw."""
    made_of = (VERSION, SIDE, LANGUAGES, ARTISTS, NAMES, sorted(dropped.DROPPED.items()))
    return packages.cache_folder() / f"emoji-{sha256(repr(made_of).encode()).hexdigest()[:12]}"


def make_sheets() -> Path:
    """The folder with the sheets, which are made if they are not there; under a minute.

    Raises OSError and ValueError as `clipbook.emoji.packages.fetch` does.
    """
    folder = sheets_folder()
    if (folder / TABLE).is_file():
        return folder
    archives = packages.cache_folder() / "packages"
    packages.fetch([*(artist.package for artist in ARTISTS), NAMES], archives)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        _write(Path(temporary), archives)
        if not folder.exists():  # another process may have been quicker
            os.replace(temporary, folder)
            Path(temporary).mkdir()  # which is then cleared away
    return folder


def _write(folder: Path, archives: Path) -> None:
    icons: dict[str, Any] = {}
    characters: dict[str, dict[str, str]] = {}
    for artist in ARTISTS:
        icons[artist.name], characters[artist.name] = packages.read_json(
            artist.package, archives, "icons.json", "chars.json"
        )
    entries, messages = packages.read_json(NAMES, archives, "en/data.json", "en/messages.json")
    shortcodes = packages.read_json(
        NAMES, archives, *(f"en/shortcodes/{name}.json" for name in matching.SHORTCODES)
    )
    groups, subgroups = (
        {row["order"]: row["key"] for row in messages[level]} for level in ("groups", "subgroups")
    )
    emoji = {matching.key(entry["hexcode"]): entry for entry in entries if "group" in entry}
    codes = matching.codes_by_name(
        emoji, shortcodes, [(characters[name], icons[name]) for name in CODED]
    )
    drawn = {name: matching.drawings(icons[name], characters[name], codes) for name in icons}
    kept, left_out = matching.choose(emoji, drawn, groups)
    translations = {language: _labels(archives, language) for language in LANGUAGES}
    concepts = [
        Concept(
            code, emoji[code]["emoji"], matching.plain(emoji[code]["label"]),
            matching.keywords_of(emoji[code]), groups[emoji[code]["group"]],
            subgroups[emoji[code]["subgroup"]],
            {k: labels[code] for k, labels in translations.items() if code in labels},
        )
        for code in kept
    ]  # fmt: skip
    pictures = {
        name: {
            place: drawing.rasterise(drawing.svg(icons[name], drawn[name][concept.code]))
            for place, concept in enumerate(concepts)
            if concept.code in drawn[name] and (name, concept.name) not in dropped.DROPPED
        }
        for name in drawn
    }
    for name, of in pictures.items():
        _sheet(list(of.values())).save(folder / f"{name}.webp", lossless=True, quality=20, method=2)
    table = {
        "concepts": [asdict(concept) for concept in concepts],
        "pictures": {name: list(of) for name, of in pictures.items()},
        "left out": left_out,
    }
    (folder / TABLE).write_text(json.dumps(table, ensure_ascii=False), "utf-8")


def _labels(archives: Path, language: str) -> dict[str, str]:
    """The name of every emoji in one language, by its code."""
    (entries,) = packages.read_json(NAMES, archives, f"{language}/data.json")
    return {matching.key(entry["hexcode"]): matching.plain(entry["label"]) for entry in entries}


def _sheet(pictures: list[Image.Image]) -> Image.Image:
    """Row by row, COLUMNS of them in each."""
    sheet = Image.new("RGBA", (COLUMNS * SIDE, -(-len(pictures) // COLUMNS) * SIDE))
    for k, picture in enumerate(pictures):
        sheet.paste(picture, (k % COLUMNS * SIDE, k // COLUMNS * SIDE))
    return sheet
