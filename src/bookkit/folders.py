"""Folders that a tool fills anew each time, and of which it must never empty another's."""

import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path


def make_empty(folder: Path, own: Sequence[str], what: str) -> None:
    """An empty folder; what an earlier run of the same tool has written there is gone.

    own: what the tool writes, as patterns of names, of which the first is always there. what: in
    words. Raises ValueError, and leaves all as it is, for a file and for a folder that holds
    anything else.
    """
    if folder.exists():
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else [folder.name]
        strange = [name for name in names if not any(fnmatch(name, one) for one in own)]
        first = any(fnmatch(name, own[0]) for name in names)
        if not folder.is_dir() or strange or (names and not first):
            raise ValueError(
                f"{folder} would be emptied, and holds no {what}"
                f"{f' alone but {min(strange)}' if first and strange else ''}; give a new folder"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
