"""Show an exercise as a reader should meet it: blank first, solution folded away, no hidden checks.

The notebook in the repository is the instructor's: nbgrader's metadata tells its cells apart.
A cell with `solution` becomes two, the blank exercise and a collapsed solution. A cell with `grade`
loses what stands between the marks of hidden tests, and goes altogether if nothing else is in it;
what remains is folded with its output, since it lists hints and numbers, and since its output is
that of the solution. Under a blank exercise nothing is shown.
"""

from docutils import nodes

from bookkit.cells import blank, says_nothing, solved, visible


def _source(cell: nodes.container) -> nodes.literal_block:
    inputs = (n for n in cell.findall(nodes.container) if n.get("nb_element") == "cell_code_source")
    return next(next(inputs).findall(nodes.literal_block))


def _with(block: nodes.literal_block, code: str) -> nodes.literal_block:
    # A new node: Sphinx highlights a block only where text and raw source are equal.
    return nodes.literal_block(code, code, **{k: v for k, v in block.attributes.items() if v})


def _blank_cell(block: nodes.literal_block) -> nodes.container:
    cell = nodes.container(classes=["cell", "exercise"])
    cell += nodes.container("", _with(block, blank(block.astext())), classes=["cell_input"])
    return cell


def fold(cell: nodes.container, what: str) -> None:
    """Hide a cell, code and output, until the reader asks for it."""
    cell["hide_mode"] = "all"
    cell["prompt_show"], cell["prompt_hide"] = f"Show {what}", f"Hide {what}"


def present(app, doctree) -> None:
    for cell in list(doctree.findall(nodes.container)):
        role = cell.get("cell_metadata", {}).get("nbgrader", {})
        if cell.get("nb_element") != "cell_code" or not role:
            continue
        block = _source(cell)
        if role.get("solution"):
            cell.parent.insert(cell.parent.index(cell), _blank_cell(block))
            block.replace_self(_with(block, solved(block.astext())))
            fold(cell, "the solution")
            cell["classes"] = [*cell["classes"], "solution"]
        elif role.get("grade"):
            code = visible(block.astext())
            if says_nothing(code):
                cell.parent.remove(cell)
            else:
                block.replace_self(_with(block, code))
                fold(cell, "the check of the solution")


def setup(app) -> dict:
    app.connect("doctree-read", present)
    return {"parallel_read_safe": True}
