"""Number the figures of a page, and give dark pages their own; scripts/figures.js enlarges them.

A figure's alternative text states what is seen, so it is the caption too, which is read to nobody a
second time. What it is on a dark page lies in a chunk of its PNG file (`clipbook.figures.card`).
"""

import html
from pathlib import Path

from docutils import nodes
from PIL import Image

from clipbook.figures.card import DARK_CHUNK


def number(app, doctree) -> None:
    outputs = [
        container
        for container in doctree.findall(nodes.container)
        if container.get("nb_element") == "cell_code_output"
    ]
    images = [image for output in outputs for image in output.findall(nodes.image)]
    for k, image in enumerate(images, 1):
        link = f'<a href="#figure-{k}">Figure {k}</a>'
        seen = f'<span aria-hidden="true">{html.escape(image.get("alt", ""))}</span>'
        line = f'<p class="figure-caption" id="figure-{k}">{link} {seen}</p>'
        after = [nodes.raw("", line, format="html")]
        _, path = app.env.relfn2path(image["uri"])
        if names := in_two(Path(path)):
            twin = image.deepcopy()
            for one, name in zip((image, twin), names, strict=True):
                one["uri"] = str(Path(image["uri"]).with_name(name).as_posix())
                one["classes"] += [name.split(".")[1]]
            after.insert(0, twin)
        place = image.parent.index(image) + 1
        image.parent[place:place] = after


def in_two(path: Path) -> list[str]:
    """Names of a file for light and of one for dark pages, written beside a PNG that holds both."""
    with Image.open(path) as picture:
        chunks = dict(chunk[:2] for chunk in getattr(picture, "private_chunks", ()))
        if DARK_CHUNK not in chunks:
            return []
        names = [f"{path.stem}.only-{mode}.png" for mode in ("light", "dark")]
        picture.save(path.with_name(names[0]), optimize=True)
    path.with_name(names[1]).write_bytes(chunks[DARK_CHUNK])
    return names


def setup(app) -> dict:
    app.add_js_file("figures.js", defer="defer")
    app.connect("doctree-read", number, priority=400)  # before pictures are collected
    return {"parallel_read_safe": True}
