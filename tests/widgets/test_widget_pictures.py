"""The still pictures of a page: snapshots of its widgets, taken while the site is built."""

import asyncio
import base64
import concurrent.futures
import io
import json

import numpy as np
import PIL.Image
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from ipywidgets.embed import dependency_state

from bookkit.pages import widget_pictures
from clipbook.widgets import AnswerExplorer, PatchExplorer
from tests.widgets.stub_answerer import StubAnswerer

RED, BLUE = [PIL.Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
VIEW = '<script type="application/vnd.jupyter.widget-view+json">{"model_id": "m1"}</script>'


class Page:
    """What an extension gets of Sphinx for a page with one widget."""

    class env:
        docname = "image/patching"

    def __init__(self, widget, camera):
        models = dependency_state([widget], drop_defaults=False)
        state = {"state": {"m1": models[widget.model_id]}}
        self.files = {"ipywidgets_state": (None, {"body": json.dumps(state)})}
        self.widget_camera = camera
        self.doctree = new_document("page")
        self.doctree += nodes.raw("", VIEW, format="html")

    def placed(self, monkeypatch) -> BeautifulSoup:
        """The view as it stands on the page."""
        collector = widget_pictures.NbMetadataCollector
        monkeypatch.setattr(collector, "get_js_files", lambda env, docname: self.files)
        widget_pictures.place_pictures(self, self.doctree)
        return BeautifulSoup(self.doctree[0].astext(), "html.parser").div

    @property
    def state(self) -> dict:
        return json.loads(self.files["ipywidgets_state"][1]["body"])["state"]["m1"]["state"]


@pytest.fixture
def camera(tmp_path, browser, monkeypatch):
    """A camera that takes its snapshots with the browser that the tests have open."""
    one = widget_pictures.Camera(tmp_path)
    one.thread = SameThread()
    one.browser = browser
    return one


class SameThread:
    """Runs at once what is submitted."""

    def submit(self, function, *values):
        outcome = function(*values)
        return type("Done", (), {"result": staticmethod(lambda: outcome)})


def colours(uri: str) -> np.ndarray:
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(data))), int)


@pytest.mark.browser
def test_the_picture_is_the_widget_as_it_is_drawn(camera, monkeypatch):
    wrapper = Page(PatchExplorer(RED), camera).placed(monkeypatch)
    pixels = colours(wrapper.img["src"])
    height, width, _ = pixels.shape
    assert (wrapper.img["width"], wrapper.img["height"]) == (str(width), str(height))
    assert width == widget_pictures.WIDTH + 8 and 400 < height < 900
    red = np.abs(pixels - [255, 0, 0]).max(axis=-1) < 40
    assert 0.08 < red.mean() < 0.5  # its patches, drawn once the picture is decoded
    assert (pixels[0, 0] > 250).all() and (pixels < 90).all(axis=-1).any()  # letters on white
    assert "16 patches" in wrapper.img["alt"]


@pytest.mark.browser
def test_a_page_carries_the_picture_once_and_its_words_in_the_state(camera, monkeypatch):
    page = Page(PatchExplorer(RED), camera)
    assert page.placed(monkeypatch).script is not None
    assert widget_pictures.STILL not in page.state and "16 patches" in page.state["alternative"]


@pytest.mark.browser
def test_a_snapshot_is_taken_once_for_all_that_looks_the_same(camera, monkeypatch, tmp_path):
    first = Page(PatchExplorer(RED), camera).placed(monkeypatch).img["src"]
    other = Page(PatchExplorer(BLUE), camera).placed(monkeypatch).img["src"]
    assert first != other
    assert len(list(tmp_path.glob("*.webp"))) == 2
    monkeypatch.setattr(widget_pictures.Camera, "_take", lambda *_: pytest.fail("taken again"))
    # another model of the same state, with an id and a layout of its own
    assert Page(PatchExplorer(RED), camera).placed(monkeypatch).img["src"] == first


def test_without_chromium_words_stand_there_and_the_build_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(widget_pictures, "find_chromium", lambda: None)
    lines: list[str] = []
    monkeypatch.setattr(widget_pictures.log, "info", lines.append)
    page = Page(PatchExplorer(RED), None)
    widget_pictures.open_camera(page)
    monkeypatch.setattr(page.widget_camera, "folder", tmp_path)
    wrapper = page.placed(monkeypatch)
    assert wrapper.img is None
    assert "is cut into 4 × 4 = 16 patches" in wrapper.find("p", "widget-picture").text
    assert widget_pictures.STILL not in page.state
    assert len(lines) == 1 and "no Chromium" in lines[0]
    page.widget_camera.close()


@pytest.mark.browser
@pytest.mark.parametrize("setting", [{"java_script_enabled": False}, {}])
def test_without_scripts_and_in_print_the_picture_is_seen(browser, camera, monkeypatch, setting):
    wrapper = Page(PatchExplorer(RED), camera).placed(monkeypatch)
    style = (widget_pictures.ROOT / "book/_static/book.css").read_text("utf-8")
    tab = browser.new_page(**setting)
    tab.set_content(f"<style>{style}</style>{wrapper}")
    tab.emulate_media(media="print")
    assert tab.locator(".widget-picture").is_visible()
    assert tab.locator(".widget-picture").bounding_box()["width"] == widget_pictures.WIDTH + 8
    tab.close()


@pytest.mark.browser
def test_taking_a_snapshot_leaves_no_event_loop_behind(tmp_path, monkeypatch):
    """A build executes notebooks after it, in the same thread, which needs a loop of its own."""

    async def answer() -> int:
        return 42

    def build() -> int:
        camera = widget_pictures.Camera(tmp_path)
        assert Page(PatchExplorer(RED), camera).placed(monkeypatch).img is not None
        outcome = asyncio.run(answer())
        camera.close()
        return outcome

    # in a thread of its own: that of the tests has the loop of their browser
    with concurrent.futures.ThreadPoolExecutor() as threads:
        assert threads.submit(build).result() == 42


def test_every_trait_stays_in_the_state():
    """Also one that is called as what is put beside it."""
    widget = AnswerExplorer(StubAnswerer(), [RED], [["detect it"]])
    page = Page(widget, None)
    before = page.state
    with pytest.MonkeyPatch.context() as patch:
        page.widget_camera = type("Blind", (), {"picture": staticmethod(lambda model: None)})()
        page.placed(patch)
    shorter = widget_pictures.SOURCES
    sources = {name: widget_pictures.minified(before[name], shorter[name]) for name in shorter}
    assert page.state == before | sources and page.state["picture"] == 0
    assert all(len(sources[name]) < len(before[name]) for name in sources)
