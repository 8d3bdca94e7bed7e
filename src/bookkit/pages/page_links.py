"""What can be done with a page, in words under its title: Open in Colab, Download notebook, PDF, …

The notebook is the one for readers (colab/notebook.py): blank exercises with folded solutions, and
no hidden checks. It lies beside its page. The PDF is the one that `make pdf` printed last; a site
that is built without one has no link to it. An address that ends in #without-solutions shows and
prints the page without solutions and answers, and prints it without hints and checks (book.css).
"""

import html
import shutil
from pathlib import Path
from urllib.parse import quote

import nbformat
from docutils import nodes

from bookkit import BUILD, chapters, notebooks
from bookkit.address import address, opens
from bookkit.colab.notebook import for_readers
from bookkit.colab.publish import published

PDF = BUILD / "clip-book.pdf"


def links(page: str, title: str, root: str, pdf: bool) -> list[tuple[str, str, str]]:
    """Words, address and attributes of each link; `root` leads from the page to the site."""
    made = []
    source = f"{page}.md"
    if page in notebooks.sources():
        name = f"{page.rpartition('/')[2]}.ipynb"
        made = [
            ("Open in Colab", opens(address(), page), ""),
            ("Download notebook", name, " download"),
        ]
        source = f"{page}.py"
    if pdf:
        made.append(("PDF of the book", f"{root}{PDF.name}", ""))
    report = f"{address()}/issues/new?title={quote(title + ': ')}"
    return [
        *made,
        ("Edit", f"{address()}/edit/main/book/{source}", ""),
        ("Report a mistake", report, ""),
    ]


CODE = '<li><button type="button" class="code-all" aria-pressed="false">Show all code</button></li>'


SOLUTIONS = [
    ("Without solutions", "#without-solutions", ' id="without-solutions"'),
    ("With solutions", "#with-solutions", ' id="with-solutions"'),
]
"""One of them is shown at a time (book.css)."""


def written(made: list[tuple[str, str, str]], code: bool = False) -> str:
    items = "".join(
        f'<li><a href="{html.escape(there)}"{more}>{words}</a></li>' for words, there, more in made
    )
    return f'<nav class="page-links" aria-label="This page"><ul>{items}{CODE * code}</ul></nav>'


def place(app, doctree, docname: str) -> None:
    if app.builder.format != "html":
        return
    top = next(iter(doctree.findall(nodes.section)))
    made = links(docname, top[0].astext(), "../" * docname.count("/"), PDF.exists())
    if docname in chapters.names():
        made += SOLUTIONS
    top.insert(1, nodes.raw("", written(made, docname in notebooks.sources()), format="html"))


def write(app, exception) -> None:
    """The notebooks, each beside its page, and the PDF."""
    if exception or app.builder.format != "html":
        return
    site, edition = Path(app.outdir), published()
    for page in notebooks.sources():
        if page in app.env.found_docs:
            made = for_readers(notebooks.notebook(page), page, edition)
            (site / f"{page}.ipynb").write_text(nbformat.writes(made) + "\n", "utf-8")
    if PDF.exists():
        shutil.copy(PDF, site)


def setup(app) -> dict:
    app.connect("doctree-resolved", place, priority=400)  # before the small map, which comes below
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
