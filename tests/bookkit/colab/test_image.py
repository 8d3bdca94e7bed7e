"""bookkit.colab.image: what Colab has, and how it is compared with the published list."""

from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from bookkit.colab import image

PUBLISHED = """\
# made by pip freeze
Jupyter_Client==7.4.9
torch==2.11.0+cu128
numpy==2.0.2
spacy-model @ https://example.org/model.whl
"""


def made(**changes) -> image.Image:
    pins = {"jupyter-client": "7.4.9", "torch": "2.11.0", "numpy": "2.0.2"}
    whole = {"source": "", "date": "2026-08", "python": "3.13", "absent": (), "pins": pins}
    return image.Image(**whole | changes)


def test_list_is_read_whatever_its_capitals_marks_and_addresses():
    assert image.listed(PUBLISHED) == {
        "jupyter-client": "7.4.9",
        "torch": "2.11.0",
        "numpy": "2.0.2",
        "spacy-model": "",
    }


def test_equal_lists_differ_in_nothing():
    assert image.differences(made(), image.listed(PUBLISHED)) == []


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"pins": {"numpy": "2.1.3"}}, "numpy: 2.1.3 here, 2.0.2 in the list"),
        ({"pins": {"backcall": "0.2.0"}}, "backcall: 0.2.0 here, not in the list"),
        ({"absent": ("spacy-model",)}, "spacy-model: absent here, in the list"),
    ],
)
def test_each_difference_is_named(changes, said):
    assert image.differences(made(**changes), image.listed(PUBLISHED)) == [said]


def test_the_command_tells_equal_lists_from_others(tmp_path, monkeypatch, capsys):
    here = image.load()
    path = tmp_path / "list.txt"
    monkeypatch.setattr("sys.argv", ["image", str(path)])
    path.write_text("".join(f"{name}=={version}\n" for name, version in here.pins.items()))
    assert image.main() == 0
    path.write_text(path.read_text() + "jaxtyping==0.3\n")
    assert image.main() == 1
    assert "jaxtyping: absent here" in capsys.readouterr().out


def test_a_list_that_cannot_be_read_is_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "bytes.txt").write_bytes(b"\x89PNG\xff")
    odd = ["https://[", "https://a b/", "https://127.0.0.1:x/", "", "n" * 5000]
    for place in (*(tmp_path / name for name in ("none.txt", "empty.txt", "bytes.txt", ".")), *odd):
        monkeypatch.setattr("sys.argv", ["image", str(place)])
        assert image.main() == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and str(place) in said and "; give " in said


def test_image_says_where_and_when_it_was_read():
    here = image.load()
    assert here.source.startswith("https://")
    assert here.date >= "2026-08"


def test_what_the_package_needs_is_on_colab_or_said_to_be_absent():
    """And Colab's versions satisfy the package's bounds, so that nothing there is replaced."""
    here = image.load()
    for need in map(Requirement, requires("clipbook")):
        name = image.normal(need.name)
        assert name in here.absent or need.specifier.contains(here.pins[name]), need
