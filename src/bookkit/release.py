"""Make what a release holds: python -m bookkit.release FOLDER TAG

The package's wheel, the book as PDF, the site as a ZIP to read without a network, and what has
changed, as notes.md. The tag must be that of the version, and the changelog must know it.
"""

import argparse
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

from bookkit import BUILD, ROOT
from bookkit.colab.publish import wheel
from bookkit.folders import make_empty
from clipbook.validation import check_folder

NEEDED = {"site": BUILD / "html/index.html", "PDF": BUILD / "clip-book.pdf"}
OWN = ("notes.md", "*.whl", "clip-book-*.pdf", "clip-book-*-site.zip")
DATE = (1980, 1, 1, 0, 0, 0)  # so that the same site gives the same bytes


def notes(changelog: str, version: str, tag: str) -> str:
    """The changelog's section of the version.

    Raises:
        ValueError: the tag is another version's, or the changelog has no section of it.
    """
    if tag != f"v{version}":
        raise ValueError(f"TAG={tag!r}: the version is {version}; tag v{version}, or raise it")
    section = re.search(
        rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.M | re.S
    )
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no section [{version}]; say there what has changed")
    return section[1].strip() + "\n"


def offline(site: Path, target: Path) -> None:
    """The site as a ZIP, in a folder of its own."""
    with zipfile.ZipFile(target, "w") as file:
        for path in sorted(path for path in site.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(f"{target.stem}/{path.relative_to(site).as_posix()}", DATE)
            file.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)


def check(tag: str) -> str:
    """The notes of the version that is to be released. Raises ValueError as `notes` does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return notes((ROOT / "CHANGELOG.md").read_text("utf-8"), project["version"], tag)


def make(folder: Path, tag: str) -> None:
    """Write all of it into the folder, which is emptied first.

    Raises:
        ValueError: the tag isn't right, site or PDF have not been made, or the folder holds other
            things than a release.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = check(tag)
    if missing := [name for name, path in NEEDED.items() if not path.exists()]:
        raise ValueError(f"there is no {' and no '.join(missing)}; make release makes all")
    check_folder("folder", folder)
    make_empty(folder, OWN, "release")
    (folder / "notes.md").write_text(text, "utf-8")
    wheel(folder)
    shutil.copy(NEEDED["PDF"], folder / f"clip-book-{project['version']}.pdf")
    offline(NEEDED["site"].parent, folder / f"clip-book-{project['version']}-site.zip")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("tag", help="such as v0.1.0")
    parser.add_argument("--check", action="store_true", help="look at the tag, and make nothing")
    asked = parser.parse_args()
    try:
        if asked.check:
            check(asked.tag)
            return 0
        make(asked.folder, asked.tag)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for path in sorted(asked.folder.iterdir()):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
