"""What the site serves of the live models, and how fast it is."""

import gzip
import re
import shutil
import subprocess
from collections import Counter

import pytest

from bookkit import BOOK
from bookkit.live import files, kernel
from bookkit.live.timing import dragging, measure
from bookkit.pages.live import playground
from clipbook.widgets.kit import joined
from tests.widgets.test_arithmetic import DECLARED

SCRIPTS = [*files.ENGINES.values(), "timing", *files.PAGES]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_one_module_that_declares_no_name_twice(name, tmp_path):
    text = joined(files.HERE / f"{name}.js")
    assert not re.search(r"^\s*import\b", text, re.MULTILINE)
    starts = [match.partition(" extends ")[0] for match in DECLARED.findall(text)]
    declared = [name for start in starts for name in re.findall(r"[\w$]+", start)]
    assert [name for name, times in Counter(declared).items() if times > 1] == []
    (tmp_path / "module.mjs").write_text(text, "utf-8")
    node = shutil.which("node")
    assert node, "node is missing: apt-get install nodejs, or https://nodejs.org"
    subprocess.run([node, "--check", str(tmp_path / "module.mjs")], check=True)


def test_no_file_weighs_more_than_a_reader_should_wait_for():
    sizes = {name: len(gzip.compress(text.encode())) for name, text in files.files().items()}
    assert sizes["live/shapes.js"] <= 1_000_000
    assert all(sizes[f"live/{name}.js"] <= 1_300_000 for name in ("emoji", "answers", "pictures"))
    assert all(len(files.weights(name)) <= 1_300_000 for name in files.MODELS)
    assert all(sizes[f"_static/live/{name}.js"] <= 20_000 for name in files.PAGES)


def test_an_engine_and_its_kernels_are_small_before_they_are_compressed():
    sizes = {
        name: len(files.minified(script).encode()) + len(kernel.assembled())
        for name, script in files.ENGINES.items()
    }
    assert sizes["engine"] <= 15_000
    assert sizes["answerer"] <= 20_000, "with a decoder"


def test_scripts_name_in_full_each_class_that_has_a_look():
    """A class that is put together keeps no rule: the site's sheet is cut to what scripts name."""
    named = set(re.findall(r"[\w-]+", "".join(joined(files.HERE / f"{n}.js") for n in files.PAGES)))
    sheet = (BOOK / "_static/book.css").read_text("utf-8")
    classes = set(re.findall(r"\.((?:play|way|own)-[\w-]+)", sheet))
    assert len(classes) > 50
    assert classes - named == set()


def test_the_version_follows_from_all_that_is_served(monkeypatch):
    before = files.version()
    changed = {**files.files(), "live/engine.js": "other"}
    monkeypatch.setattr(files, "files", lambda: changed)
    files.version.cache_clear()
    assert files.version() != before
    files.version.cache_clear()


@pytest.mark.browser
@pytest.mark.alone
@pytest.mark.parametrize("model", ["shapes", "answers"])
def test_simd_is_three_times_as_fast_as_plain_javascript(browser, model):
    for task, times in measure(browser, model).items():
        assert times["ratio"] >= 3, (task, times)


@pytest.mark.browser
@pytest.mark.alone
def test_the_row_of_a_dragged_object_follows_in_each_frame(browser):
    painted, followed, late = dragging(browser, playground(""))
    assert followed >= 0.9 * painted, "60 times a second, where the machine paints as often"
    assert late < 1000 / 60
