"""Make each chapter's notebook from its source: book/<part>/<chapter>.py -> <chapter>.ipynb.

One way only, and a pure function of the source: the same text always gives the same bytes, cell
ids included. Outputs are never stored; the site build and the tests make them.

    python tools/notebooks.py           write every notebook that is out of step
    python tools/notebooks.py --check   write none, and fail if one is out of step
"""

import argparse
import hashlib
import sys
from collections import Counter
from pathlib import Path

import jupytext
import nbformat

BOOK = Path(__file__).resolve().parent.parent / "book"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def chapters(book: Path) -> list[Path]:
    """Sources of all chapters: the .py files below book/, folders like _ext left out."""
    return [
        path
        for path in sorted(book.rglob("*.py"))
        if not any(part.startswith("_") for part in path.relative_to(book).parts)
    ]


def notebook(source: str) -> str:
    """Text of the notebook made from a chapter's source in jupytext's percent format.

    A cell's id is a digest of its kind and text, and of how many equal ones come before it: it
    stays when the cell moves, changes when the cell does, and is never random.
    """
    made = jupytext.reads(source, fmt="py:percent")
    seen: Counter[str] = Counter()
    for cell in made.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
    made.metadata = nbformat.from_dict(METADATA)
    made.nbformat, made.nbformat_minor = 4, 5
    nbformat.validate(made)
    return nbformat.writes(made) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    stale = []
    for source in chapters(BOOK):
        target = source.with_suffix(".ipynb")
        wanted = notebook(source.read_text("utf-8"))
        if target.exists() and target.read_text("utf-8") == wanted:
            continue
        stale.append(target.relative_to(BOOK.parent))
        if not check:
            target.write_text(wanted, "utf-8")
    for target in stale:
        print(f"{target} is out of step with its .py; run `make notebooks`" if check else target)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
