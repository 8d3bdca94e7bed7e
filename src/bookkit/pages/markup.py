"""Write pictures, code and folds as a page that is light, and usable by everyone, needs them.

- Pictures load when they come near, and hold their place until then.
- Code is laid out when it comes near, since each of its words is an element; it says how many
  lines and columns it has, and book.css keeps room for them.
- What axe-core finds wrong is mended: roles that an element may not have, names that are not seen.

What surrounds them is in templates/layout.html.
"""

from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput, visit_HideCellInput
from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator


class Markup(HTML5Translator):
    """What is written differently, before the theme's own translator."""

    def starttag(self, *args, **kwargs) -> str:
        if kwargs.get("role") == "doc-biblioentry":  # which a div may not have
            kwargs["role"] = "listitem"
        return super().starttag(*args, **kwargs)

    def visit_image(self, node) -> None:
        size = get_image_size(str(Path(self.builder.srcdir, node["uri"])))
        node["loading"] = "lazy"
        super().visit_image(node)
        if size and not node["uri"].endswith(".svg"):
            sized = f'<img width="{size[0]}" height="{size[1]}" '
            # A width in the style leaves the height to these two's ratio.
            tag = self.body[-1].replace("<img ", sized, 1)
            self.body[-1] = tag.replace('style="width:', 'style="height: auto; width:')

    def visit_literal_block(self, node) -> None:
        place = len(self.body)
        try:
            super().visit_literal_block(node)
        except nodes.SkipNode:  # it is written whole, with its colours
            lines = node.astext().strip("\n").split("\n")
            room = f"--lines: {len(lines)}; --columns: {max(map(len, lines))}"
            code = "".join(self.body[place:]).replace("</pre>", "</span></pre>")
            late = f'<pre><span class="late" style="{room}">'
            self.body[place:] = [code.replace("<pre>", late)]
            raise


def visit_fold(translator, node) -> None:
    visit_HideCellInput(translator, node)
    summary = translator.body.index('<summary aria-label="Toggle hidden content">\n', -4)
    translator.body[summary] = "<summary>\n"  # its text is its name: "Show the code"


def choose(app) -> None:
    if app.builder.format == "html":
        theirs = app.registry.get_translator_class(app.builder)
        app.set_translator(
            app.builder.name, type("Translator", (Markup, theirs), {}), override=True
        )


def setup(app) -> dict:
    app.add_node(HideCodeCellNode, override=True, html=(visit_fold, depart_HideCellInput))
    app.connect("builder-inited", choose, priority=900)  # after the theme's own choice
    return {"parallel_read_safe": True}
