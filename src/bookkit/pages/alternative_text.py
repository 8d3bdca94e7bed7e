"""Fail the build where a picture has no alternative text.

A figure that a cell draws takes its text from the cell's metadata (see CONTRIBUTING.md, Figures).
This is an error, not a warning: after a warning the page would be kept, and the next build pass.
"""

from docutils import nodes
from sphinx.errors import ExtensionError

REMEDY = 'say what it shows in the cell\'s metadata: mystnb={"image": {"alt": "What it shows."}}'


def nameless(doctree: nodes.document) -> list[nodes.image]:
    """The pictures of a page that have no alternative text, or none but white space."""
    return [image for image in doctree.findall(nodes.image) if not image.get("alt", "").strip()]


def check(app, doctree) -> None:
    if found := nameless(doctree):
        lines = sorted({str(image.line or getattr(image.parent, "line", None)) for image in found})
        raise ExtensionError(
            f"{app.env.docname}: {len(found)} picture(s) without alternative text "
            f"(near line {', '.join(lines)}); {REMEDY}"
        )


def setup(app) -> dict:
    app.connect("doctree-read", check)
    return {"parallel_read_safe": True}
