"""Put a still picture beside each widget, for print and for browsers without scripts.

A widget of the book carries its picture (a data URI) and the picture's alternative text in two
synced traits, `picture` and `alternative`. The page gets

    <div class="widget" data-widget="Name" data-model-id="...">
      <img class="widget-picture" ...>
      view
    </div>

where book.css hides the picture once the host script has set `data-hydrated` on the wrapper. The
picture is then taken out of the state that the page embeds, which would else carry it twice.

What a reader has written, a caption say, is in that state. In a script element `<!--` and `<script`
would keep HTML from seeing where the element ends, so the state holds no `<` at all.
"""

import base64
import html
import json
import re
import struct

from docutils import nodes
from myst_nb.sphinx_ext import NbMetadataCollector

VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.S
)
PNG = "data:image/png;base64,"


def _size(picture: str) -> str:
    """Width and height as attributes, so that the page does not jump while the picture decodes."""
    if not picture.startswith(PNG):  # an SVG carries its size itself
        return ""
    width, height = struct.unpack(">II", base64.b64decode(picture[len(PNG) :][:32])[16:24])
    return f' width="{width}" height="{height}"'


def in_script(value: dict) -> str:
    """JSON for a script element, whatever its texts hold: neither a tag nor a comment is in it."""
    return json.dumps(value, separators=(",", ":")).replace("<", r"\u003c")


def wrapped(view: str, states: dict) -> str:
    """A view's script in its wrapper, with the still picture of its model if it has one."""
    found = VIEW.fullmatch(view)
    assert found, view
    model = json.loads(found[1])["model_id"]
    state = states.get(model, {}).get("state", {})
    picture, alternative = state.get("picture"), html.escape(state.get("alternative", ""))
    model = html.escape(model)
    still = ""
    if picture:
        still = (
            f'<img class="widget-picture" src="{html.escape(picture)}" '
            f'alt="{alternative}"{_size(picture)}>'
        )
    name = html.escape(state.get("_anywidget_id", "").rpartition(".")[2])
    return f'<div class="widget" data-widget="{name}" data-model-id="{model}">{still}{view}</div>'


def place_pictures(app, doctree) -> None:
    files = NbMetadataCollector.get_js_files(app.env, app.env.docname)
    if "ipywidgets_state" not in files:
        return
    embedded = json.loads(files["ipywidgets_state"][1]["body"])
    for node in list(doctree.findall(nodes.raw)):
        if VIEW.fullmatch(node.astext()):
            view = wrapped(node.astext(), embedded["state"])
            node.replace_self(nodes.raw("", view, format="html"))
    for model in embedded["state"].values():
        model["state"].pop("picture", None)
    files["ipywidgets_state"][1]["body"] = in_script(embedded)


def setup(app) -> dict:
    app.connect("doctree-read", place_pictures)
    return {"parallel_read_safe": True}
