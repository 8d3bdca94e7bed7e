"""Set the repository's address everywhere: python tools/repository.py https://github.com/you/clipbook

The address that stands in pyproject.toml is the old one. It is replaced in every text file of the
project, whole addresses and the "owner/name" in Colab's links alike; then notebooks are made again.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ["*.md", "*.toml", "*.yml", "*.cff", "book/**/*.md", "book/**/*.py", "tools/setup_cell.py"]
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
    for path in replace(old, new):
        print(path)
    return subprocess.call([sys.executable, ROOT / "tools" / "notebooks.py"])


if __name__ == "__main__":
    sys.exit(main())
