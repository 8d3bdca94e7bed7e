"""The book on paper: `make pdf` prints the site into one file.

Here a third of it is printed: pages of each kind, which link to each other.
"""

from pathlib import Path

import pytest
import yaml

from bookkit import chapters
from tests.site.conftest import soup_of

PAGES = (
    "index", "start/contrastive-learning", "text/attention", "pairs/similarity-matrix",
    "real/emoji", "instructors/exercises", "reference/notation", "reference/glossary",
)  # fmt: skip

# One worker prints for all.
pytestmark = [
    pytest.mark.site,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.xdist_group("pdf"),
]


@pytest.fixture(scope="module")
def contents(tmp_path_factory) -> Path:
    """The table of contents, with these pages alone."""
    listed = [
        {"caption": part, "chapters": [{"file": page} for page in pages if page in PAGES]}
        for part, pages in chapters.parts()
        if part
    ]
    file = tmp_path_factory.mktemp("contents") / "_toc.yml"
    file.write_text(yaml.safe_dump({"root": PAGES[0], "parts": listed}), "utf-8")
    return file


@pytest.fixture
def toc(contents) -> list[str]:
    pages = chapters.pages(contents)
    assert set(pages) == set(PAGES)
    return pages


@pytest.fixture(scope="module")
def printed(browser, site, contents, tmp_path_factory):
    """The PDF, read, and on which of its pages (from 1) each page of the site begins."""
    from pypdf import PdfReader

    from bookkit import pdf

    target = tmp_path_factory.mktemp("pdf") / "book.pdf"
    starts = pdf.make(browser, site, target, contents)
    return PdfReader(target), starts


def titles(outline) -> list[str]:
    flat = []
    for entry in outline:
        flat += titles(entry) if isinstance(entry, list) else [entry.title]
    return flat


def test_every_page_is_in_the_outline_and_in_the_contents(printed, site, toc):
    reader, starts = printed
    listing = reader.pages[1 : min(starts.values()) - 1]
    listed = " ".join(" ".join(page.extract_text() for page in listing).split())
    for page in toc:
        soup = soup_of(site / f"{page}.html")
        title = soup.h1.find(string=True).strip()
        assert title in titles(reader.outline)
        assert f"{title} {starts[page]}" in listed


def test_chapter_begins_on_the_page_that_the_contents_name(printed, site, toc):
    reader, starts = printed
    assert sorted(starts.values()) == list(starts.values())
    for page in toc:
        soup = soup_of(site / f"{page}.html")
        words = reader.pages[starts[page] - 1].extract_text()
        assert soup.h1.find(string=True).strip() in " ".join(words.split())
        assert str(starts[page]) in words.split()


def test_links_between_chapters_stay_inside(printed, toc):
    reader, _ = printed
    links = [a.get_object() for p in reader.pages for a in p.get("/Annots", [])]
    inside = [link for link in links if "/Dest" in link or link.get("/A", {}).get("/D")]
    assert len(inside) >= len(toc)
    addresses = [link["/A"]["/URI"] for link in links if "/URI" in link.get("/A", {})]
    assert not [address for address in addresses if address.startswith("file:")]


def test_widgets_are_their_pictures_and_answers_are_open(printed):
    reader, starts = printed
    chapter = reader.pages[starts["pairs/similarity-matrix"] - 1 : starts["real/emoji"] - 1]
    text = " ".join(" ".join(page.extract_text() for page in chapter).split())
    assert "Only how high it is; it rises." in text
    assert "Set-up. On Colab" not in text
    assert len(reader.pages) > len(starts) + 8


def test_a_check_on_paper_is_not_called_a_solution(site, toc):
    from bookkit import pdf

    page = pdf.article(site, "pairs/contrastive-loss", toc)
    folds = page.select("[id*='exercise-'] details.hide")
    solutions = [one for one in folds if one.find_parent(class_="solution")]
    assert {one.summary.string for one in solutions} == {"Solution"}
    assert {one.summary.string for one in folds if one not in solutions} == {"Check"}
