"""Let pages share one small style sheet, and let pictures be WebP where that is smaller.

Both depend on all pages at once, so finished pages are changed: lean_styles.py makes the sheet.
What a page asks for is in templates/layout.html, what it holds in markup.py.

sphinx-thebe's handlers and style sheet go too: they declare one constant twice, an error on every
page. Every page is written anew at each build, so what is done here starts from the theme's own
page, and a chapter that is gone leaves no page behind.
"""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from bookkit.pages import lean_styles

LARGE = 30_000  # bytes; a drawing without loss is smaller, a photograph is not


def drop_thebe(app) -> None:
    for name, listeners in app.events.listeners.items():
        app.events.listeners[name] = [
            listener
            for listener in listeners
            if not listener.handler.__module__.startswith("sphinx_thebe")
        ]
    styles = app.registry.css_files
    styles[:] = [style for style in styles if style[0] != "sphinx-thebe.css"]


def drop_pages(app) -> None:
    if app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            page.unlink()


def webp_copies(folder: Path) -> dict[str, str]:
    """New names of the PNG files in `folder` that are smaller as WebP, which replaces them.

    Drawings stay exact. What is still large then holds a photograph, in which nobody sees the loss.
    """
    names = {}
    paths = list(folder.glob("*.png"))
    with ThreadPoolExecutor() as threads:
        for path, smallest in zip(paths, threads.map(_smallest, paths), strict=True):
            if len(smallest) < path.stat().st_size:
                names[path.name] = path.with_suffix(".webp").name
                path.with_suffix(".webp").write_bytes(smallest)
                path.unlink()
    return names


def _smallest(path: Path) -> bytes:
    with Image.open(path) as picture:
        copies = [_webp(picture, lossless=True, quality=90)]
        if len(copies[0]) > LARGE:
            copies.append(_webp(picture, quality=55))
    return min(copies, key=len)


def _webp(picture: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, "webp", method=6, **options)
    return file.getvalue()


def make_lean(sheets, app, exception) -> None:
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    names = webp_copies(site / "_images") | webp_copies(site / "_static/images")
    pages = {page: page.read_text("utf-8") for page in site.rglob("*.html")}
    pages = {page: text for page, text in pages.items() if "</body>" in text}
    digest = lean_styles.one_sheet(site, list(sheets), pages)
    for page, text in pages.items():
        text = re.sub(r"[\w.-]+\.png\b", lambda name: names.get(name[0], name[0]), text)
        page.write_text(text.replace("lean.css?v=", f"lean.css?v={digest}"), "utf-8")
    for script in site.glob("_static/scripts/*.map"):
        script.unlink()


def setup(app) -> dict:
    drop_thebe(app)
    sheets: dict[str, None] = {}  # of all pages, in order

    def note(app, pagename, templatename, context, doctree) -> None:
        sheets.update(dict.fromkeys(lean_styles.linked(context["css_files"])))

    app.connect("builder-inited", drop_pages)
    app.connect("html-page-context", note, priority=900)  # after those that add one
    app.connect("build-finished", partial(make_lean, sheets), priority=900)  # or write pages
    return {"parallel_read_safe": True}
