"""Print the built site into one PDF: python -m bookkit.pdf <site> <file>

The articles of all pages go into one document, so that links between chapters stay links. Chromium
prints it twice: the first printing tells on which page each chapter begins, the second has these
numbers in its table of contents (it knows no `target-counter`). pdf.css does what a style sheet
can: it numbers pages, opens answers and leaves out what paper can't use.
"""

import argparse
import html
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader

from bookkit import ROOT, chapters
from bookkit.browser import MISSING, chromium, find_chromium

TITLE = "The CLIP Book"
OF_SCREENS = (
    "script, .headerlink, noscript, .page-links, .guess, .prediction > summary, .code-purpose,"
    " .exercise-filter, a[download]"
)


def anchor(page: str, fragment: str = "") -> str:
    """The id in the one document of a place on a page."""
    return re.sub(r"[^\w-]", "-", page) + (f"--{fragment}" if fragment else "")


def article(site: Path, page: str, pages: list[str]) -> Tag:
    """A page's article, with ids and links made those of the one document."""
    here = site / f"{page}.html"
    soup = BeautifulSoup(here.read_text("utf-8"), "html.parser")
    found: Any = soup.select_one("article.bd-article")  # our own pages have what is asked for
    for useless in found.select(OF_SCREENS):
        useless.decompose()
    for fold in found.select("details.prediction"):
        fold.unwrap()
    for element in found.select("[id]"):
        if element.find_parent("svg") is None and element.name != "svg":
            element["id"] = anchor(page, element["id"])
    found["id"] = anchor(page)
    for image in found.select("img[src]"):
        if not image["src"].startswith(("data:", "http")):
            image["src"] = (here.parent / unquote(image["src"])).resolve().as_uri()
    for link in found.select("[href]"):
        target, fragment = urldefrag(link["href"])
        if ":" in target:
            continue
        path = (here.parent / unquote(target)).resolve() if target else here.resolve()
        name = path.with_suffix("").relative_to(site.resolve()).as_posix()
        if name in pages:
            link["href"] = f"#{anchor(name, unquote(fragment))}"
        else:
            del link["href"]
    for summary in found.select("details.hide > summary"):
        if "solution" in summary.get_text():
            summary.parent["open"] = ""
            summary.string = "Check" if "check" in summary.get_text() else "Solution"
    return found


def contents(book, articles: dict, numbers: dict[str, int]) -> str:
    """The table of contents: a line a page, with its number where it is known."""
    lines = []
    for caption, pages in book:
        if caption:
            lines.append(f'<li class="part">{html.escape(caption)}</li>')
        for page in pages:
            title = html.escape(articles[page].find("h1").get_text().strip())
            number = numbers.get(page, 0) or "000"
            lines.append(f'<li><a href="#{anchor(page)}"><span>{title}</span>{number}</a></li>')
    return f'<div class="contents"><h1>Contents</h1><ol>{"".join(lines)}</ol></div>'


def document(site: Path, book, articles: dict, numbers: dict[str, int]) -> str:
    """The one document as HTML."""
    head: Any = BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser").head
    base = site.resolve().as_uri()
    styles = [link["href"].split("?")[0] for link in head.select("link[rel=stylesheet]")]
    sheets = "".join(f'<link rel="stylesheet" href="{base}/{href}">' for href in styles)
    own = Path(__file__).with_suffix(".css").read_text("utf-8")
    cover = f'<div class="cover"><img src="{base}/_static/logo.svg" alt=""><h1>{TITLE}</h1></div>'
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{TITLE}</title>{sheets}<style>{own}</style></head>"
        f'<body><div class="bd-content">{cover}{contents(book, articles, numbers)}'
        f"{''.join(map(str, articles.values()))}</div></body></html>"
    )


def printed(browser, text: str, target: Path) -> None:
    """Print HTML into a PDF, with an outline made of its headings."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "book.html"
        source.write_text(text, "utf-8")
        tab = browser.new_page()
        tab.goto(source.as_uri(), wait_until="load", timeout=120_000)
        tab.evaluate("() => document.fonts.ready")
        tab.pdf(
            path=target, prefer_css_page_size=True, print_background=True, outline=True, tagged=True
        )
        tab.close()


def starts(target: Path, articles: dict) -> dict[str, int]:
    """The page of the PDF, from 1, on which each page of the book begins."""
    reader = PdfReader(target)
    numbers = {}
    for page in articles:
        number = reader.get_destination_page_number(reader.named_destinations[f"/{anchor(page)}"])
        assert number is not None, page
        numbers[page] = number + 1
    return numbers


def make(browser, site: Path, target: Path, toc: Path = ROOT / "_toc.yml") -> dict[str, int]:
    """Print the site's pages into `target`; return on which page each begins.

    Raises:
        FileNotFoundError: a page of the table of contents is not in the site; build it first.
    """
    book = chapters.parts(toc)
    pages = [page for _, some in book for page in some]
    articles = {page: article(site, page, pages) for page in pages}
    numbers: dict[str, int] = {}
    for _ in range(2):
        printed(browser, document(site, book, articles, numbers), target)
        numbers = starts(target, articles)
    return numbers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("file", type=Path)
    asked = parser.parse_args()
    site, target = asked.site, asked.file
    if not (site / "index.html").is_file():
        sys.exit(f"there is no site in {site}; make site builds it")
    if find_chromium() is None:
        sys.exit(MISSING)
    with chromium("--allow-file-access-from-files") as browser:
        make(browser, site, target)
    print(f"{target}: {len(PdfReader(target).pages)} pages, {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
