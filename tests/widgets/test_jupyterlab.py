"""In JupyterLab: what the page changes reaches Python, and what Python changes reaches the page."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

import clipbook.widgets

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("jupyterlab")]

# `heard` writes what the page sends into a file, then answers with another value of the trait.
SETUP = """
import json, pathlib
import numpy as np, PIL.Image
from clipbook.text import Tokenizer
from clipbook.widgets import *
picture = PIL.Image.new("RGB", (32, 32), "red")
equal = np.full((1, 2, 2, 2), 0.5)
def answering(widget, trait, answer):
    def heard(change):
        if change.new != answer:
            name = type(widget).__name__ + ".json"
            pathlib.Path(name).write_text(json.dumps(change.new))
            setattr(widget, trait, answer)
    widget.observe(heard, trait)
    return widget
"""
STUB = Path(__file__).with_name("stub_answerer.py").read_text("utf-8")
# How each widget is made, the trait that the page changes, and Python's answer.
MADE = {
    "SimilarityMatrix": ('SimilarityMatrix([[0.5]], [picture], ["red"])', "view", "logits"),
    "TokenizerExplorer": ("TokenizerExplorer(Tokenizer([(107, 104)]))", "text", "heard"),
    "PatchExplorer": ("PatchExplorer(picture, patch_size=8)", "patch_size", 4),
    "AttentionExplorer": ('AttentionExplorer(equal, tokens=["a", "pup"])', "head", 0),
    "AnswerExplorer": ('AnswerExplorer(StubAnswerer(), [picture], [["detect it"]])', "token", 3),
}
RUN_ALL = """async () => {
    const session = jupyterapp.shell.currentWidget.context.sessionContext;
    await session.ready;
    await session.session.kernel.info;
    void jupyterapp.commands.execute("notebook:run-all-cells"); // ends when the cells do
}"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Folder and address of a JupyterLab that knows nothing of this machine's settings."""
    folder, port = tmp_path_factory.mktemp("lab"), free_port()
    cells = [STUB, SETUP, *(f"answering({make}, {t!r}, {a!r})" for make, t, a in MADE.values())]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["kernelspec"] = kernel
    nbformat.write(notebook, folder / "widgets.ipynb")
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += ["--expose-app-in-browser", "--ServerApp.password="]
    with open(folder / "log.txt", "w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail((folder / "log.txt").read_text()[-2000:], pytrace=False)
        yield folder, address
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def page(lab, browser):
    """The notebook in JupyterLab, all of its cells run; errors of scripts fail."""
    _, address = lab
    tab = browser.new_context(viewport={"width": 1400, "height": 4000}).new_page()
    errors = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(f"{address}/doc/tree/widgets.ipynb")
    tab.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=60_000)
    tab.evaluate(RUN_ALL)
    tab.locator(".answer-explorer").wait_for(timeout=60_000)
    yield tab
    assert errors == []


def heard(lab, name: str):
    """What Python was told by the page."""
    path = lab[0] / f"{name}.json"
    for _ in range(100):
        if path.exists() and (text := path.read_text()):
            return json.loads(text)
        time.sleep(0.1)
    pytest.fail(f"Python never heard of {name}")


def test_every_widget_is_tried_here():
    assert set(clipbook.widgets.__all__) == set(MADE)


def test_similarity_matrix(lab, page):
    shown = page.locator(".similarity-matrix").get_by_label("Show")
    shown.select_option("row")
    assert heard(lab, "SimilarityMatrix") == "row"
    expect(shown).to_have_value("logits")


def test_tokenizer_explorer(lab, page):
    text = page.locator(".tokenizer-explorer").get_by_label("Text")
    text.fill("a pup")
    assert heard(lab, "TokenizerExplorer") == "a pup"
    expect(text).to_have_value("heard")


def test_patch_explorer(lab, page):
    size = page.locator(".patch-explorer").get_by_label("Patch size")
    size.select_option("16")
    assert heard(lab, "PatchExplorer") == 16
    expect(size).to_have_value("4")


def test_attention_explorer(lab, page):
    heads = page.locator(".attention-explorer").get_by_role("group", name="Head")
    heads.get_by_role("radio", name="1").click()  # Python changes it back at once
    assert heard(lab, "AttentionExplorer") == 1
    expect(heads.get_by_role("radio", name="0")).to_be_checked()


def test_answer_explorer(lab, page):
    tokens = page.locator(".answer-explorer [data-choice]")
    tokens.nth(1).click()
    assert heard(lab, "AnswerExplorer") == 1
    expect(tokens.nth(3)).to_have_attribute("aria-selected", "true")
