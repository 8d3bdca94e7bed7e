"""What is live in the page: `{live-grid}` on the cover, `{playground}`, fields below figures of
chapters, and the files they ask for.

The grid is a table of the eight recurring pairs as the shipped model sees them at the end of its
training, so it is there in print and without scripts. live/grid.js plays the training, and has the
model answer captions that a reader writes. The playground is made by live/playground.js of what the
page hands to it. Below the widget of a cell that is tagged "live" stands a field for captions, a
sentence or a picture of the reader's own (live/own.js); without scripts and in print the widget's
picture stands alone. What they ask for lies in the site's folder `live`.
"""

import base64
import html
import json
from dataclasses import asdict
from pathlib import Path

import matplotlib
import numpy as np
from docutils import nodes

from bookkit.live import (
    caption_words,
    files,
    made_world,
    pictures,
    question_patterns,
    tries,
)
from bookkit.pages.model_map import Placeholder, placeholder
from bookkit.pages.widget_pictures import in_script
from clipbook import emoji
from clipbook.evaluation.scenes import combination_names
from clipbook.pretrained import training_history
from clipbook.scenes import COLOURS, EXAMPLE, SHAPES, render
from clipbook.widgets import similarity_matrix
from clipbook.widgets.encoding import png_uri, quantise
from clipbook.widgets.kit import sources


