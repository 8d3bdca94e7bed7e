"""The map of the model, in two sizes, and the list of what the book holds.

- `{model-map}` on the cover is replaced by book/images/map-wide.svg and map-narrow.svg. A part of a
  drawing that names a page (data-page="text/tokenization") becomes a link to it.
- Each chapter gets a small map after its opening, with its own part lit.
- `{contents-list}` is replaced by the pages of _toc.yml, part by part, each with the question that
  it answers, if it begins with one (see sharing.py), and the minutes that it takes.

A link to a page that the book does not hold (yet) is left out; its words stay.
"""

import functools
import html
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from bookkit import chapters
from bookkit.pages.reading import minutes

SVG = "{http://www.w3.org/2000/svg}"
# What flows in each row of the small map; a chapter stands in the row of its part, with the word
# that its facts name.
ROWS = {
    "text": "captions",
    "image": "pictures",
    "pairs": "pairs",
    "real": "real",
    "language": "language",
    "scale": "at scale",
}
WHOLE = "start/contrastive-learning"  # the chapter that is about all of it
GRID = '<span class="band-grid" aria-hidden="true">' + "<i></i>" * 9 + "</span>"


def linked(drawing: str, address: dict[str, str]) -> str:
    """An SVG with links: `address` gives the link of each page that the book holds.

    A linked part is named by the words of its class "name" (else by all of its words), so that what
    a screen reader says is what stands there.
    """
    ET.register_namespace("", SVG[1:-1])
    root = ET.fromstring(drawing)
    for part in root.iter(f"{SVG}g"):
        page = part.attrib.pop("data-page", None)
        if page not in address:
            continue
        part.tag = f"{SVG}a"
        part.set("href", address[page])
        part.attrib.pop("role", None)
        part.attrib.pop("aria-label", None)
        names = [child for child in part if "name" in _classes(child)]
        for child in part:
            if names and child not in names:
                child.set("aria-hidden", "true")
    return ET.tostring(root, encoding="unicode")


def _classes(element: ET.Element) -> list[str]:
    """Classes of an element and of those within it."""
    return " ".join(e.get("class", "") for e in element.iter()).split()


@functools.cache
def steps() -> dict[str, str]:
    """The word of each chapter that stands in the small map, in the order of the contents."""
    words = {chapter.page: chapter.facts.band for chapter in chapters.read_all()}
    return {page: word for page, word in words.items() if word}


def band(page: str, address: dict[str, str], words: dict[str, str]) -> str:
    """The small map of a page: a line of steps for each row, the page's own one marked."""
    lines = []
    for kind, start in ROWS.items():
        items = [f'<li class="band-start">{start}</li>']
        for target, word in words.items():
            if not target.startswith(f"{kind}/"):
                continue
            picture = GRID if target == "pairs/similarity-matrix" else ""
            inside = f"{picture}<span>{html.escape(word)}</span>"
            if target == page:
                inside = f'<strong aria-current="page">{inside}</strong>'
            elif target in address:
                inside = f'<a href="{html.escape(address[target])}">{inside}</a>'
            items.append(f"<li>{inside}</li>")
        lines.append(f'<ol class="band-{kind}">{"".join(items)}</ol>')
    state = "" if page == WHOLE else " band-lit"
    label = "The model, part by part"
    return f'<nav class="band{state}" aria-label="{label}">{"".join(lines)}</nav>'


class placeholder(nodes.General, nodes.Element):
    """Where a directive of this extension stood; `what` is its name."""


class Placeholder(SphinxDirective):
    """A directive without content, filled in when all pages are known."""

    def run(self) -> list[nodes.Node]:
        return [placeholder(what=self.name)]


def cover_map(app, docname: str) -> list[nodes.Node]:
    drawings = []
    for name in ("map-wide.svg", "map-narrow.svg"):
        path = Path(app.srcdir) / "images" / name
        text = path.read_text("utf-8")
        pages = set(re.findall(r'data-page="([^"]+)"', text))
        drawings.append(linked(text, addresses(app, docname, pages)))
    return [nodes.raw("", f'<div class="cover-map">{"".join(drawings)}</div>', format="html")]


def contents_list(app, docname: str) -> list[nodes.Node]:
    made = []
    for toctree in app.env.get_doctree(docname).findall(addnodes.toctree):
        if toctree["caption"]:
            made.append(nodes.rubric("", toctree["caption"]))
        items = nodes.bullet_list(classes=["contents-list"])
        for page in toctree["includefiles"]:
            link = nodes.reference(
                "",
                app.env.titles[page].astext(),
                refuri=app.builder.get_relative_uri(docname, page),
            )
            asked = app.env.metadata[page].get("sentence", "")
            after = f" {asked}" if asked.endswith("?") else ""
            line = nodes.paragraph("", "", link, nodes.inline("", after, classes=["asked"]))
            if page in minutes():
                line += nodes.inline("", f" {minutes()[page]} minutes", classes=["minutes"])
            items += nodes.list_item("", line)
        made.append(items)
    return made


def addresses(app, docname: str, pages) -> dict[str, str]:
    """Links from a page to those of `pages` that the book holds."""
    held = [page for page in pages if page in app.env.found_docs]
    return {page: app.builder.get_relative_uri(docname, page) for page in held}


def fill(app, doctree, docname: str) -> None:
    if app.builder.format != "html":
        return
    makers = {"model-map": cover_map, "contents-list": contents_list}
    for node in list(doctree.findall(placeholder)):
        if node["what"] in makers:
            node.replace_self(makers[node["what"]](app, docname))
    if docname in [*steps(), WHOLE]:
        small = band(docname, addresses(app, docname, steps()), steps())
        place(doctree, nodes.raw("", small, format="html"))


def place(doctree, node: nodes.Node) -> None:
    """Put a node behind the opening text of a page: before its first cell or its first section."""
    top = next(iter(doctree.findall(nodes.section)))
    opens = (nodes.section, nodes.container)  # a cell is a container
    after = [k for k, child in enumerate(top.children) if isinstance(child, opens)]
    top.insert(after[0] if after else len(top.children), node)


def write_cover_again(app, env) -> list[str]:
    """The cover says what stands on all other pages."""
    return [app.config.root_doc]


def setup(app) -> dict:
    app.add_node(placeholder)
    for name in ("model-map", "contents-list"):
        app.add_directive(name, Placeholder)
    app.connect("doctree-resolved", fill)
    app.connect("env-updated", write_cover_again)
    return {"parallel_read_safe": True}
