"""Which cells of a chapter its exercises stand on, and notebooks that hold only those."""

import builtins
import copy
import symtable

import nbformat


def role(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def names(code: str) -> tuple[set[str], set[str]]:
    """Names that a cell leaves behind, and those that it must find."""
    top = symtable.symtable(code, "cell", "exec")
    bound = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    bound |= {one.get_name() for one in top.get_symbols() if one.is_namespace()}
    read, inside = set(), [top]
    while inside:
        table = inside.pop()
        inside += table.get_children()
        read |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and s.is_global()}
    return bound, read - bound - set(dir(builtins))


def essential(notebook: nbformat.NotebookNode, source: nbformat.NotebookNode) -> None:
    """Leave out, in place, what is only shown: cells that bind no name that graded ones need.

    `source` is the master, whose solutions and hidden checks need names too. That the whole chapter
    runs is proven elsewhere; this makes grading all chapters a matter of seconds. As on paper, a
    submission without the cells in between is a submission.
    """
    needed: set[str] = set()
    for cell in source.cells:
        if role(cell):
            needed |= names(cell.source)[1]
    kept = []
    for cell in reversed(notebook.cells):
        if role(cell):
            kept.append(cell)
        elif cell.cell_type == "code":
            bound, read = names(cell.source)
            if bound & needed:
                kept.append(cell)
                needed = (needed - bound) | read
    notebook.cells = kept[::-1]


def with_answers(student: nbformat.NotebookNode, answers: dict[str, str]) -> nbformat.NotebookNode:
    """A copy of a student's notebook with the exercise cells filled in, by grade_id."""
    filled = copy.deepcopy(student)
    for cell in filled.cells:
        cell.source = answers.get(role(cell).get("grade_id"), cell.source)
    return filled


def solutions(source: nbformat.NotebookNode) -> dict[str, str]:
    return {role(c)["grade_id"]: c.source for c in source.cells if role(c).get("solution")}
