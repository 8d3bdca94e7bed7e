"""What a page tells search engines and previews of links: a sentence and a picture of the book.

The sentence is the question that the page answers, which a chapter has in bold in its first
paragraph; on other pages it is the first paragraph. It is kept as `env.metadata[page]["question"]`.
The picture's address must be absolute: it is where GitHub Pages serves the repository.
"""

import html
import re

from docutils import nodes

from bookkit.address import pages_address

PICTURE = "_static/preview.png"
PICTURE_SIZE = (1200, 630)
PICTURE_TEXT = "The CLIP Book: a grid of pictures and captions with a bright diagonal"
UNTITLED = {"search": "Search", "genindex": "Index"}  # their templates have the title


def question(doctree: nodes.document) -> str:
    """The bold question of the first paragraph; without one, that paragraph's first sentence."""
    for paragraph in doctree.findall(nodes.paragraph):
        for strong in paragraph.findall(nodes.strong):
            if strong.astext().endswith("?"):
                return " ".join(strong.astext().split())
        text = " ".join(paragraph.astext().split())
        return re.split(r"(?<=[.?!]) ", text)[0]
    return ""


def tags(title: str, description: str, page: str, site: str) -> str:
    """The meta elements of a page's head."""
    properties = {
        "og:type": "website" if page == "index" else "article",
        "og:site_name": "The CLIP Book",
        "og:title": title,
        "og:description": description,
        "og:url": f"{site}/" if page == "index" else f"{site}/{page}.html",
        "og:image": f"{site}/{PICTURE}",
        "og:image:width": str(PICTURE_SIZE[0]),
        "og:image:height": str(PICTURE_SIZE[1]),
        "og:image:alt": PICTURE_TEXT,
    }
    names = {"description": description, "twitter:card": "summary_large_image"}
    kinds = {"property": properties, "name": names}
    return "\n".join(
        f'<meta {kind}="{key}" content="{html.escape(value)}">'
        for kind, values in kinds.items()
        for key, value in values.items()
        if value
    )


def keep_question(app, doctree) -> None:
    app.env.metadata[app.env.docname]["question"] = question(doctree)


def add_tags(app, pagename, templatename, context, doctree) -> None:
    written = context.get("title") or UNTITLED.get(pagename, app.config.project)
    title = html.unescape(re.sub(r"<[^>]+>", "", written))
    site = pages_address(app.config.html_theme_options["repository_url"])
    asked = app.env.metadata.get(pagename, {}).get("question", "")
    description = asked or f"{title}: a page of The CLIP Book."
    context["metatags"] = context.get("metatags", "") + tags(title, description, pagename, site)


def setup(app) -> dict:
    app.connect("doctree-read", keep_question)
    app.connect("html-page-context", add_tags)
    return {"parallel_read_safe": True}
