"""Set the repository's address everywhere: python -m bookkit.address https://github.com/you/clipbook

The address that stands in pyproject.toml is the old one. It is replaced in every text file of the
project, whole addresses and the "owner/name" in Colab's links alike; then notebooks are made again.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from bookkit import ROOT

FILES = [
    "*.md",
    "*.toml",
    "*.yml",
    "*.cff",
    "book/**/*.md",
    "book/**/*.py",
    "src/bookkit/setup_cell.py",
]
BRANCH = "colab"  # what the launch buttons open, and pip installs from
ADDRESS = re.compile(r"https://github\.com/([\w-]+/(?!\.+/?$)[\w.-]+?)(?:\.git)?/?", re.ASCII)


def address(root: Path = ROOT) -> str:
    """The repository's address as pyproject.toml has it."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project["urls"]["Repository"]


def slug(url: str) -> str:
    """ "owner/name" of a GitHub address; Colab and Pages need it to be one.

    Raises:
        ValueError: the address is not of that form.
    """
    match = ADDRESS.fullmatch(url)
    if match is None:
        raise ValueError(
            f"URL={url!r} is no address of a GitHub repository; "
            "give it as URL=https://github.com/owner/name"
        )
    return match[1]


def pages_address(repository: str) -> str:
    """Where GitHub Pages serves a repository: https://owner.github.io/name, or its own domain."""
    owner, name = repository.rstrip("/").split("/")[-2:]
    site = f"{owner}.github.io"
    return f"https://{site}" if name.lower() == site.lower() else f"https://{site}/{name}"


def opens(address: str, page: str, folder: str = "book") -> str:
    """Address at which Colab opens a published chapter; folder is "book" or "student"."""
    return (
        f"https://colab.research.google.com/github/{slug(address)}"
        f"/blob/{BRANCH}/{folder}/{page}.ipynb"
    )


def replace(old: str, new: str, root: Path = ROOT) -> list[Path]:
    """Write `new` ("owner/name") wherever a github address has `old`; return what changed."""
    place = re.compile(rf"(?<=github\.com/){re.escape(old)}\b|(?<=/github/){re.escape(old)}\b")
    changed = []
    for path in sorted({p for pattern in FILES for p in root.glob(pattern)}):
        text = path.read_text("utf-8")
        if (fresh := place.sub(new, text)) != text:
            path.write_text(fresh, "utf-8")
            changed.append(path.relative_to(root))
    return changed


def main() -> int:
    try:
        old, new = slug(address()), slug(sys.argv[1] if len(sys.argv) > 1 else "")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(*replace(old, new), sep="\n")
    return subprocess.call([sys.executable, "-m", "bookkit.notebooks"])


if __name__ == "__main__":
    sys.exit(main())
