"""Pairs of your own: a folder with pictures and captions.csv or captions.jsonl.

The table has a row for each pair: `picture`, a path inside the folder, and `caption`. Rows that
can't be used are left out and named. Pictures are opened when a batch needs them, so a folder may
be larger than the memory. Used in: book/instructors/discussion.
"""

import json
import os
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from clipbook.image import Augmentation
from clipbook.image.augmentation import checked_augmentation
from clipbook.image.preprocessing import FITS, _fitted
from clipbook.image.reading import open_picture
from clipbook.streams import stream
from clipbook.text import Tokenizer
from clipbook.text.texts import checked_text
from clipbook.training.data import Batch
from clipbook.training.identity import digest_of_text, identify_tokenizer
from clipbook.training.table import COLUMNS, Row, read_rows
from clipbook.validation import LARGEST_SEED, excerpt, one_of, whole_number

LONGEST = 100_000
"""Characters of a cell; more are no caption but a table that was read wrongly."""


@dataclass(frozen=True)
class Pair:
    picture: Path
    caption: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "picture", Path(self.picture))


def read_pairs(folder: str | Path) -> tuple[list[Pair], list[str]]:
    """The pairs of a folder that can be used, and a sentence for each row that can't.

    Every picture is opened once, to see whether it can be. A quoted caption may hold line breaks;
    for those that can't be told from rows, see `clipbook.training.table`. Raises ValueError where
    there is no table, or one that is empty, in UTF-16, or without the two columns.
    """
    folder = Path(os.path.realpath(folder))
    pairs: list[Pair] = []
    problems: list[str] = []
    accepted: set[Pair] = set()
    pictures: dict[str, Path | str] = {}
    table = _table(folder)
    for first, last, row in read_rows(table):
        problem = _problem(row)
        if isinstance(row, dict) and not problem:
            name = row["picture"].strip()
            if name not in pictures:
                pictures[name] = _find(folder, name)
            picture = pictures[name]
            if isinstance(picture, Path):
                pair = Pair(picture, row["caption"].strip())
                if pair not in accepted:
                    pairs.append(pair)
                    accepted.add(pair)
                    continue
                picture = "has stood there before, with the same caption"
            problem = f"{' '.join(name.splitlines())[:400]} {picture}"
        place = f"line {first}" if first == last else f"lines {first} to {last}"
        problems.append(f"{table.name}, {place}: {problem}")
    return pairs, problems


def _table(folder: Path) -> Path:
    tables = [folder / name for name in ("captions.csv", "captions.jsonl")]
    tables = [path for path in tables if path.exists()]
    if len(tables) != 1:
        inventory = "both captions.csv and captions.jsonl" if tables else "no captions.csv"
        raise ValueError(
            f"{folder} holds {inventory}; give it one of captions.csv and captions.jsonl"
        )
    return tables[0]


def _problem(row: Row) -> str:
    """What is wrong with a row, before its picture is looked for; empty if nothing is."""
    if isinstance(row, str):
        return row
    return next(filter(None, (text_problem(name, row.get(name)) for name in COLUMNS)), "")


def text_problem(name: str, value: object) -> str:
    """What is wrong with a caption or the name of a picture; empty if nothing is."""
    if not isinstance(value, str) or not value.strip():
        return f"{name} is {excerpt(value)}; it must be a text"
    if len(value) > LONGEST:
        return f"{name} has {len(value)} characters; shorten it to at most {LONGEST}"
    if "\ufffd" in value or "\0" in value:
        return f"{name} {excerpt(value)} is not in UTF-8; save it in that encoding"
    try:
        checked_text(value)
    except ValueError:
        return f"{name} {excerpt(value)} holds half a character; write it whole or leave it out"
    return ""


def _find(folder: Path, name: str) -> Path | str:
    """The path of a picture, or what is wrong with it."""
    path = Path(os.path.realpath(folder / name))  # which no name and no link makes fail
    if not path.is_relative_to(folder):
        return "lies outside the folder; put it inside"
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "is not there as a file"
    except OSError as error:
        hint = "; write / between folders" if "\\" in name else ""
        return f"is not there ({error.strerror}){hint}"
    try:
        open_picture(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path} ")
    return path


