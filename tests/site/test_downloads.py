"""What the site offers to instructors for download: a ZIP of each chapter."""

import zipfile

import pytest

from bookkit.cells import MARKS
from bookkit.chapters import names
from tests.site.conftest import soup_of

pytestmark = pytest.mark.site


def test_the_guide_links_to_notebook_guide_and_slides_of_every_chapter(site, chapter):
    if chapter not in names():
        pytest.skip("no chapter, so nothing to teach")
    name, stem = chapter.replace("/", "-"), chapter.rpartition("/")[2]
    assert soup_of(site / "instructors/guide.html").select(f"a[download][href='{name}.zip']")
    with zipfile.ZipFile(site / f"instructors/{name}.zip") as file:
        texts = {path.partition("/")[2]: file.read(path).decode() for path in file.namelist()}
    assert set(texts) == {"README.txt", f"{stem}.ipynb", f"{name}.md", "slides.html"}
    assert not any(mark in text for mark in MARKS for text in texts.values())
    slides = texts["slides.html"]
    assert slides.count("<img") + slides.count("output") > 4, "slides of a run without outputs"