def cell(value: float, pair: bool) -> str:
    """A cosine on its colour, black or white, whichever stands out more (WCAG's luminance)."""
    rgb = np.array(matplotlib.colormaps["RdBu_r"]((value + 1) / 2)[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    ink = "#000" if linear @ [0.2126, 0.7152, 0.0722] > 0.179 else "#fff"
    fill = f"rgb({','.join(str(round(255 * level)) for level in rgb)})"
    number = f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
    mark = ' class="grid-pair"' if pair else ""
    return f'<td{mark} style="background:{fill};color:{ink}">{number}</td>'


def table(cosines: np.ndarray) -> str:
    """Pictures are rows, captions columns; a caption's button is what a reader clicks."""
    captions = [html.escape(caption) for _, caption in EXAMPLE]
    heads = "".join(
        f'<th scope="col"><button type="button" class="grid-caption" disabled>'
        f"<span>{caption}</span></button></th>"
        for caption in captions
    )
    rows = []
    for k, (scene, _) in enumerate(EXAMPLE):
        picture = f'<img class="dark-light" src="{png_uri(render(scene))}" alt="{captions[k]}">'
        cells = "".join(cell(value, k == column) for column, value in enumerate(cosines[k]))
        rows.append(f'<tr><th scope="row">{picture}</th>{cells}</tr>')
    title = "How well each caption (column) fits each picture (row): their cosine, −1 to 1"
    return (
        f'<table class="grid-table"><caption>{title}</caption><thead><tr><td></td>{heads}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def grid(root: str) -> str:
    """The figure; `root` leads from its page to the site."""
    history = training_history("shapes")
    frames = np.array(history.snapshots)
    state = {
        "folder": f"{root}live/",
        "version": files.version(),
        "words": caption_words(),
        "frames": base64.b64encode(quantise(frames, signed=True)).decode(),
        "steps": history.snapshot_steps,
    }
    said = (
        "Each row is a picture, each column a caption, and a cell says how well the two fit: while "
        "the model learns, each picture finds its own caption."
    )
    return (
        f'<figure class="live-grid" data-live="{html.escape(json.dumps(state))}">'
        f"<figcaption>{said}</figcaption>{table(frames[-1])}"
        '<div class="grid-controls"></div></figure>'
        f'<script defer src="{root}_static/live/grid.js?v={files.version()}"></script>'
    )


def beginning(model: str, captions: list[str], names: list[str], **pictures) -> dict:
    """What a reader begins with: pictures, captions, and names for zero-shot."""
    first = {"model": model, "scenes": [], "picks": [], "question": "", "find": ""}
    return {"first": first | {"captions": captions} | pictures, "names": names}


def playground(root: str) -> str:
    """Half of the recurring pairs; as names all their captions, so that a picture of two things
    has one that is right, and all names of one thing. Of emoji half of the pairs, and names."""
    pairs = [EXAMPLE[k] for k in (0, 1, 2, 5)]
    drawn, captions = zip(*emoji.EXAMPLE[:4], strict=True)
    script, style = sources(similarity_matrix.__file__)
    state = {
        "folder": f"{root}live/",
        "version": files.version(),
        "world": made_world(),
        "models": {
            "shapes": beginning(
                "shapes",
                [caption for _, caption in pairs],
                [caption for _, caption in EXAMPLE] + combination_names(),
                scenes=[asdict(scene) for scene, _ in pairs],
            ),
            "emoji": beginning(
                "emoji",
                list(captions),
                pictures.names(),
                picks=pictures.addresses(drawn),
                find="a red fruit",
            ),
        },
        "tries": tries.tries(root),
        "questions": question_patterns(),
        "words": caption_words(),
        "credits": pictures.credit(),
        "matrix": {"script": script, "style": style},
    }
    return (
        f'<div class="playground"><p>The playground is for the screen, and needs JavaScript.</p>'
        f'<script type="application/json">{in_script(state)}</script></div>'
        f'<script defer src="{root}_static/live/playground.js?v={files.version()}"></script>'
    )


def own(root: str, model: str = "shapes") -> str:
    """Where own.js puts its field; beside it stands the widget that draws the model's answers."""
    given = {"folder": f"{root}live/", "version": files.version()}
    given |= {"model": model, "size": files.megabytes(model)}
    if model in files.ROUNDED:
        given["note"] = "Its weights have 8 bits here, so a cosine may be off by up to 0.015."
    if model == "shapes":
        given["words"] = " ".join(caption_words())
    if model == "answers":
        asked = {"patterns": question_patterns(), "colours": COLOURS, "shapes": SHAPES}
        given["questions"] = json.dumps(asked)
    data = " ".join(f'data-{name}="{html.escape(value)}"' for name, value in given.items())
    return f'<div class="own" {data}></div>'


def find_own(app, doctree) -> None:
    """Marks the place after each widget that a reader may give something of their own.

    A second tag may name the model that answers; else it is "shapes".
    """
    for cell in doctree.findall(nodes.container):
        tags = cell.get("cell_metadata", {}).get("tags", [])
        if "live" not in tags:
            continue
        model = next((tag for tag in tags if tag in files.MODELS), "shapes")
        views = [n for n in cell.findall(nodes.raw) if n.astext().startswith('<div class="widget"')]
        if len(views) != 1:
            raise ValueError(
                f"{app.env.docname}: a cell tagged live ends in {len(views)} widgets; it takes the "
                "one that draws what a reader brings"
            )
        outputs = cell.findall(nodes.container)
        next(n for n in outputs if n.get("nb_element") == "cell_code_output").append(
            placeholder(what="own", model=model)
        )


def fill(app, doctree, docname: str) -> None:
    if app.builder.format != "html":
        return
    root = "../" * docname.count("/")
    if any(node["what"] == "own" for node in doctree.findall(placeholder)):
        script = f'<script defer src="{root}_static/live/own.js?v={files.version()}"></script>'
        doctree += nodes.raw("", script, format="html")
    for node in list(doctree.findall(placeholder)):
        if node["what"] == "own":
            node.replace_self(nodes.raw("", own(root, node["model"]), format="html"))
        elif make := MAKERS.get(node["what"]):
            node.replace_self(nodes.raw("", make(root), format="html"))


def write(app, exception) -> None:
    if exception is None and app.builder.format == "html":
        files.write(Path(app.outdir))


def write_again(app, env) -> list[str]:
    """The playground hands out what the package and its scripts have become."""
    return [page for page in env.found_docs if page == "playground"]


MAKERS = {"live-grid": grid, "playground": playground}


def setup(app) -> dict:
    for name in MAKERS:
        app.add_directive(name, Placeholder)
    app.connect("doctree-read", find_own)  # after widget_pictures, which makes the views
    app.connect("env-updated", write_again)
    app.connect("doctree-resolved", fill)
    app.connect("build-finished", write)  # before the style sheet is cut down to what scripts name
    return {"parallel_read_safe": True}
