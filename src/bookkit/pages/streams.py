"""Join what a cell prints as it was printed.

The kernel may send a line in two parts. MyST-NB's `nb_merge_streams` joins parts with a new line
between them, so that a sentence breaks wherever the machine happened to be busy. It is off; this
joins neighbouring blocks of one stream with nothing between them.
"""

from docutils import nodes


def join(app, doctree) -> None:
    for block in reversed(list(doctree.findall(nodes.literal_block))):
        place = block.parent.index(block)
        before = block.parent[place - 1] if place else None
        printed = {"stream", "stderr"} & set(block["classes"])
        if printed and before is not None and before["classes"] == block["classes"]:
            before.rawsource += block.rawsource  # what is highlighted
            before += block.children
            block.parent.remove(block)


def setup(app) -> dict:
    app.connect("doctree-read", join)
    return {"parallel_read_safe": True}
