"""Pages with a live model, opened from a folder or a local server, with no other host."""

import functools
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import clipbook
from bookkit import BOOK, serve
from bookkit.live import files
from clipbook.image import normalise
from clipbook.scenes import render

FRAME = """<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Live</title>
<link rel="icon" href="data:,">
<style>:root {{ --pst-color-border: #ccc; --pst-color-text-muted: #555;
--pst-color-surface: #eee }} body {{ margin: 16px; font: 16px/1.5 sans-serif }}</style>
<link rel="stylesheet" href="book.css"><main class="bd-article">{body}</main></html>"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """What the site serves of the live models."""
    made = tmp_path_factory.mktemp("live-site")
    files.write(made)
    (made / "book.css").write_text((BOOK / "_static/book.css").read_text("utf-8"))
    return made


@pytest.fixture(scope="session")
def origin(folder):
    with serve.bind(str(folder), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def open_live(browser, folder):
    """Opens HTML with the network cut; any fault or foreign request fails, unless it is awaited."""
    contexts, faults = [], []

    def watch(page, allowed):
        def note(request):
            if request.url.startswith(("blob:", "data:")):
                return
            page.asked.append(request.url.rpartition("/")[2].partition("?")[0])
            if not request.url.startswith(allowed):
                faults.append(f"request to {request.url}")

        page.asked = []
        page.on("request", note)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: m.type == "error" and faults.append(m.text))

    def show(body: str, theme: str = "light", base: str = "", hash: str = "", **options):
        options = {"viewport": {"width": 900, "height": 800}, "reduced_motion": "reduce"} | options
        context = browser.new_context(offline=not base, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        name = f"page{len(contexts)}.html"
        (folder / name).write_text(FRAME.format(theme=theme, body=body), encoding="utf-8")
        watch(page, base or folder.as_uri())
        page.goto((f"{base}/{name}" if base else (folder / name).as_uri()) + hash)
        return page

    show.faults = faults
    yield show
    for context in contexts:
        context.close()
    assert faults == []


@functools.cache
def shapes():
    return clipbook.load("shapes")


@torch.no_grad()
def cosines(scenes, captions) -> np.ndarray:
    """Of every scene with every caption, by PyTorch."""
    model, tokenizer = shapes()
    pictures = np.stack([np.asarray(render(scene)) for scene in scenes])
    images = model.encode_image(normalise(torch.from_numpy(pictures)))
    return (images @ model.encode_text(*tokenizer.batch(captions)).T).numpy()
