"""Small inputs for the widgets' tests, and a page without kernel that shows widgets."""

import json
import pathlib

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
from ipywidgets.embed import dependency_state

from bookkit.browser import draw_widgets
from bookkit.pages import widget_pictures

COLOURS = ("red", "green", "blue", "yellow", "cyan", "magenta", "orange", "white")
WORDINGS = (
    "a {} {}",
    "a small {} {} above a large blue square",
    "there is a {} {} to the left of a yellow triangle",
    "one {} {} on a dark ground",
)
WIDGETS = pathlib.Path(__file__).parents[2] / "src" / "clipbook" / "widgets"
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
STATE_TYPE = "application/vnd.jupyter.widget-state+json"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def draw_pictures(count: int) -> list[PIL.Image.Image]:
    """Discs and squares of eight colours on a dark ground, 32 × 32 px."""
    images = []
    for place in range(count):
        image = PIL.Image.new("RGB", (32, 32), (30, 34, 40))
        pen = PIL.ImageDraw.Draw(image)
        shape = pen.ellipse if place % 2 == 0 else pen.rectangle
        shape((7, 7, 24, 24), fill=COLOURS[place % 8])
        images.append(image)
    return images


def word_captions(count: int) -> list[str]:
    """Captions of different lengths."""
    names = [(COLOURS[place % 8], ("disc", "square")[place % 2]) for place in range(count)]
    return [WORDINGS[place % 4].format(*name) for place, name in enumerate(names)]


def imagine_training(frames: int, rows: int, columns: int) -> np.ndarray:
    """Cosines (frames, rows, columns) whose diagonal emerges from noise."""
    noise = np.random.default_rng(0).normal(0, 0.25, (rows, columns))
    share = np.linspace(0, 1, frames)[:, None, None]
    mixed = (1 - share) * noise + share * (0.75 * np.eye(rows, columns) + 0.4 * noise)
    return np.clip(mixed, -1, 1)


@pytest.fixture
def make_matrix():
    """A maker of SimilarityMatrix widgets of a given size, with a training run of `frames`."""
    from clipbook.widgets import SimilarityMatrix

    def make(rows: int = 8, columns: int = 8, frames: int = 24, **options):
        options = {"steps": [50 * k for k in range(frames)]} | options
        run = options.pop("similarities", imagine_training(frames, rows, columns))
        return SimilarityMatrix(run, draw_pictures(rows), word_captions(columns), **options)

    return make


def embed(models: dict, views: list[str], pictures: dict[str, str], theme: str = "light") -> str:
    """A page as the book's build leaves it: a wrapper for each view, and the state of all models.

    Args:
        models: saved state by model id.
        views: model ids, in the order of the page.
        pictures: data URI of the still picture by model id; a view without one has no wrapper.
    """
    shown = []
    for model_id in views:
        view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        script = f'<script type="{VIEW_TYPE}">{json.dumps(view)}</script>'
        if model_id in pictures:
            image = f'<img class="widget-picture" src="{pictures[model_id]}" alt="static">'
            script = f'<div class="widget" data-model-id="{model_id}">{image}{script}</div>'
        shown.append(script)
    state = widget_pictures.in_script({"version_major": 2, "version_minor": 0, "state": models})
    return f"""<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">
    <meta name="viewport" content="width=device-width"><title>Widgets</title><style>
    body {{ margin: 16px; font-family: sans-serif; color: #323232; background: #fff }}
    [data-theme=dark] body {{ background: #121212; color: #ced6dd }}
    .widget[data-hydrated] > .widget-picture {{ display: none }}</style>
    <script defer src="static_host.js"></script><main>{"".join(shown)}</main>
    <script type="{STATE_TYPE}">{state}</script></html>"""


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens embedded HTML from file://, with no network; any error or foreign request fails."""
    contexts, faults = [], []

    def watch_console(message):
        if message.type in ("error", "warning"):
            faults.append(message.text)

    def watch_request(request):
        if not request.url.startswith(("file:", "blob:", "data:")):
            faults.append(f"request to {request.url}")

    def open_html(html: str, **options):
        options = {"viewport": {"width": 900, "height": 900}} | options
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", watch_console)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", watch_request)
        address = tmp_path / f"page{len(contexts)}.html"
        address.write_text(html, encoding="utf-8")
        (tmp_path / "static_host.js").write_text((WIDGETS / "static_host.js").read_text())
        page.goto(address.as_uri())
        return page

    open_html.faults = faults
    yield open_html
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def show(open_page):
    """Opens a page that shows widgets, one after the other, and waits until all are drawn."""

    def show_widgets(*widgets, theme: str = "light", **options):
        models = {}
        for widget in widgets:
            models |= dependency_state([widget], drop_defaults=False)
        pictures = {widget.model_id: PIXEL for widget in widgets}
        html = embed(models, [widget.model_id for widget in widgets], pictures, theme)
        page = open_page(html, **options)
        draw_widgets(page)
        return page

    return show_widgets


@pytest.fixture
def embed_page():
    """The function that makes the HTML of a page from saved state."""
    return embed
