"""What the site serves of the live models, and how fast it is."""

import gzip
import re
import shutil
import subprocess
from collections import Counter

import pytest

from bookkit.live import files
from bookkit.live.timing import dragging, measure
from bookkit.pages.live import playground
from clipbook.widgets.kit import joined
from tests.widgets.test_arithmetic import DECLARED

SCRIPTS = ["worker", "timing", *files.PAGES]


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
    assert sizes["live/engine.js"] <= 15_000
    assert sizes["live/shapes.js"] <= 1_000_000
    assert all(sizes[f"live/{name}.js"] <= 1_300_000 for name in ("emoji", "answers", "pictures"))
    assert all(len(files.weights(name)) <= 1_300_000 for name in files.MODELS)
    assert all(sizes[f"_static/live/{name}.js"] <= 25_000 for name in files.PAGES)


def test_the_version_follows_from_all_that_is_served(monkeypatch):
    before = files.version()
    changed = {**files.files(), "live/engine.js": "other"}
    monkeypatch.setattr(files, "files", lambda: changed)
    files.version.cache_clear()
    assert files.version() != before
    files.version.cache_clear()


@pytest.mark.browser
@pytest.mark.alone
def test_simd_is_three_times_as_fast_as_plain_javascript(browser):
    for task, times in measure(browser, "shapes").items():
        assert times["ratio"] >= 3, (task, times)


@pytest.mark.browser
@pytest.mark.alone
def test_the_row_of_a_dragged_object_follows_in_each_frame(browser):
    painted, followed, late = dragging(browser, playground(""))
    assert followed >= 0.9 * painted, "60 times a second, where the machine paints as often"
    assert late < 1000 / 60
