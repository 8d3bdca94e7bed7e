"""How long a chapter takes, in the sidebar; what has been read is marked by scripts/reading.js.

The cover's list says it as well (model_map.py). What one has read is kept in the browser alone.
"""

import functools
import posixpath

from bs4 import BeautifulSoup

from bookkit import chapters


@functools.cache
def minutes() -> dict[str, int]:
    """Minutes to read each chapter."""
    return {chapter.page: chapter.facts.minutes for chapter in chapters.read_all()}


def add_minutes(menu: BeautifulSoup, page: str) -> None:
    """Add to the sidebar's links the minutes of the chapters they lead to; `page` holds them."""
    for link in menu.select("a[href]"):
        there = posixpath.join(posixpath.dirname(page), str(link["href"]).removesuffix(".html"))
        there = page if link["href"] == "#" else posixpath.normpath(there)
        if there in minutes():
            said = menu.new_tag("span", attrs={"class": "minutes"})
            said.string = f" {minutes()[there]}"
            words = menu.new_tag("span")
            words.string = " minutes"
            said.append(words)
            link.append(said)


def change_sidebar(app, pagename, templatename, context, doctree) -> None:
    made = context.get("generate_toctree_html")
    if made is None:
        return

    def generate(kind: str, *arguments, **options):
        menu = made(kind, *arguments, **options)
        if kind == "sidebar" and menu:
            add_minutes(menu, pagename)
        return menu

    context["generate_toctree_html"] = generate


def setup(app) -> dict:
    app.add_js_file("reading.js", defer="defer")
    app.connect("html-page-context", change_sidebar, priority=900)  # after the theme's own
    return {"parallel_read_safe": True}
