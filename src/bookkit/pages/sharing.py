"""What a page tells search engines and previews of links: a sentence and a picture of the book.

sphinxext-opengraph writes it, as its settings in _config.yml say. This gives it the sentence,
`env.metadata[page]["sentence"]`: the question that a chapter answers, of another page the first
paragraph. (It would take the first 200 characters of a page, and of pages that Sphinx makes, such
as the search, it says nothing.)
"""

import html

from docutils import nodes
from docutils.utils.smartquotes import smartyPants

from bookkit import chapters

BOOK = "The CLIP Book: a contrastive vision-language model, built step by step."


def sentence(page: str, doctree: nodes.document) -> str:
    if page in chapters.names():
        return smartyPants(chapters.read(page).facts.question, "qDe")
    first = next(iter(doctree.findall(nodes.paragraph)), nodes.Text(BOOK))
    return " ".join(first.astext().split())


def describe(app, doctree) -> None:
    text = sentence(app.env.docname, doctree)
    doctree += nodes.meta(name="description", content=text)
    facts = {"sentence": text, "og:description": html.escape(text, quote=False)}
    app.env.metadata[app.env.docname].update(facts)


def describe_made(app, pagename, templatename, context, doctree) -> None:
    if doctree is None:
        context["metatags"] = f'<meta name="description" content="{BOOK}">'


def setup(app) -> dict:
    app.connect("doctree-read", describe)
    app.connect("html-page-context", describe_made)
    return {"parallel_read_safe": True}
