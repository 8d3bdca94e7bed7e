"""Measure the built site: python -m bookkit.audit <site> <lhci> <table> [page...]

Lighthouse CI looks at each page, on a server that compresses, as tools/audit/lighthouserc.cjs says;
this chooses the pages and writes what was measured as a table in Markdown. A missed target ends in
1. `<lhci>` is its command line. (axe-core looks at each page in tests/site/test_pages.py.)
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlparse

from bookkit import ROOT
from bookkit.browser import MISSING, WHOLE, find_chromium

CONFIG = ROOT / "tools/audit/lighthouserc.cjs"
FORMS = ("mobile", "desktop", "whole")  # as the configuration has them
HEAD = "| page | form | median |\n|---|---|---|"


def choose(site: Path, named: list[str]) -> list[str]:
    """Files of the pages named, or of all.

    Raises ValueError for what is no page of the site.
    """
    known = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    # Not pages: templates of the theme, and 404.html, which asks search engines to leave it alone.
    known = [page for page in known if not page.startswith("_static/") and page != "404.html"]
    if not known:
        raise ValueError(f"there is no page in {site}; make site builds them")
    files = [f"{page.removesuffix('.html')}.html" for page in named]
    if unknown := [page for page in files if page not in known]:
        raise ValueError(
            f"PAGES={' '.join(unknown)!r} is no page of {site}; give some of {', '.join(known)}"
        )
    return files or known


def measured(lhci: Path, site: Path, pages: list[str], form: str) -> list[dict]:
    """What Lighthouse CI found of every demand on every page, looked at in one form."""
    chrome = find_chromium(*WHOLE) or sys.exit(MISSING)
    environment = os.environ | {"FORM": form, "SITE": str(site.resolve()), "CHROME_PATH": chrome}
    command = [str(lhci.resolve()), "--no-lighthouserc", f"--config={CONFIG}"]
    with tempfile.TemporaryDirectory() as folder:
        addresses = [f"--url=http://localhost/{page}" for page in pages]
        if subprocess.run(
            [*command, "collect", *addresses], cwd=folder, env=environment
        ).returncode:
            sys.exit("Lighthouse CI could not look at every page; what it said stands above")
        subprocess.run([*command, "assert"], cwd=folder, env=environment, capture_output=True)
        return json.loads(Path(folder, ".lighthouseci/assertion-results.json").read_text("utf-8"))


def row(page: str, form: str, results: list[dict]) -> str:
    """A line of the table: what the median run gave, missed targets in bold."""
    cells = []
    for result in results:
        text = f"{result.get('auditProperty') or result['auditId']} {result['actual']:.6g}"
        missed = f"**{text}, not {result['operator']} {result['expected']}**"
        cells.append(text if result["passed"] else missed)
    return f"| {page} | {form} | {'; '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("site", "lhci", "table"):
        parser.add_argument(name, type=Path)
    parser.add_argument("page", nargs="*", help="such as pairs/training; all, if none is given")
    asked = parser.parse_args()
    try:
        pages = choose(asked.site, asked.page)
    except ValueError as error:
        sys.exit(str(error))
    lines, good = [HEAD], True
    for form in FORMS:
        results = measured(asked.lhci, asked.site, pages, form)
        good &= all(result["passed"] for result in results)
        for page in pages:
            here = [result for result in results if urlparse(result["url"]).path == f"/{page}"]
            lines.append(row(page, form, here))
    table = "\n".join(lines)
    asked.table.write_text(table + "\n", "utf-8")
    print(f"{table}\nThe table is in {asked.table}.")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
