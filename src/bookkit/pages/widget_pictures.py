"""Put a still picture beside each widget, for print and for browsers without scripts.

The picture is the widget itself: a headless Chromium draws its state, as a built page does, and
takes a snapshot. The page gets

    <div class="widget" data-widget="Name" data-model-id="...">
      <img class="widget-picture" ...>
      view
    </div>

where book.css hides the picture once the host script has set `data-hydrated` on the wrapper. Its
alternative text is the widget's trait `alternative`; where no Chromium is, that text stands there
itself. Snapshots are kept in _build/widget-pictures, by a digest of all that they are drawn from.

What a reader has written, a caption say, is in the state that a page embeds. In a script element
`<!--` and `<script` would keep HTML from seeing where the element ends, so it holds no `<` at all.
"""

import base64
import concurrent.futures
import contextlib
import functools
import hashlib
import html
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ext import NbMetadataCollector
from PIL import Image
from sphinx.util import logging

from bookkit import BUILD, ROOT
from bookkit.browser import chromium, find_chromium
from bookkit.live.files import ESBUILD

SOURCES = {"_css": "css", "_esm": "js"}
"""Of a widget: where its state has them, and what esbuild calls their kinds."""

VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.S
)
STILL = "_still"  # where a model's state holds its picture on the way; no trait begins so
HOST = ROOT / "src/clipbook/widgets/static_host.js"
WIDTH = 700  # px, of a page's text column
COLOURS = 128  # no eye misses more, and a widget weighs half as much
PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><style>
body {{ margin: 0; padding: 4px; width: {width}px; font: 16px/1.5 system-ui, sans-serif }}
body {{ background: #fff; color: #323232 }}</style>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<div class="widget" data-model-id="widget"><script type="application/vnd.jupyter.widget-view+json">
{{"model_id": "widget"}}</script></div><script>{host}</script></html>"""
log = logging.getLogger(__name__)


class Camera:
    """One browser for all snapshots of a build, started when the first is taken.

    It runs in a thread of its own: Playwright leaves a running event loop behind in the thread that
    it is called from, and there notebooks would no longer be executed.
    """

    browser: Any = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closing = contextlib.ExitStack()
        self.thread = concurrent.futures.ThreadPoolExecutor(max_workers=1)

    def picture(self, model: dict) -> str | None:
        """The data URI of a widget's snapshot; None where no Chromium is."""
        page = drawn_page(model)
        digest = hashlib.sha256(page.encode() + Path(__file__).read_bytes()).hexdigest()
        path = self.folder / f"{digest[:32]}.webp"
        if not path.exists():
            if find_chromium() is None:
                return None
            self.folder.mkdir(parents=True, exist_ok=True)
            snapshot = self.thread.submit(self._take, page).result()
            path.write_bytes(compact(snapshot))
        return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode()

    def _take(self, page: str) -> bytes:
        """A PNG of the widget that a page shows, once nothing in it changes any more."""
        if self.browser is None:
            self.browser = self.closing.enter_context(chromium())
        tab = self.browser.new_page(viewport={"width": WIDTH + 8, "height": 900})
        tab.set_content(page)
        tab.locator(".widget[data-hydrated]").wait_for(timeout=60_000)
        snapshot = tab.locator("body").screenshot()
        for _ in range(20):
            before, snapshot = snapshot, tab.locator("body").screenshot()
            if snapshot == before:  # else a picture in it has come late
                break
        tab.close()
        return snapshot

    def close(self) -> None:
        self.thread.submit(self.closing.close).result()
        self.thread.shutdown()


def drawn_page(model: dict) -> str:
    """The page that a widget is drawn in; nothing else decides what its snapshot looks like."""
    state = {name: value for name, value in model["state"].items() if name != "layout"}
    models = {"widget": model | {"state": state}}
    embedded = in_script({"version_major": 2, "version_minor": 0, "state": models})
    return PAGE.format(width=WIDTH, state=embedded, host=HOST.read_text("utf-8"))


def compact(png: bytes) -> bytes:
    """The smaller WebP: without loss but of few colours, or, of a photograph, with loss."""
    exact, lossy = io.BytesIO(), io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    few = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.convert("RGB").save(exact, "WEBP", lossless=True, quality=100)
    image.save(lossy, "WEBP", quality=50, method=6)
    return min(exact.getvalue(), lossy.getvalue(), key=len)


def size_of(picture: str) -> tuple[int, int]:
    """Width and height in pixels."""
    return Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))).size


def in_script(value: dict) -> str:
    """JSON for a script element, whatever its texts hold: neither a tag nor a comment is in it."""
    return json.dumps(value, separators=(",", ":")).replace("<", r"\u003c")


@functools.cache
def minified(source: str, kind: str) -> str:
    """A widget's script or style sheet as pages have it, half as long: each widget has its own."""
    options = ["--minify", f"--loader={kind}", "--target=es2022", "--log-level=warning"]
    done = subprocess.run(
        [ESBUILD, *options], input=source, stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    return done.stdout


def wrapped(view: str, states: dict) -> str:
    """A view's script in its wrapper, with its model's still picture, or else its words."""
    match = VIEW.fullmatch(view)
    assert match, view
    model = json.loads(match[1])["model_id"]
    state = states.get(model, {}).get("state", {})
    picture, alternative = state.get(STILL), html.escape(state.get("alternative", ""))
    still = f'<p class="widget-picture">{alternative}</p>' if alternative else ""
    room = ""
    if picture:  # with its size, so that the page does not jump while it decodes
        width, height = size_of(picture)
        source = f'src="{html.escape(picture)}" width="{width}" height="{height}"'
        still = f'<img class="widget-picture" {source} alt="{alternative}">'
        room = f' style="--still: {height}px"'
    name = html.escape(state.get("_anywidget_id", "").rpartition(".")[2])
    wrapper = f'class="widget" data-widget="{name}" data-model-id="{html.escape(model)}"{room}'
    return f"<div {wrapper}>{still}{view}</div>"


def place_pictures(app, doctree) -> None:
    files = NbMetadataCollector.get_js_files(app.env, app.env.docname)
    if "ipywidgets_state" not in files:
        return
    embedded = json.loads(files["ipywidgets_state"][1]["body"])
    models = embedded["state"]
    for node in list(doctree.findall(nodes.raw)):
        if match := VIEW.fullmatch(node.astext()):
            model = models.get(json.loads(match[1])["model_id"], {})
            if "_esm" in model.get("state", {}):
                model["state"][STILL] = app.widget_camera.picture(model)
            node.replace_self(nodes.raw("", wrapped(node.astext(), models), format="html"))
    first = False
    for model in models.values():
        state = model["state"]
        state.pop(STILL, None)
        sources = {
            name: minified(state.pop(name), SOURCES[name]) for name in SOURCES.keys() & state.keys()
        }
        # gzip looks back 32 kB: scripts of neighbours stand side by side, so the second is free
        sources = dict(sorted(sources.items(), reverse=first))
        model["state"] = sources | state if first else state | sources
        first ^= bool(sources)
    files["ipywidgets_state"][1]["body"] = in_script(embedded)


def open_camera(app) -> None:
    app.widget_camera = Camera(BUILD / "widget-pictures")
    if find_chromium() is None:
        log.info("no Chromium (apt-get install chromium): words stand where no picture is kept")


def setup(app) -> dict:
    app.connect("builder-inited", open_camera)
    app.connect("doctree-read", place_pictures)
    app.connect("build-finished", lambda app, exception: app.widget_camera.close())
    return {"parallel_read_safe": True}
