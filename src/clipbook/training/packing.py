"""Making shards of pairs, and the index of shards; see `clipbook.training.shards`."""

import io
import json
import tarfile
from collections.abc import Sequence
from functools import partial
from hashlib import file_digest
from itertools import chain
from pathlib import Path
from typing import Any

from clipbook.files import write_whole
from clipbook.image.reading import open_picture
from clipbook.strict_json import parse
from clipbook.training.folder import Pair, check_pairs
from clipbook.training.shards import (
    CAPTION,
    FORMAT,
    INDEX,
    PICTURES,
    picture_and_caption,
    read_shards,
    samples,
)
from clipbook.validation import check_folder, whole_number


def pack_shards(pairs: Sequence[Pair], folder: str | Path, pairs_each: int = 1_000) -> list[str]:
    """Write pairs of `read_pairs` into the folder, as shards with as many pairs in each, but for
    the last, and their index; what `index_shards` finds wrong with them.

    A picture's file goes in as it is, unless its ending is none that shards have: then as PNG.
    The same pairs make the same bytes. They stay in their order: shuffle those that have one (all
    of one thing first), for a reader mixes no more than its buffer holds.
    Raises ValueError for no pairs, what `read_pairs` does not give first, a folder in which shards
    or an index are, and a file for a folder; OSError, and leaves no shard, where one can't be
    written or a picture can no longer be read.
    """
    check_pairs(pairs)
    pairs_each = whole_number("pairs_each", pairs_each, 1_000)
    folder = Path(folder)
    check_folder("folder", folder)
    if not pairs:
        raise ValueError(f"there are no pairs to pack into {folder}; look at what read_pairs says")
    if inside := next(chain(folder.glob("*.tar"), folder.glob(INDEX)), None):
        raise ValueError(f"{folder} holds {inside.name} already; give another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for number, first in enumerate(range(0, len(pairs), pairs_each)):
        some = list(enumerate(pairs[first : first + pairs_each], first))
        try:
            write_whole(folder / f"pairs-{number:06d}.tar", partial(_write, some))
        except BaseException:  # an interruption, too
            for k in range(number):  # a new attempt finds the folder as this one did
                (folder / f"pairs-{k:06d}.tar").unlink()
            raise
    return index_shards(folder)


def _write(pairs: Sequence[tuple[int, Pair]], path: Path) -> None:
    with tarfile.open(path, "w") as tar:
        for k, pair in pairs:
            ending, picture = _picture(pair.picture)
            _add(tar, f"{k:09d}.{ending}", picture)
            _add(tar, f"{k:09d}.{CAPTION}", pair.caption.encode("utf-8"))


def _picture(path: Path) -> tuple[str, bytes]:
    ending = path.suffix.lower().removeprefix(".")
    try:
        if ending in PICTURES:
            return ending, path.read_bytes()
        file = io.BytesIO()
        open_picture(path).save(file, "PNG")
    except (OSError, ValueError) as error:
        raise OSError(f"{path} can no longer be read ({error}); read the pairs anew") from error
    return "png", file.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    about = tarfile.TarInfo(name)  # whose time and owner are nobody's
    about.size = len(data)
    tar.addfile(about, io.BytesIO(data))


def index_shards(folder: str | Path) -> list[str]:
    """Look at every pair of the shards in a folder, all its files that end in .tar, and write the
    index; a sentence for each pair, and each shard, that can't be used.

    Those are left out of every pass, and the others stay. Raises ValueError where no shard is, for
    what ends in .tar and is no file, and where somebody's own file has the name of the index.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*.tar"))
    if not paths:
        raise ValueError(f"{folder} holds no shard, a file *.tar; pack one from a folder of pairs")
    if odd := next((path for path in paths if not path.is_file()), None):
        raise ValueError(f"{odd} is no file that can be read, as a shard is; move it away")
    if (folder / INDEX).exists() and not _is_index(folder / INDEX):
        raise ValueError(
            f"{folder / INDEX} is no index of shards; move it away, for one takes its place"
        )
    about = {"format": FORMAT, "shards": {path.name: _look_at(path) for path in paths}}
    text = json.dumps(about, indent=1) + "\n"
    write_whole(folder / INDEX, lambda path: path.write_text(text, encoding="utf-8"))
    return read_shards(folder)[1]


def _is_index(path: Path) -> bool:
    """Whether the index's place holds one, of whatever format, or what is left of one."""
    try:
        about = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return path.is_file() and b'"shards"' in path.read_bytes()[:100]
    return isinstance(about, dict) and {"format", "shards"} <= about.keys()


def _look_at(path: Path) -> dict[str, Any]:
    left_out: dict[int, str] = {}
    count = 0
    try:
        for place, sample in enumerate(samples(path)):
            count += 1
            try:
                picture_and_caption(sample)
            except ValueError as error:
                left_out[place] = f"{path.name}, {sample['__key__']}: {error}"
        if not count:
            left_out, count = {0: f"{path.name} holds no pairs; leave it out"}, 1
    except ValueError as error:
        left_out, count = {0: f"{error}; till then none of its pairs is used"}, 1
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return {
        "bytes": path.stat().st_size,
        "sha256": digest,
        "pairs": count - len(left_out),
        "left out": left_out,  # whose places JSON makes texts
    }