def check_pairs(pairs: Sequence[Pair]) -> None:
    """Raises ValueError for what `read_pairs` does not give first."""
    if not (isinstance(pairs, Sequence) and all(isinstance(pair, Pair) for pair in pairs)):
        raise ValueError(
            f"pairs={excerpt(pairs)} is no list of pairs; try pairs, problems = read_pairs(folder)"
        )
    for k, pair in enumerate(pairs):
        if problem := text_problem("caption", pair.caption):
            raise ValueError(f"pairs[{k}]: {problem}")


def squares(
    pictures: Sequence[Image.Image], size: int, fit: str = "crop"
) -> UInt8[Tensor, "pictures size size 3"]:
    """Pictures as RGB levels, 0 to 255, made square as `clipbook.image.Preprocessing` says."""
    return torch.from_numpy(np.stack([np.asarray(_fitted(p, size, fit)) for p in pictures]))


class FolderBatches(Dataset):
    """Batch k of an endless stream of pairs: pictures (uint8), token ids and mask.

    Every pass through the pairs has an order of its own, made from the seed and the number of the
    pass. Pairs at the end of a pass that don't fill a batch are left out of it.
    augmentation: how pictures are changed, each time anew. fit: how they are made square, "crop"
    or "stretch", as the model's `clipbook.image.Preprocessing` says. Raises ValueError for what
    `read_pairs` does not give first, another fit, and for a batch larger than that.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        tokenizer: Tokenizer,
        batch_size: int = 128,
        image_size: int = 32,
        *,
        augmentation: Augmentation | None = None,
        fit: str = "crop",
        seed: int = 0,
    ) -> None:
        check_pairs(pairs)
        self.pairs = list(pairs)  # whatever becomes of those given
        self.tokenizer = tokenizer
        self.batch_size = whole_number("batch_size", batch_size, 64)
        self.image_size = whole_number("image_size", image_size, 32)
        self.augmentation = checked_augmentation(augmentation)
        self.fit = fit
        one_of("fit", fit, FITS)
        self.seed = whole_number("seed", seed, 0, least=0, most=LARGEST_SEED)
        if self.batch_size > len(pairs):
            raise ValueError(
                f"batch_size={batch_size}, but there are {len(pairs)} pairs; a batch needs at "
                "least one and at most all of them"
            )

    def __getitem__(self, k: int) -> Batch:
        in_a_pass = len(self.pairs) // self.batch_size
        epoch, place = divmod(k, in_a_pass)
        order = stream("order of own pairs", self.seed, epoch).permutation(len(self.pairs))
        members = order[place * self.batch_size : (place + 1) * self.batch_size]
        pairs = [self.pairs[i] for i in members]
        opened = [open_picture(pair.picture) for pair in pairs]
        pictures = squares(opened, self.image_size, self.fit)
        if self.augmentation:
            generator = stream("changes of own pictures", self.seed, k)
            pictures = self.augmentation(pictures, self.image_size, generator)
        return pictures, *self.tokenizer.batch([pair.caption for pair in pairs])

    def identity(self) -> dict[str, object]:
        """All that decides the batches: captions, the pictures' bytes, tokenizer, sizes, fit, seed
        and augmentation.

        Every picture is read once. Not its place: a folder may move, to another machine too.
        """
        pictures = {pair.picture: "" for pair in self.pairs}
        for path in pictures:
            with path.open("rb") as file:
                pictures[path] = file_digest(file, "sha256").hexdigest()
        pairs = json.dumps([(pictures[pair.picture], pair.caption) for pair in self.pairs])
        digests = {"pairs": digest_of_text(pairs), "tokenizer": identify_tokenizer(self.tokenizer)}
        known = {"kind": type(self).__name__, **vars(self), **digests}
        # runs from before there were these go on without them
        if self.fit == "crop":
            known.pop("fit")
        changes = known.pop("augmentation")
        return known if changes is None else {**known, "augmentation": asdict(changes)}
