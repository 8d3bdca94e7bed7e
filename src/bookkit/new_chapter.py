"""Begin a chapter: python -m bookkit.new_chapter <part>/<chapter> <title>

It writes the source, its notebook, a line of _toc.yml and the file of students' answers, from the
templates beside this file; what is written passes the tests as it stands.
"""

import argparse
import re
import sys
from pathlib import Path
from string import Template

from bookkit import ROOT, chapters, notebooks

TEMPLATES = Path(__file__).with_name("templates")
NAME = re.compile(r"[a-z][a-z0-9-]*/[a-z][a-z0-9-]*")


def with_entry(toc: str, page: str) -> str:
    """The table of contents with the page at the end of its part, or of a new one."""
    part = page.partition("/")[0]
    caption, entry = f"  - caption: {part.capitalize()}\n", f"      - file: {page}\n"
    before = re.search(rf"(?:      - file: {part}/.*\n)+", toc)
    if before:
        return toc[: before.end()] + entry + toc[before.end() :]
    place = toc.index("  - caption: Reference\n")
    return f"{toc[:place]}{caption}    chapters:\n{entry}{toc[place:]}"


def begin(page: str, title: str, root: Path = ROOT) -> list[Path]:
    """Write the files of a chapter; return them.

    Raises:
        ValueError: it is no name of a chapter, or there is something of that name.
    """
    if not NAME.fullmatch(page):
        raise ValueError(f"NAME={page!r} is no <part>/<chapter> in small letters: further/example")
    if not title.strip():
        raise ValueError('TITLE is missing; give it as TITLE="An example"')
    toc, source = root / "_toc.yml", root / f"book/{page}.py"
    answers = root / f"tests/exercises/answers/{page}.txt"
    if page in chapters.pages(toc) or source.exists() or answers.exists():
        raise ValueError(f"NAME={page} is there already; give another name")
    words = {"title": title.strip(), "short": page.rpartition("/")[2]}
    for template, path in (("chapter", source), ("answers", answers)):
        text = Template((TEMPLATES / f"{template}.txt").read_text("utf-8")).substitute(words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    notebook = source.with_suffix(".ipynb")
    notebook.write_text(notebooks.text(page, root / "book"), "utf-8")
    toc.write_text(with_entry(toc.read_text("utf-8"), page), "utf-8")
    return [source, notebook, answers, toc]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="such as further/example")
    parser.add_argument("title")
    asked = parser.parse_args()
    try:
        written = begin(asked.name, asked.title)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(*(path.relative_to(ROOT) for path in written), sep="\n")
    print("Write the chapter, then `make notebooks`; CONTRIBUTING.md says what it must hold.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
