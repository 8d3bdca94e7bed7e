"""The similarity matrix with a real kernel: what a notebook saves, what comes back to Python."""

import nbclient
import nbformat
import pytest

CELLS = [
    """
import numpy as np, PIL.Image
from clipbook.widgets import SimilarityMatrix
pictures = [PIL.Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
matrix = SimilarityMatrix(np.zeros((2, 2)), pictures, ["a red square", "a blue square"])
matrix
""",
    "matrix.similarities = [[0.9, 0.25], [-0.5, 0.8]]",
    "print(matrix.selected, matrix.view, matrix.temperature)",
]
STATE_TYPE = "application/vnd.jupyter.widget-state+json"


class PageThatAnswers(nbclient.NotebookClient):
    """Sends, before the last cell, what a page sends when a reader changes something."""

    async def async_execute_cell(self, cell, cell_index, **options):
        if cell_index == 2:
            (model_id,) = [
                key
                for key, value in self.widget_state.items()
                if value["_model_module"] == "anywidget"
            ]
            state = {"selected": [1, 0], "view": "row", "temperature": 0.5}
            data = {"method": "update", "state": state, "buffer_paths": []}
            content = {"comm_id": model_id, "data": data}
            self.kc.shell_channel.send(self.kc.session.msg("comm_msg", content))
        return await super().async_execute_cell(cell, cell_index, **options)


@pytest.fixture(scope="module")
def executed():
    """A notebook that has made a matrix, changed it, and heard from a page."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    PageThatAnswers(notebook, timeout=60, kernel_name="python3").execute()
    return notebook


@pytest.mark.slow
def test_a_change_in_the_page_is_read_back_in_python(executed):
    assert executed.cells[2].outputs[0].text == "[1, 0] row 0.5\n"


@pytest.mark.slow
@pytest.mark.browser
def test_a_page_shows_what_an_executed_notebook_has_saved(executed, open_page, embed_page):
    models = executed.metadata.widgets[STATE_TYPE]["state"]
    view = executed.cells[0].outputs[0].data["application/vnd.jupyter.widget-view+json"]
    page = open_page(embed_page(models, [view["model_id"]], {}))
    page.get_by_label("Show").select_option("cosine")
    texts = page.get_by_role("gridcell").all_inner_texts()
    assert texts == ["0.90", "0.25", "−0.50", "0.80"]
