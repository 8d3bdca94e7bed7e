"""Say in a line what a cell's code does, where the code is folded.

Set-up, and code that a chapter's tag folds, is folded everywhere. On a phone all code is, since a
narrow line shows little of it (book.css); scripts/code_folds.js opens one, or all.
"""

import ast
import html
from collections.abc import Sequence

from docutils import nodes

from bookkit.notebooks import SETUP
from bookkit.pages.predict import shows_widget

SET_UP = "Set-up (runs first on Colab)"
MOST = 3  # names in a line


def purpose(code: str, output: nodes.Node | None = None) -> str:
    """What a cell does, by its definitions, its checks and its output."""
    try:
        body = ast.parse(code).body
    except SyntaxError:  # commands of IPython's
        return "runs a command"
    kinds = ast.FunctionDef | ast.ClassDef
    said = [_listed("defines", [part.name for part in body if isinstance(part, kinds)])]
    if output is not None and shows_widget(output):
        said.append("shows a widget")
    elif output is not None and any(output.findall(nodes.image)):
        said.append("draws a figure")
    elif output is not None:
        said.append("prints a result")
    if any(isinstance(part, ast.Assert) for part in body):
        said.append("checks it")
    if not any(said):
        targets = [one for part in body if isinstance(part, ast.Assign) for one in part.targets]
        said.append(_listed("makes", [one.id for one in targets if isinstance(one, ast.Name)]))
    return ", ".join(filter(None, said)) or "prepares what follows"


def _listed(verb: str, names: Sequence[str]) -> str:
    more = " …" if len(names) > MOST else ""
    return f"{verb} {', '.join(names[:MOST])}{more}" if names else ""


def button(label: str) -> nodes.raw:
    opening = '<button type="button" class="code-purpose" aria-expanded="false">'
    return nodes.raw("", f"{opening}{html.escape(label)}</button>", format="html")


def present(app, doctree) -> None:
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") != "cell_code" or cell.get("hide_mode") == "all":
            continue
        source = cell[0]
        if source.get("nb_element") != "cell_code_source":
            continue
        block = next(source.findall(nodes.literal_block))
        output = cell[-1] if cell[-1] is not source else None
        does = purpose(block.astext(), output)
        if cell.get("hide_mode") == "input":
            label = SET_UP if block.astext().strip() == SETUP else f"Code: {does}"
            cell["prompt_show"] = cell["prompt_hide"] = label
        else:
            lines = len(block.astext().strip().splitlines())
            source.insert(0, button(f"Code, {lines} line{'s' * (lines > 1)}: {does}"))


def setup(app) -> dict:
    app.add_js_file("code_folds.js", defer="defer")
    app.connect("doctree-read", present)
    return {"parallel_read_safe": True}
