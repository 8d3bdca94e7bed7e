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
from bookkit.browser import MISSING, find_chromium

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
    chrome = find_chromium() or sys.exit(MISSING)
    told = os.environ | {"FORM": form, "SITE": str(site.resolve()), "CHROME_PATH": chrome}
    command = [str(lhci.resolve()), "--no-lighthouserc", f"--config={CONFIG}"]
    with tempfile.TemporaryDirectory() as folder:
        addresses = [f"--url=http://localhost/{page}" for page in pages]
        if subprocess.run([*command, "collect", *addresses], cwd=folder, env=told).returncode:
            sys.exit("Lighthouse CI could not look at every page; what it said stands above")
        subprocess.run([*command, "assert"], cwd=folder, env=told, capture_output=True)
        return json.loads(Path(folder, ".lighthouseci/assertion-results.json").read_text("utf-8"))


def row(page: str, form: str, found: list[dict]) -> str:
    """A line of the table: what the median run gave, missed targets in bold."""
    said = []
    for one in found:
        text = f"{one.get('auditProperty') or one['auditId']} {one['actual']:.6g}"
        missed = f"**{text}, not {one['operator']} {one['expected']}**"
        said.append(text if one["passed"] else missed)
    return f"| {page} | {form} | {'; '.join(said)} |"


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
    lines, kept = [HEAD], True
    for form in FORMS:
        results = measured(asked.lhci, asked.site, pages, form)
        kept &= all(one["passed"] for one in results)
        for page in pages:
            found = [one for one in results if urlparse(one["url"]).path == f"/{page}"]
            lines.append(row(page, form, found))
    table = "\n".join(lines)
    asked.table.write_text(table + "\n", "utf-8")
    print(f"{table}\nThe table is in {asked.table}.")
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
