"""The widgets where Colab's versions are: ipywidgets 7, and a widget manager to be asked for."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

import clipbook.widgets
from bookkit.colab import image
from tests.environments import clean_environment, make_environment

pytestmark = [
    pytest.mark.xdist_group("colab"),  # one worker executes the notebook for all
    pytest.mark.slow,  # fills an environment: 15 s once pip has the packages, else a minute
    pytest.mark.skipif(
        sys.version_info >= (3, 14), reason="Colab's numpy is for Python 3.10 to 3.13"
    ),
]

# What Colab's image has, and what of that the older IPython and ipywidgets stand on.
PINS = image.load().pins
SEEN = "anywidget ipykernel ipython ipywidgets matplotlib numpy pillow regex safetensors tqdm"
COLAB = {name: PINS[name] for name in [*SEEN.split(), "traitlets"]}
OLDER = "backcall decorator entrypoints ipython-genutils jupyter-client nest-asyncio pickleshare"
VIEW = "application/vnd.jupyter.widget-view+json"
URL = "https://ssl.gstatic.com/colab-widgets/manager"

# Stands in for what Colab puts there before a notebook's first cell.
GOOGLE = f"""
import sys, types
asked = []
names = ("google", "google.colab", "google.colab.output")
google, colab, output = map(types.ModuleType, names)
output.enable_custom_widget_manager = lambda: asked.append(True)
output._widgets = types.SimpleNamespace(_installed_url={URL!r})
sys.modules |= {{one.__name__: one for one in (google, colab, output)}}
import numpy as np, PIL.Image
from clipbook.text import Tokenizer
from clipbook.widgets import *
picture = PIL.Image.new("RGB", (32, 32), "red")
equal = np.full((1, 1, 2, 2), 0.5)
{Path(__file__).with_name("stub_answerer.py").read_text("utf-8")}
"""
# How each widget is made, and what its page may send back.
MADE = {
    "SimilarityMatrix": ('SimilarityMatrix([[0.5]], [picture], ["a red square"])', "view", "row"),
    "TokenizerExplorer": ("TokenizerExplorer(Tokenizer([(107, 104)]))", "text", "the"),
    "PatchExplorer": ("PatchExplorer(picture)", "patch_size", 16),
    "AttentionExplorer": ('AttentionExplorer(equal, tokens=["a", "pup"])', "query", 1),
    "AnswerExplorer": ('AnswerExplorer(StubAnswerer(), [picture], [["detect it"]])', "token", 1),
}
VERSIONS = f"""
from importlib.metadata import version
[[version(name) for name in {list(COLAB)}], asked]
"""


class PagesThatAnswer(nbclient.NotebookClient):
    """Sends, before a widget's second cell, what a page sends when a reader changes something."""

    async def async_execute_cell(self, cell, cell_index, **options):
        if answer := cell.metadata.get("answer"):
            outputs = self.nb.cells[cell_index - 1].outputs
            data = {"method": "update", "state": answer, "buffer_paths": []}
            for view in [one.data[VIEW] for one in outputs if VIEW in one.get("data", {})]:
                content = {"comm_id": view["model_id"], "data": data}
                self.kc.shell_channel.send(self.kc.session.msg("comm_msg", content))
        return await super().async_execute_cell(cell, cell_index, **options)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook that has made every widget, in an environment like Colab's."""
    home = tmp_path_factory.mktemp("colab")
    others = [f"{name}=={PINS[name]}" for name in [*COLAB, *OLDER.split()]]
    try:
        make_environment(home, others, kernel="colab")
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI") or not error.stderr:
            pytest.fail(f"Colab's versions cannot be installed: {error.stderr}", pytrace=False)
        pytest.skip(f"Colab's versions cannot be installed: {error.stderr[-300:]}")
    cells = [nbformat.v4.new_code_cell(GOOGLE)]
    for name in clipbook.widgets.__all__:
        make, trait, value = MADE[name]
        cells.append(nbformat.v4.new_code_cell(f"widget = {make}\nwidget", id=name))
        ask = f"[widget.{trait} == {value!r}, widget._repr_mimebundle_()]"
        answered = nbformat.v4.new_code_cell(ask, id=f"{name}-answered")
        answered.metadata["answer"] = {trait: value}
        cells.append(answered)
    cells.append(nbformat.v4.new_code_cell(VERSIONS, id="versions"))
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(home / "venv/share/jupyter"))
        client = PagesThatAnswer(notebook, timeout=60, kernel_name="colab", allow_errors=True)
        client.execute(env=clean_environment(), cwd=str(home))
    for error in [one for one in notebook.cells[0].outputs if one.output_type == "error"]:
        pytest.fail("\n".join(error.traceback), pytrace=False)
    notebook.models = client.widget_state
    return notebook


def output_of(executed, cell_id: str):
    """The result of a cell; its error fails."""
    (cell,) = [cell for cell in executed.cells if cell.id == cell_id]
    errors = [one for one in cell.outputs if one.output_type == "error"]
    assert not errors, "\n".join(errors[0].traceback)
    (result,) = [
        one for one in cell.outputs if one.output_type in ("execute_result", "display_data")
    ]
    return result


def value_of(executed, cell_id: str):
    return eval(output_of(executed, cell_id).data["text/plain"])


def test_every_widget_is_made_here():
    assert set(clipbook.widgets.__all__) <= set(MADE), "say in MADE how the new widget is made"


def test_the_versions_are_colabs_and_the_widget_manager_is_asked_for_once(executed):
    versions, asked = value_of(executed, "versions")
    assert versions == list(COLAB.values())
    assert asked == [True]


@pytest.mark.parametrize("name", clipbook.widgets.__all__)
def test_a_widgets_output_is_a_view_that_colabs_manager_draws(executed, name):
    shown = output_of(executed, name).data[VIEW]
    _, (data, metadata) = value_of(executed, f"{name}-answered")
    assert data[VIEW]["model_id"] == shown["model_id"]
    assert metadata[VIEW]["colab"]["custom_widget_manager"]["url"] == URL
    state = executed.models[shown["model_id"]]
    assert (state["_model_module"], state["_view_name"]) == ("anywidget", "AnyView")
    assert re.fullmatch(r"~0\.9\.\*", state["_model_module_version"])


@pytest.mark.parametrize("name", clipbook.widgets.__all__)
def test_a_widgets_whole_state_arrives(executed, name):
    state = executed.models[output_of(executed, name).data[VIEW]["model_id"]]
    assert "export default" in state["_esm"] and "{" in state["_css"]
    assert state["alternative"]


@pytest.mark.parametrize("name", clipbook.widgets.__all__)
def test_what_a_page_changes_is_read_back_in_python(executed, name):
    equal, _ = value_of(executed, f"{name}-answered")
    assert equal


@pytest.mark.parametrize("name", clipbook.widgets.__all__)
def test_a_script_uses_nothing_that_anywidget_0_9_lacks(name):
    """In 0.9 `render` gets a model and an element, no signal; and a model has these methods."""
    script = getattr(clipbook.widgets, name)._esm
    assert re.search(r"function render\(\{ model, el \}\)", script)
    assert set(re.findall(r"\bmodel\.(\w+)", script)) <= {"get", "set", "save_changes", "on", "off"}


def test_this_environment_is_another_one():
    assert importlib.metadata.version("ipywidgets").startswith("8.")
