"""The page of the API, made from docstrings and from what the chapters say that they build."""

import functools

from bookkit import chapters


@functools.cache
def builders() -> dict[str, list[str]]:
    """The pages of the chapters that build a thing by hand, by its full name."""
    found: dict[str, list[str]] = {}
    for chapter in chapters.read_all():
        for name in chapter.facts.builds:
            found.setdefault(name, []).append(chapter.page)
    return found


def link(app, what, name, obj, options, lines: list[str]) -> None:
    """End a docstring in links to the chapters."""
    if pages := builders().get(name):
        lines += ["", f"Built in {' and '.join(f':doc:`/{page}`' for page in pages)}.", ""]


def shorten(app, what, name, obj, options, signature, returns) -> tuple[str, str] | None:
    """A default that dataclasses make anew each time is shown as "..."; Sphinx can't parse it."""
    return signature and (signature.replace("<factory>", "..."), returns)


def setup(app) -> dict:
    app.connect("autodoc-process-docstring", link)
    app.connect("autodoc-process-signature", shorten)
    return {"parallel_read_safe": True}
