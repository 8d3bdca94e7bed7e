"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make a file under another name, which then takes the place of what was there.

    Raises FileNotFoundError where its folder is missing, IsADirectoryError for a folder's path,
    OSError for any other where it can't be written, and what `write` does; then nothing is left of
    it.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: {path.parent} is no folder; make it first")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give a file in it")
    unfinished = path.with_name(path.name[:40] + ".unfinished")  # a name has room for 255 bytes
    try:
        write(unfinished)
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException as error:  # an interruption, too
        with suppress(OSError):
            unfinished.unlink()
        if not isinstance(error, OSError):
            raise
        raise OSError(
            f"{path} can't be written ({error}); make room there, or give another path"
        ) from error
