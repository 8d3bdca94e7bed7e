"""Explain words of the glossary where a page uses them first.

The word becomes a link to its entry; scripts/glossary.js shows the explanation while it is pointed
at or has the focus. A word is left alone on the page that teaches it, to which its entry links, and
in headings, links, code and formulas.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

PAGE = "reference/glossary"
SAID = (nodes.reference, nodes.literal, nodes.math, nodes.title, nodes.strong, nodes.raw)
SHORTEST = 4  # letters; shorter ones, such as "key", are words of daily life
DAILY = {"caption", "negative", "score", "step", "twins"}  # words that a reader takes as they are
MOST = 12  # on a page: each is one more stop of the Tab key


def entries(glossary: nodes.document) -> dict[str, tuple[str, str, str]]:
    """Of each term: its id, what it means, and the page that teaches it."""
    made = {}
    for item in glossary.findall(nodes.definition_list_item):
        meaning = next(item.findall(nodes.definition))
        links = [link.get("refuri", "") for link in meaning.findall(nodes.reference)]
        teaches = re.sub(r"^\.\./|\.html.*$", "", links[-1]) if links else ""
        text = meaning.astext().strip()
        if links:
            text = text.removesuffix(list(meaning.findall(nodes.reference))[-1].astext()).strip()
        for term in item.findall(nodes.term):
            if len(term.astext()) >= SHORTEST and term.astext() not in DAILY:
                made[term.astext()] = (term["ids"][0], " ".join(text.split()), teaches)
    return made


def pattern(terms) -> re.Pattern[str]:
    """Any of the terms as whole words, the longest first, in the plural, too."""
    longest = sorted(map(re.escape, terms), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(longest)})(?=s?(?![\w-]))", re.I)


def explained(text: str, match: re.Match, entry: tuple, root: str) -> list[nodes.Node]:
    """The text's three parts, with a link for the term."""
    there, meaning, _ = entry
    link = nodes.reference("", match[0], refuri=f"{root}{PAGE}.html#{there}", classes=["explained"])
    link["reftitle"] = meaning
    return [nodes.Text(text[: match.start()]), link, nodes.Text(text[match.end() :])]


def explain(doctree: nodes.document, page: str, terms: dict[str, tuple[str, str, str]]) -> None:
    by_word = {term.lower(): entry for term, entry in terms.items() if entry[2] != page}
    places: set[str] = set()
    for paragraph in list(doctree.findall(nodes.paragraph)):
        texts = [text for text in paragraph.findall(nodes.Text) if not _said(text, paragraph)]
        while texts:
            text = texts.pop(0)
            left = [word for word, entry in by_word.items() if entry[0] not in places]
            match = pattern(left).search(text) if left and len(places) < MOST else None
            if match:
                entry = by_word[match[0].lower()]
                places.add(entry[0])
                parts = explained(text.astext(), match, entry, "../" * page.count("/"))
                text.parent.replace(text, [part for part in parts if part.astext()])
                texts.insert(0, parts[2])


def _said(text: nodes.Node, paragraph: nodes.Node) -> bool:
    """Whether a text is a link, code or the like already."""
    parent = text.parent
    while parent is not paragraph and not isinstance(parent, SAID):
        parent = parent.parent
    return parent is not paragraph


def resolve(app: Sphinx, doctree: nodes.document, page: str) -> None:
    env = app.env
    if app.builder.format != "html" or "/" not in page or PAGE not in env.found_docs:
        return
    if page.startswith(("reference/", "instructors/")):
        return
    if not hasattr(app, "glossary_entries"):
        resolved = env.get_and_resolve_doctree(PAGE, app.builder)
        app.glossary_entries = entries(resolved)  # type: ignore[attr-defined]
    explain(doctree, page, app.glossary_entries)  # type: ignore[attr-defined]


def setup(app) -> dict:
    app.add_js_file("glossary.js", defer="defer")
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True}
