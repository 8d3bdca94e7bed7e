"""The contract with Colab, kept by the quickest chapter with Colab's and with the lowest versions.

`make colab` runs every chapter, and with the newest versions too. These are tried weekly: what came
out today must not decide about a commit.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from packaging.version import Version

from bookkit.colab import contract, image
from bookkit.colab.publish import publish

QUICKEST = "text/embeddings"
KEPT = {"setup": 5, "seconds": 9, "said": "", "error": "", "gained": frozenset(), "changed": {}}

slow = pytest.mark.slow
for_colabs_python = pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="Colab's numpy is for Python 3.10 to 3.13"
)


@pytest.fixture(scope="module")
def branch(tmp_path_factory) -> Path:
    """What is published, its set-up cells taking the wheel from beside it."""
    folder = tmp_path_factory.mktemp("published") / "branch"
    publish(folder, folder.as_uri())
    return folder


def made(name: str, home: Path) -> contract.Environment:
    """The environment; without a network a skip that says so, on CI a failure."""
    try:
        return contract.environment(name, home)
    except subprocess.CalledProcessError as error:
        message = f"the {name} versions cannot be installed: {error.stderr[-600:]}"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


def bounds() -> dict[str, str]:
    """The lower bound of each package that pyproject.toml names, "" where it sets none."""
    needs = contract.dependencies()
    return {image.normal(n.name): str(n.specifier).removeprefix(">=") for n in needs}


@slow
@for_colabs_python
@pytest.mark.parametrize("name", [one for one in contract.ENVIRONMENTS if one != "newest"])
def test_a_chapter_keeps_the_contract(name, branch, tmp_path):
    there = made(name, tmp_path / name)
    done = contract.run(branch / f"book/{QUICKEST}.ipynb", there)
    assert done.broken() == []
    assert "clipbook" in done.gained
    assert "GPU" in done.said
    found = contract.versions(there.fresh(tmp_path / "look"))
    pins = {"colab": image.load().pins, "lowest": bounds()}[name]
    here = contract.versions(Path(sys.executable))
    assert found["torch"] == here["torch"]
    differ = [one for one, pin in pins.items() if Version(found[one]) != Version(pin)]
    assert set(differ) <= {"torch"}


@slow
@pytest.mark.parametrize(
    "package, said",
    [
        ("git+https://github.com/OWNER/clipbook", r"make repository URL="),
        ("{folder}/none-1-py3-none-any.whl", r"Cannot install clipbook: no network\?"),
    ],
    ids=["not set", "not reachable"],
)
def test_an_address_without_a_package_is_one_clear_sentence(package, said, branch, tmp_path):
    notebook = nbformat.read(branch / f"book/{QUICKEST}.ipynb", 4)
    setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
    before = setup.source
    there = package.format(folder=tmp_path.as_uri())
    setup.source = before.replace(next(branch.glob("*.whl")).as_uri(), there)
    assert setup.source != before
    notebook.cells = [setup]
    nbformat.write(notebook, tmp_path / "setup.ipynb")
    absent = set(image.load().absent)
    bare = contract.Environment("bare", (contract.lend(tmp_path / "lent", absent),))
    done = contract.run(tmp_path / "setup.ipynb", bare)
    assert done.error.startswith("RuntimeError: ")
    assert "\n" not in done.error
    assert re.search(said, done.error)
    assert done.said == ""
    assert done.gained == frozenset()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({}, []),
        ({"error": "NameError: x"}, ["NameError: x"]),
        ({"setup": 21}, ["the set-up cell took 21 s, more than 20 s"]),
        ({"changed": {"numpy": ("2.1.3", "2.4.0")}}, ["numpy 2.1.3 became 2.4.0"]),
        ({"gained": frozenset({"clipbook", "jaxtyping"})}, []),
        ({"gained": frozenset({"pandas"})}, ["it installed pandas, which Colab has"]),
    ],
)
def test_each_broken_promise_is_named(changes, said):
    assert contract.Run(**KEPT | changes).broken() == said


def test_every_need_has_a_lower_bound_else_the_lowest_is_from_another_age():
    assert {"torch", "numpy", "regex", "tqdm"} <= set(bounds())
    assert all(Version(bound or "0") >= Version("0.2") for bound in bounds().values())


def test_what_is_lent_lacks_what_is_hidden_and_always_the_book(tmp_path):
    names = {path.name for path in contract.lend(tmp_path / "lent", {"numpy"}).iterdir()}
    assert {"torch", "matplotlib"} <= names
    assert not [name for name in names if name.startswith(("numpy", "clipbook"))]
