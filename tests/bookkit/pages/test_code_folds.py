"""The line that stands for code where it is folded."""

import pytest
from docutils import nodes

from bookkit.notebooks import SETUP
from bookkit.pages import code_folds


def output(*children: nodes.Node) -> nodes.container:
    return nodes.container("", *children, nb_element="cell_code_output")


@pytest.mark.parametrize(
    ("code", "shown", "said"),
    [
        ("import torch\nx = y = 1\nz = 2", None, "makes x, y, z"),
        ("import torch", None, "prepares what follows"),
        ("def f():\n    x = 1\nclass G: pass", None, "defines f, G"),
        ("a = b = c = d = 1", None, "makes a, b, c …"),
        ("print(1)", output(nodes.literal_block("", "1")), "prints a result"),
        ("x = 1\nassert x\nplot(x)", output(nodes.image()), "draws a figure, checks it"),
        ("!pip list", None, "runs a command"),
    ],
)
def test_a_line_says_what_the_code_does(code, shown, said):
    assert code_folds.purpose(code, shown) == said


def cell(code: str, **more) -> nodes.container:
    source = nodes.container("", nodes.literal_block(code, code), nb_element="cell_code_source")
    return nodes.container("", source, nb_element="cell_code", **more)


def test_set_up_and_folded_code_are_named_and_other_code_gets_a_line():
    document = nodes.container()
    document += [
        cell(SETUP, hide_mode="input", prompt_show="Show the code"),
        cell("def race(): pass", hide_mode="input"),
        cell('x = "<"\ny = 2'),
    ]
    code_folds.present(None, document)
    assert document[0]["prompt_show"] == "Set-up (runs first on Colab)"
    assert document[1]["prompt_show"] == "Code: defines race"
    assert ">Code, 2 lines: makes x, y</button>" in document[2][0][0].astext()
