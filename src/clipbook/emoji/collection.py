"""All pictures and names in memory, ready to be looked at, trained on and asked about."""

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from torch import Tensor

from clipbook.emoji.artists import ARTISTS
from clipbook.emoji.drawing import SIDE
from clipbook.emoji.matching import Concept
from clipbook.emoji.sheets import COLUMNS, TABLE, make_sheets
from clipbook.validation import excerpt

ARTIST_NAMES = tuple(artist.name for artist in ARTISTS)


@dataclass(frozen=True, eq=False)
class Emoji:
    """Concepts, and the pictures of them by several artists.

    concepts: in Unicode's order. pictures: RGBA, 0 to 255, one artist after another.
    concept_of, artist_of: for each picture its place in `concepts` and in ARTIST_NAMES.
    """

    concepts: tuple[Concept, ...]
    pictures: UInt8[Tensor, "pictures side side 4"]
    concept_of: Int64[Tensor, "pictures"]
    artist_of: Int64[Tensor, "pictures"]

    @cached_property
    def names(self) -> list[str]:
        """The English name of each concept."""
        return [concept.name for concept in self.concepts]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def _rows(self) -> dict[tuple[int, int], int]:
        pairs = zip(self.concept_of.tolist(), self.artist_of.tolist(), strict=True)
        return {pair: row for row, pair in enumerate(pairs)}

    def place(self, name: str) -> int:
        """Where a concept of that name stands in `concepts`. Raises ValueError for no such name."""
        if name not in self._places:
            raise ValueError(f"no emoji is called {excerpt(name)}; see `names`, such as 'dog face'")
        return self._places[name]

    def picture(self, name: str, artist: str, background: str = "white") -> Image.Image:
        """One drawing on a plain background, RGB. Raises ValueError if that artist has none."""
        row = self._rows.get((self.place(name), artist_number(artist)))
        if row is None:
            raise ValueError(f"{artist} has no {name}; try {' or '.join(self.artists_of(name))}")
        drawing = Image.fromarray(self.pictures[row].numpy(), "RGBA")
        ground = Image.new("RGBA", drawing.size, background)
        return Image.alpha_composite(ground, drawing).convert("RGB")

    def artists_of(self, name: str) -> list[str]:
        """The artists who drew that concept."""
        place = self.place(name)
        return [a for k, a in enumerate(ARTIST_NAMES) if (place, k) in self._rows]

    def rows_of(self, *artists: str) -> Int64[Tensor, "rows"]:
        """The rows in `pictures` of these artists."""
        wanted = torch.tensor([artist_number(artist) for artist in artists])
        return torch.isin(self.artist_of, wanted).nonzero()[:, 0]


def artist_number(artist: str) -> int:
    """Raises ValueError for no such artist."""
    if artist not in ARTIST_NAMES:
        raise ValueError(f"no artist is called {excerpt(artist)}; try {' or '.join(ARTIST_NAMES)}")
    return ARTIST_NAMES.index(artist)


@lru_cache(maxsize=1)
def load_emoji() -> Emoji:
    """The data: some 1,300 concepts by up to seven artists, 64 px, with transparency.

    The first time it downloads 17 MB by npm and draws them, which takes about a minute; then it
    reads what was kept. Raises OSError, in one sentence, where npm or the network is missing, and
    ValueError where what was kept is damaged.
    """
    folder = make_sheets()
    try:
        return _read(folder)
    except (OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{folder} is damaged ({error}); delete it, and the sheets are made anew"
        ) from error


def _read(folder: Path) -> Emoji:
    """Raises some of the errors that `load_emoji` names for what `make_sheets` did not write so."""
    table = json.loads((folder / TABLE).read_text("utf-8"))
    concepts = tuple(
        Concept(**{**row, "keywords": tuple(row["keywords"])}) for row in table["concepts"]
    )
    pictures, concept_of, artist_of = [], [], []
    for number, artist in enumerate(ARTIST_NAMES):
        places = table["pictures"][artist]
        with Image.open(folder / f"{artist}.webp") as sheet:
            grid = torch.from_numpy(np.array(sheet.convert("RGBA")))
        rows = grid.shape[0] // SIDE
        cells = grid.view(rows, SIDE, COLUMNS, SIDE, 4).transpose(1, 2).reshape(-1, SIDE, SIDE, 4)
        pictures.append(cells[: len(places)])
        concept_of += places
        artist_of += [number] * len(places)
    return Emoji(concepts, torch.cat(pictures), torch.tensor(concept_of), torch.tensor(artist_of))
