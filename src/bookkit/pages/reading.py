"""How long a chapter takes, in the sidebar; what has been read is marked by scripts/reading.js.

The cover's list says it as well (model_map.py). What a reader has read is kept in the browser alone.
"""

import functools
import posixpath
import re

from bookkit import chapters

ENTRY = re.compile(r'(<a class="reference internal" href="([^"#]+)\.html">)(.*?)(</a>)', re.S)


@functools.cache
def minutes() -> dict[str, int]:
    """Minutes to read each chapter."""
    return {chapter.page: chapter.facts.minutes for chapter in chapters.read_all()}


def with_minutes(menu: str, page: str) -> str:
    """The sidebar's links with the minutes of those that lead to chapters; `page` holds them."""

    def add(entry: re.Match) -> str:
        there = posixpath.normpath(posixpath.join(posixpath.dirname(page), entry[2]))
        if there not in minutes():
            return entry[0]
        said = f'<span class="minutes"> {minutes()[there]}<span> minutes</span></span>'
        return f"{entry[1]}{entry[3]}{said}{entry[4]}"

    return ENTRY.sub(add, menu)


def change_sidebar(app, pagename, templatename, context, doctree) -> None:
    made = context.get("generate_toctree_html")
    if made is None:
        return

    def generate(kind: str, *arguments, **options):
        menu = made(kind, *arguments, **options)
        return with_minutes(menu, pagename) if kind == "sidebar" and menu else menu

    context["generate_toctree_html"] = generate


def setup(app) -> dict:
    app.add_js_file("reading.js", defer="defer")
    app.connect("html-page-context", change_sidebar, priority=900)  # after the theme's own
    return {"parallel_read_safe": True}
