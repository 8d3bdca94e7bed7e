"""Set formulas when the book is built, with KaTeX from npm: readers load no script for them.

One run of tools/vendor/typeset.mjs sets all formulas of a page. A formula that KaTeX does not
understand fails the build. (sphinxcontrib-katex does the same through a server, which outlived a
build and kept the shell waiting.)
"""

import json
import re
import subprocess

from docutils import nodes
from sphinx.errors import ExtensionError

from bookkit import BUILD

PUNCTUATION = re.compile(r"[.,;:!?)’”]+")
SHORT = 20  # characters of LaTeX; longer formulas may break
VENDOR = BUILD / "vendor"


def source(node: nodes.Element) -> dict:
    """What the script needs of a formula; lines of a display are aligned, as Sphinx does."""
    latex, display = node.astext(), isinstance(node, nodes.math_block)
    if display and r"\\" in latex and r"\begin{" not in latex:
        latex = rf"\begin{{aligned}}{latex}\end{{aligned}}"
    return {"latex": latex, "display": display}


def typeset(formulas: list[dict]) -> list[str]:
    """HTML of each formula.

    Raises:
        ExtensionError: KaTeX does not understand one of them.
    """
    command = ["node", str(VENDOR / "typeset.mjs")]
    done = subprocess.run(
        command, input=json.dumps(formulas), capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise ExtensionError(f"KaTeX: {done.stderr.strip()}")
    return json.loads(done.stdout)


def set_page(app, doctree, docname) -> None:
    formulas = [*doctree.findall(nodes.math), *doctree.findall(nodes.math_block)]
    if app.builder.format == "html" and formulas:
        for node, html in zip(formulas, typeset(list(map(source, formulas))), strict=True):
            node["html"] = html
            keep_together(node)


def keep_together(node: nodes.Element) -> None:
    """Let no line break come between a short formula and the punctuation after it."""
    after = node.next_node(descend=False, siblings=True)
    mark = PUNCTUATION.match(after.astext()) if isinstance(after, nodes.Text) else None
    if mark and isinstance(node, nodes.math) and len(node.astext()) <= SHORT:
        node["html"] += mark[0]
        node["classes"].append("math-whole")
        after.parent.replace(after, nodes.Text(after.astext()[mark.end() :]))


def write(translator, node) -> None:
    # Titles reach the table of contents without passing through `set_page`.
    html = node.get("html") or typeset([source(node)])[0]
    tag, more = "span", {}
    if isinstance(node, nodes.math_block):
        tag, more = "div", {"TABINDEX": "0"}  # a wide one scrolls: by keyboard, too
    start = translator.starttag(node, tag, "", CLASS="math notranslate nohighlight", **more)
    translator.body.append(start)
    if node.get("number"):
        translator.body.append(f'<span class="eqno">({node["number"]})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(f"{html}</{tag}>")
    raise nodes.SkipNode


def choose(app, config) -> None:
    config.html_math_renderer = "katex"


def setup(app) -> dict:
    app.add_html_math_renderer("katex", (write, None), (write, None))
    app.add_css_file("../vendor/katex/katex.min.css")
    app.connect("config-inited", choose)
    app.connect("doctree-resolved", set_page)
    return {"parallel_read_safe": True}
