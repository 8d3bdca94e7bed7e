"""Pairs of your own in shards: tar files that are read from beginning to end.

A folder of a million files is slow to list, to copy and to read in a random order; a thousand tar
files are not. A shard holds pairs in WebDataset's layout: a picture and a caption with the same
name, such as 000017.jpg and 000017.txt, one after the other. Nothing is unpacked onto the disk, and
no more than a buffer of pairs is in memory.

An index beside the shards says how many pairs of each can be used, and which can't; see
`clipbook.training.packing`. Built in: book/scale/many-machines.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from math import inf
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image

from clipbook.image.reading import open_picture
from clipbook.strict_json import parse
from clipbook.text import Tokenizer
from clipbook.training.data import Batch
from clipbook.training.folder import squares, text_problem
from clipbook.validation import excerpt, whole_number

INDEX, FORMAT = "index.json", 1
PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff")
"""Endings of a picture in a shard; its format is what its bytes say."""
CAPTION = "txt"

Sample = dict[str, Any]
"""What webdataset makes of the files of one name: their bytes by ending, and the name itself."""


@dataclass(frozen=True)
class Shard:
    """pairs: how many can be used. left_out: what is wrong with the others, by their place among
    the samples of the file. digest: of the file's bytes, as they were when the index was made."""

    path: Path
    pairs: int
    left_out: dict[int, str]
    digest: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))


def read_shards(folder: str | Path) -> tuple[list[Shard], list[str]]:
    """The shards of a folder that its index lists, and a sentence for each pair that can't be used.

    No shard is opened. Raises ValueError for a folder without an index, one of another format, and
    a shard that is missing or has another size than when the index was made.
    """
    folder = Path(folder)
    remedy = f"make it anew: python -m clipbook.training.pack --index {folder}"
    try:
        about = parse((folder / INDEX).read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']}, not {FORMAT}")
        listed = {
            name: (whole_number("bytes", one["bytes"], 1_000, most=inf), _shard(folder, name, one))
            for name, one in sorted(about["shards"].items())
        }
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no {INDEX} of its shards; {remedy}") from None
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / INDEX} is no index of shards ({error}); {remedy}") from error
    for size, shard in listed.values():
        found = shard.path.stat().st_size if shard.path.is_file() else None
        if found != size:
            now = "is not there" if found is None else f"has {found:,} bytes, not {size:,}"
            raise ValueError(f"{shard.path} {now}, so {INDEX} is of other shards; {remedy}")
    known = [shard for _, shard in listed.values()]
    problems = [why for shard in known for why in shard.left_out.values()]
    return [shard for shard in known if shard.pairs], problems


def check_shards(shards: object) -> None:
    """Raises ValueError for what `read_shards` does not give first."""
    several = isinstance(shards, Sequence) and all(isinstance(shard, Shard) for shard in shards)
    if not (several and shards):
        raise ValueError(
            f"shards={excerpt(shards)} is no list of shards, one at least; try "
            "shards, problems = read_shards(folder)"
        )


def _shard(folder: Path, name: str, one: dict[str, Any]) -> Shard:
    """Raises some of the errors that `read_shards` names for what an index does not say so."""
    if Path(name).name != name:
        raise ValueError(f"{excerpt(name)} is no file beside it")
    pairs = whole_number("pairs", one["pairs"], 1_000, least=0, most=inf)
    left_out = {int(place): why for place, why in one["left out"].items()}
    for text in (one["sha256"], *left_out.values()):
        if not isinstance(text, str):
            raise ValueError(f"{excerpt(text)} is no text")
    return Shard(folder / name, pairs, left_out, one["sha256"])


def webdataset(part: str) -> ModuleType:
    """A module of the package webdataset, which nothing else here needs.

    Raises ModuleNotFoundError, with the remedy, where it is not installed.
    """
    try:
        return import_module(f"webdataset.{part}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; shards are read with webdataset: pip install webdataset"
        ) from error


def samples(path: Path) -> Iterator[Sample]:
    """The samples of one shard, in the order of the file; no more than one is in memory.

    Raises ValueError where the file is no whole tar file, and ModuleNotFoundError without
    webdataset.
    """
    read = webdataset("tariterators")
    try:
        with path.open("rb") as file:
            opened = iter([{"url": path.name, "stream": file}])
            yield from read.group_by_keys(read.tar_file_expander(opened))
    except Exception as error:  # what a broken file makes tarfile and webdataset raise
        why = error.args[0] if error.args else type(error).__name__
        raise ValueError(f"{path.name} can't be read to its end ({why}); get it anew") from error


def usable(shard: Shard) -> Iterator[Sample]:
    """The samples of a shard that are pairs. Raises what `samples` does."""
    return (
        sample for place, sample in enumerate(samples(shard.path)) if place not in shard.left_out
    )


def caption_of(sample: Sample) -> str:
    """The text of a sample; what is not in UTF-8 becomes �."""
    return sample[CAPTION].decode("utf-8-sig", "replace").strip()


def captions_tokenizer(
    shards: Iterable[Shard], captions: int = 5_000, vocab_size: int = 2_000
) -> Tokenizer:
    """The tokenizer of the first so many captions."""
    texts = (caption_of(sample) for shard in shards for sample in usable(shard))
    return Tokenizer.train(islice(texts, captions), vocab_size)


def first_pairs(shards: Iterable[Shard], count: int, tokenizer: Tokenizer, size: int) -> Batch:
    """A batch of the first so many pairs, or of all where there are fewer."""
    first = islice((sample for shard in shards for sample in usable(shard)), count)
    images, captions = zip(*map(picture_and_caption, first), strict=True)
    return squares(images, size), *tokenizer.batch(captions)


def picture_and_caption(sample: Sample) -> tuple[Image.Image, str]:
    """Of a sample of `samples`: the picture as the model sees it, and the text.

    Raises ValueError that says what is wrong with it.
    """
    ending = next((ending for ending in PICTURES if ending in sample), None)
    if ending is None or CAPTION not in sample:
        missing = "picture, such as .jpg or .png" if ending is None else f"caption, .{CAPTION}"
        held = ", ".join(sorted(f".{name}" for name in sample if not name.startswith("__")))
        raise ValueError(f"has no {missing}; it has {held or 'nothing'}")
    caption = caption_of(sample)
    if problem := text_problem("caption", caption):
        raise ValueError(problem)
    file = io.BytesIO(sample[ending])
    file.name = f"its .{ending}"
    return open_picture(file), caption
