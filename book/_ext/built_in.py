"""The page of the API, made from docstrings.

A docstring names the chapter that builds a thing ("Built in: book/pairs/similarity-matrix"); that
name becomes a link. A default that dataclasses make anew each time is shown as "...".
"""

import re

NAME = re.compile(r"\bbook/([\w-]+/[\w-]+)")


def link(app, what, name, obj, options, lines: list[str]) -> None:
    """Change a docstring's lines in place; a chapter that the book does not hold (yet) stays text."""

    def role(match: re.Match) -> str:
        return f":doc:`/{match[1]}`" if match[1] in app.env.found_docs else match[0]

    lines[:] = [NAME.sub(role, line) for line in lines]


def shorten(app, what, name, obj, options, signature, returns) -> tuple[str, str] | None:
    """Python can't parse "<factory>", and Sphinx then shows types as they stand."""
    return signature and (signature.replace("<factory>", "..."), returns)


def setup(app) -> dict:
    app.connect("autodoc-process-docstring", link)
    app.connect("autodoc-process-signature", shorten)
    return {"parallel_read_safe": True}
