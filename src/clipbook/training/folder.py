"""Pairs of your own: a folder with pictures and captions.csv or captions.jsonl.

The table has a row for each pair: `picture`, a path inside the folder, and `caption`. Rows that
can't be used are left out and named. Pictures are opened when a batch needs them, so a folder may
be larger than the memory. Used in: book/instructors/discussion.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from clipbook.image.preprocessing import _resize_and_crop, open_picture
from clipbook.streams import stream
from clipbook.text import Tokenizer
from clipbook.training.data import Batch

COLUMNS = ("picture", "caption")


@dataclass(frozen=True)
class Pair:
    picture: Path
    caption: str


def read_pairs(folder: str | Path) -> tuple[list[Pair], list[str]]:
    """The pairs of a folder that can be used, and a sentence for each row that can't.

    Every picture is opened once, to see whether it can be. Raises ValueError where there is no
    table, or one without the two columns.
    """
    folder = Path(folder).resolve()
    pairs: list[Pair] = []
    problems: list[str] = []
    seen: set[Pair] = set()
    readable: dict[Path, str] = {}  # what is wrong with a picture, "" if nothing is
    for where, row in _rows(_table(folder)):
        if isinstance(row, str):
            problems.append(f"{where}: {row}")
            continue
        problem = _cells_missing(row)
        if not problem:
            pair = Pair((folder / row["picture"].strip()).resolve(), row["caption"].strip())
            if pair.picture not in readable:
                readable[pair.picture] = _picture_problem(pair.picture, folder)
            if what := readable[pair.picture]:
                problem = f"{row['picture']} {what}"
            elif pair in seen:
                problem = f"{row['picture']} has stood there before, with the same caption"
        if problem:
            problems.append(f"{where}: {problem}")
        else:
            pairs.append(pair)
            seen.add(pair)
    return pairs, problems


def _table(folder: Path) -> Path:
    found = [folder / name for name in ("captions.csv", "captions.jsonl")]
    found = [path for path in found if path.exists()]
    if len(found) != 1:
        what = "both captions.csv and captions.jsonl" if found else "no captions.csv"
        raise ValueError(f"{folder} holds {what}; give it one of captions.csv and captions.jsonl")
    return found[0]


def _rows(table: Path) -> Iterator[tuple[str, dict | str]]:
    """Where a row stands and what is in it, or what is wrong with it; one row in memory."""
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        if table.suffix == ".jsonl":
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{table.name}, line {number}", _object(line)
            return
        reader = csv.DictReader(file, strict=False)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{table}: its first line is {reader.fieldnames}, without {missing}; name the "
                "columns picture and caption"
            )
        try:
            for row in reader:
                extra = len(row.pop(None, ()))
                more = f"{extra} cells too many; put a caption with commas into quotation marks"
                yield f"{table.name}, line {reader.line_num}", more if extra else row
        except csv.Error as error:  # nothing after it can be told apart
            where = f"{table.name}, from line {reader.line_num} to the end"
            yield where, f"{error}; is a quotation mark left open?"


def _object(line: str) -> dict | str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return f"no JSON ({error})"
    return row if isinstance(row, dict) else f"{line.strip()[:40]!r} is no object with names"


def _cells_missing(row: dict) -> str:
    for name in COLUMNS:
        value = row.get(name)
        if not isinstance(value, str) or not value.strip():
            return f"{name} is {value!r}; it must be a text"
        if "\ufffd" in value or "\0" in value:
            return f"{name} {value!r} is not in UTF-8; save the table in that encoding"
    return ""


def _picture_problem(path: Path, folder: Path) -> str:
    if not path.is_relative_to(folder):
        return "lies outside the folder; put it inside"
    if not path.is_file():
        return "is not there"
    try:
        open_picture(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path} ")
    return ""


class FolderBatches(Dataset):
    """Batch k of an endless stream of pairs: pictures (uint8), token ids and mask.

    Every pass through the pairs has an order of its own, made from the seed and the number of the
    pass. Pairs at the end of a pass that don't fill a batch are left out of it.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        tokenizer: Tokenizer,
        batch_size: int = 128,
        image_size: int = 32,
        *,
        seed: int = 0,
    ) -> None:
        if not 1 <= batch_size <= len(pairs):
            raise ValueError(
                f"batch_size={batch_size}, but there are {len(pairs)} pairs; a batch needs at "
                "least one and at most all of them"
            )
        self.pairs = pairs
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.image_size = image_size
        self.seed = seed

    def __getitem__(self, k: int) -> Batch:
        in_a_pass = len(self.pairs) // self.batch_size
        turn, place = divmod(k, in_a_pass)
        order = stream("order of own pairs", self.seed, turn).permutation(len(self.pairs))
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        pairs = [self.pairs[i] for i in chosen]
        opened = [open_picture(pair.picture) for pair in pairs]
        pictures = np.stack([np.asarray(_resize_and_crop(p, self.image_size)) for p in opened])
        return torch.from_numpy(pictures), *self.tokenizer.batch([pair.caption for pair in pairs])
