"""Get the packages with the drawings, once, and keep them in a cache.

Nobody else's drawing is part of this book: they are had from npm's registry, by npm, in the
versions and with the digests that artists.py names.
"""

import base64
import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from shutil import which
from typing import Any

from clipbook.emoji.artists import Package
from clipbook.validation import check_folder


def cache_folder() -> Path:
    """$CLIPBOOK_CACHE, or clipbook in the folder where programs keep what they can get again.

    Raises ValueError for a home that there is none of, such as ~nobody, and for a file.
    """
    named = os.environ.get("CLIPBOOK_CACHE")
    folder = Path(named or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "clipbook"))
    try:
        folder = folder.expanduser()
    except RuntimeError:
        raise ValueError(
            f"{folder} begins with a home that can't be found; set CLIPBOOK_CACHE to a folder"
        ) from None
    check_folder("CLIPBOOK_CACHE", folder)
    return folder


def fetch(packages: Iterable[Package], folder: Path) -> None:
    """Put the archives of the packages that are not there yet, or not whole, into the folder.

    Raises OSError where npm is missing or doesn't reach its registry, and ValueError for an archive
    that is not the one that was asked for; that one is not kept.
    """
    missing = [package for package in packages if not _is_whole(package, folder / package.archive)]
    if not missing:
        return
    if not (npm := which("npm")):
        raise OSError(
            "the emoji are packages of npm's registry, and npm is missing; install Node.js, "
            "which has it, and try again"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wanted = [f"{package.name}@{package.version}" for package in missing]
        command = [npm, "pack", "--silent", f"--pack-destination={temporary}", *wanted]
        done = subprocess.run(command, capture_output=True, text=True, cwd=temporary)
        if done.returncode:
            reason = (done.stderr or done.stdout).strip().splitlines()
            raise OSError(
                f"npm can't get {', '.join(wanted)} ({reason[-1] if reason else 'no reason given'})"
                "; is there a network? Try again when there is"
            )
        for package in missing:
            path = Path(temporary, package.archive)
            check(package, path)
            path.replace(folder / package.archive)


def _is_whole(package: Package, archive: Path) -> bool:
    with suppress(OSError, ValueError):
        check(package, archive)
        return True
    return False


def check(package: Package, archive: Path) -> None:
    """Raises ValueError unless the file is that package, bit for bit."""
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != package.integrity:
        raise ValueError(
            f"{archive.name} has the SHA-512 {digest}, not {package.integrity}; what was "
            "downloaded is not what the book was made with, so it is not used"
        )


def read_json(package: Package, folder: Path, *names: str) -> list[Any]:
    """The JSON files of a package by their names in it, such as "en/data.json"."""
    with tarfile.open(folder / package.archive) as archive:
        members = [archive.extractfile(f"package/{name}") for name in names]
        return [json.load(member) for member in members if member is not None]
