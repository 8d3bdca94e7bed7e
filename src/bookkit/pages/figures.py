"""Number the figures of a page, each with a link to it; scripts/figures.js enlarges them.

A figure's alternative text states what is seen, so it has no caption beside its number.
"""

from docutils import nodes


def number(app, doctree) -> None:
    outputs = [
        container
        for container in doctree.findall(nodes.container)
        if container.get("nb_element") == "cell_code_output"
    ]
    images = [image for output in outputs for image in output.findall(nodes.image)]
    for k, image in enumerate(images, 1):
        link = f'<a href="#figure-{k}">Figure {k}</a>'
        line = f'<p class="figure-number" id="figure-{k}">{link}</p>'
        image.parent.insert(image.parent.index(image) + 1, nodes.raw("", line, format="html"))


def setup(app) -> dict:
    app.add_js_file("figures.js", defer="defer")
    app.connect("doctree-read", number)
    return {"parallel_read_safe": True}
