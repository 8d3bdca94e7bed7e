"""Take out of the pages what the theme and Jupyter Book add and this book does not use.

- FontAwesome's script (half a megabyte): the icons come from its web font without it.
- sphinx-thebe's handlers and style sheet: they declare one constant twice, an error on every page.
"""

import re
from pathlib import Path

SCRIPT = re.compile(r'\s*<script defer src="[^"]*scripts/fontawesome\.js[^"]*"></script>')


def drop_thebe(app) -> None:
    for name, listeners in app.events.listeners.items():
        app.events.listeners[name] = [
            listener
            for listener in listeners
            if not listener.handler.__module__.startswith("sphinx_thebe")
        ]
    styles = app.registry.css_files
    styles[:] = [style for style in styles if style[0] != "sphinx-thebe.css"]


def drop_script(app, exception) -> None:
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf-8")
        if (lean := SCRIPT.sub("", text)) != text:
            page.write_text(lean, "utf-8")
    for script in Path(app.outdir).glob("_static/scripts/fontawesome.js*"):
        script.unlink()


def setup(app) -> dict:
    drop_thebe(app)
    app.connect("build-finished", drop_script)
    return {"parallel_read_safe": True}
