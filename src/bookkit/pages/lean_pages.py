"""Let a page ask for no more than it uses, and for nothing that keeps its text from being drawn.

The theme and Jupyter Book load all that any book might need. When the pages are written, each one

- gets one style sheet instead of ten (lean_styles.py) and no hints to load scripts before it;
- knows whether it is light or dark when it is first drawn, not when the theme's script comes;
- loads its scripts deferred, and those of search and tabs only where there is a search or a tab;
- carries the state of its widgets at its end, behind the text, instead of in its head;
- loads pictures lazily, with their sizes, as WebP where that is smaller;
- lays code out when it comes near, in a room of its size, since each of its words is an element.

sphinx-thebe's handlers and style sheet go too: they declare one constant twice, an error on every
page. Every page is written anew at each build, so what is done here starts from the theme's own
page, and a chapter that is gone leaves no page behind.
"""

import html
import io
import re
from pathlib import Path

from PIL import Image

from bookkit.pages import accessible_pages, lean_styles

HINT = re.compile(r'\s*<link rel="preload" as="script"[^>]*>')
SCRIPT = re.compile(r'<script(?P<attributes>[^>]*\ssrc="(?P<source>[^"?]*)[^"]*"[^>]*)></script>')
OPTION = re.compile(r"<script>(?=DOCUMENTATION_OPTIONS\.)")
STATE = re.compile(
    r'\s*<script type="application/vnd\.jupyter\.widget-state\+json">.*?</script>', re.S
)
CODE = re.compile(r'(?P<before><div class="highlight"><pre>)(?P<text>.*?)</pre>', re.S)
TAG = re.compile("<[^>]*>")
IMAGE = re.compile(r'<img (?P<attributes>[^>]*?src="(?P<source>[^":]+)"[^>]*?)\s*/?>')

THEME = 'dataset.theme = localStorage.getItem("theme") || "auto";'
SYSTEM = """
    if (document.documentElement.dataset.mode === "auto")
      document.documentElement.dataset.theme =
        matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";"""

LARGE = 30_000  # bytes; a drawing without loss is smaller, a photograph is not

# Scripts that the theme puts into every page, and what a page that uses them contains.
USED_BY = {
    "fontawesome.js": None,  # half a megabyte; the icons come from its web font without it
    "searchtools.js": 'id="search-results"',
    "language_data.js": 'id="search-results"',
    "searchindex.js": 'id="search-results"',
    "design-tabs.js": 'class="sd-tab-set',
}


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


def lean_scripts(text: str) -> str:
    """The page with the scripts that it uses, none of which blocks; their order is kept."""

    def rewrite(script: re.Match) -> str:
        marks = USED_BY.get(Path(script["source"]).name, "")
        if marks is None or marks not in text:
            return ""
        if re.search(r"\b(defer|async)\b", script["attributes"]):
            return script[0]
        return f"<script defer{script['attributes']}></script>"

    # Modules wait as deferred scripts do, in one order with them.
    return OPTION.sub('<script type="module">', SCRIPT.sub(rewrite, HINT.sub("", text)))


def early_theme(text: str) -> str:
    """The page, light or dark from the start where the reader left that to the system."""
    return text.replace(THEME, THEME + SYSTEM)


def state_last(text: str) -> str:
    """The page with the state of its widgets at the end of its body."""
    states = "".join(STATE.findall(text))
    head, end, tail = STATE.sub("", text).rpartition("</body>")
    return head + states.lstrip() + end + tail


def late_code(text: str) -> str:
    """The page, whose code says how many lines and columns it has; book.css keeps room for them."""

    def rewrite(code: re.Match) -> str:
        lines = html.unescape(TAG.sub("", code["text"])).rstrip("\n").split("\n")
        room = f"--lines: {len(lines)}; --columns: {max(map(len, lines))}"
        return f'{code["before"]}<span class="late" style="{room}">{code["text"]}</span></pre>'

    return CODE.sub(rewrite, text)


def sized_images(text: str, folder: Path) -> str:
    """The page, in `folder`, with pictures that load when they come near and hold their place."""

    def rewrite(image: re.Match) -> str:
        attributes, file = image["attributes"], folder / image["source"]
        if " loading=" not in f" {attributes}":
            attributes += ' loading="lazy"'
        raster = file.suffix in {".png", ".webp", ".jpg"} and file.exists()
        if raster and not re.search(r"\b(width|height)=\"", attributes):
            with Image.open(file) as picture:
                attributes += ' width="{}" height="{}"'.format(*picture.size)
            # A width in the style, as Sphinx writes it, leaves the height to these two's ratio.
            attributes = attributes.replace('style="width:', 'style="height: auto; width:')
        return f"<img {attributes}>"

    return IMAGE.sub(rewrite, text)


def webp_copies(folder: Path) -> dict[str, str]:
    """New names of the PNG files in `folder` that are smaller as WebP, which replaces them.

    Drawings stay exact. What is still large then holds a photograph, in which nobody sees the loss.
    """
    names = {}
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            copies = [_webp(picture, lossless=True, quality=90)]
            if len(copies[0]) > LARGE:
                copies.append(_webp(picture, quality=60))
        smallest = min(copies, key=len)
        if len(smallest) < path.stat().st_size:
            names[path.name] = path.with_suffix(".webp").name
            path.with_suffix(".webp").write_bytes(smallest)
            path.unlink()
    return names


def _webp(picture: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, "webp", method=6, **options)
    return file.getvalue()


def make_lean(app, exception) -> None:
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    names = webp_copies(site / "_images") | webp_copies(site / "_static/images")
    pages = {page: page.read_text("utf-8") for page in site.rglob("*.html")}
    pages = {page: text for page, text in pages.items() if "</body>" in text}
    for page, text in pages.items():
        text = late_code(state_last(lean_scripts(early_theme(accessible_pages.mended(text)))))
        text = re.sub(r"[\w.-]+\.png\b", lambda name: names.get(name[0], name[0]), text)
        pages[page] = sized_images(text, page.parent)
    for page, text in lean_styles.one_sheet(site, pages).items():
        page.write_text(text, "utf-8")
    for script in site.glob("_static/scripts/*.map"):
        script.unlink()


def setup(app) -> dict:
    drop_thebe(app)
    app.connect("builder-inited", drop_pages)
    app.connect("build-finished", make_lean, priority=900)  # after those that write pages
    return {"parallel_read_safe": True}
