"""Predict, then see: what the code after a *Predict* shows is folded until the reader asks for it.

bookkit.predictions says which cells these are, and what can be guessed; scripts/predict.js compares
the guess. In print and without scripts the output is there (book.css). A widget is never folded: in
it the reader finds out. A right answer that the cells' output doesn't hold fails the build.
"""

import html
import re

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.errors import ExtensionError

from bookkit import BOOK, notebooks
from bookkit.predictions import Prediction, Question, predictions

TAG = re.compile(r"<[^>]*>")


def guess(question: Question, number: int) -> str:
    """What a reader can answer: a button for each choice, or a field for a number."""
    if question.choices:
        right = f'data-right="{question.choices.index(question.right)}"'
        fields = "".join(
            f'<button type="button">{html.escape(choice)}</button>' for choice in question.choices
        )
    else:
        right = f'data-number="{question.number!r}" data-within="{question.within!r}"'
        fields = (
            f'<input type="text" inputmode="decimal" autocomplete="off" aria-labelledby='
            f'"guess-{number}"><button type="submit">Compare</button>'
        )
    return (
        f'<form class="guess" data-prediction="{number}" {right}><fieldset disabled>'
        f'<legend id="guess-{number}">{html.escape(question.ask)}</legend>{fields}</fieldset>'
        '<p role="status"></p></form>'
    )


def said(output: nodes.Node) -> str:
    """All that an output says, in one line: its text, its tables', its pictures' alternative."""
    texts = [TAG.sub(" ", raw.astext()) for raw in output.findall(nodes.raw)]
    texts += [block.astext() for block in output.findall(nodes.literal_block)]
    texts += [image.get("alt", "") for image in output.findall(nodes.image)]
    return " ".join(html.unescape(" ".join(texts)).split())


def shows_widget(output: nodes.Node) -> bool:
    return any("widget-view+json" in raw.astext() for raw in output.findall(nodes.raw))


def fold(output: nodes.Element, number: int) -> None:
    wrap = HideCodeCellNode(
        prompt_show="Show what happens",
        prompt_hide="What happens",
        classes=["below-input", "prediction", f"prediction-{number}"],
    )
    output.replace_self(wrap)
    wrap += output


def present(prediction: Prediction, outputs: list[nodes.Element], number: int) -> None:
    """Fold a prediction's outputs, and put what can be guessed before the first.

    Raises:
        ValueError: nothing is folded though something can be guessed, or the output says otherwise.
    """
    folded = [output for output in outputs if not shows_widget(output)]
    if question := prediction.question:
        everything = " ".join(map(said, folded))
        if " ".join(question.evidence.split()) not in everything:
            raise ValueError(
                f"{question.evidence!r} should be in what the code shows, which is "
                f"{everything[:300]!r}; mend the answer, or say in `shown` what proves it"
            )
        form = nodes.raw("", guess(question, number), format="html")
        folded[0].parent.insert(folded[0].parent.index(folded[0]), form)
    for output in folded:
        fold(output, number)


def find(app, doctree) -> None:
    page = app.env.docname
    if not (BOOK / f"{page}.py").exists():
        return
    outputs = {
        cell["cell_index"]: cell[-1]
        for cell in doctree.findall(nodes.container)
        if cell.get("nb_element") == "cell_code"
        and cell[-1].get("nb_element") == "cell_code_output"
    }
    for number, prediction in enumerate(predictions(notebooks.notebook(page).cells)):
        try:
            shown = [outputs[k] for k in prediction.cells if k in outputs]
            present(prediction, shown, number)
        except ValueError as error:
            raise ExtensionError(f"{page}, prediction {number + 1}: {error}") from None


def setup(app) -> dict:
    app.add_js_file("predict.js", defer="defer")
    app.connect("doctree-read", find)
    return {"parallel_read_safe": True}
