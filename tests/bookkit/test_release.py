"""bookkit.release: what a tag makes, rehearsed without the services."""

import zipfile

import pytest

from bookkit import ROOT, release

CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n- c\n\n## [0.2.0] - 2026-01-01\n\n- b\n\n## [0.1.0]\n\n- a\n"
)


def test_notes_are_the_section_of_the_version():
    assert release.notes(CHANGELOG, "0.2.0", "v0.2.0") == "- b\n"
    assert release.notes(CHANGELOG, "0.1.0", "v0.1.0") == "- a\n"


@pytest.mark.parametrize("tag", ["0.2.0", "v0.1.0", "v0.2.0.1", ""])
def test_a_tag_that_is_not_the_versions_is_refused(tag):
    with pytest.raises(ValueError, match=r"the version is 0\.2\.0; tag v0\.2\.0"):
        release.notes(CHANGELOG, "0.2.0", tag)


def test_a_version_that_the_changelog_does_not_know_is_refused():
    with pytest.raises(ValueError, match=r"no section \[0\.3\.0\]"):
        release.notes(CHANGELOG, "0.3.0", "v0.3.0")


def test_the_site_for_offline_reading_is_whole_and_the_same_twice(tmp_path):
    site = tmp_path / "html"
    (site / "text").mkdir(parents=True)
    (site / "index.html").write_text("cover")
    (site / "text/attention.html").write_text("chapter")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        release.offline(site, tmp_path / name / "book.zip")
    first = tmp_path / "a/book.zip"
    assert first.read_bytes() == (tmp_path / "b/book.zip").read_bytes()
    with zipfile.ZipFile(first) as file:
        assert file.namelist() == ["book/index.html", "book/text/attention.html"]


def test_without_site_or_pdf_the_remedy_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(release, "NEEDED", {"site": tmp_path / "x", "PDF": tmp_path / "y"})
    monkeypatch.setattr(release, "notes", lambda *given: "")
    with pytest.raises(ValueError, match="there is no site and no PDF; make release"):
        release.make(tmp_path / "out", "v0.1.0")


def test_a_folder_with_other_things_is_left_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setattr(release, "NEEDED", {})
    monkeypatch.setattr(release, "notes", lambda *given: "")
    (tmp_path / "essay.md").write_text("mine")
    for place, why in (("", "would be emptied, and holds no release"), ("essay.md", "is a file")):
        with pytest.raises(ValueError, match=f"{why}; give a"):
            release.make(tmp_path / place, "v0.1.0")
    (tmp_path / "notes.md").write_text("mine")  # a release holds such a file, too
    with pytest.raises(ValueError, match=r"no release alone but essay\.md; give a new folder"):
        release.make(tmp_path, "v0.1.0")
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}


@pytest.mark.slow
def test_a_release_holds_wheel_pdf_site_and_notes(monkeypatch, tmp_path):
    site, pdf = tmp_path / "html/index.html", tmp_path / "clip-book.pdf"
    site.parent.mkdir()
    site.write_text("cover")
    pdf.write_bytes(b"%PDF")
    monkeypatch.setattr(release, "NEEDED", {"site": site, "PDF": pdf})
    monkeypatch.setattr(release, "notes", lambda changelog, version, tag: tag)
    release.make(tmp_path / "out", "v0.1.0")
    names = sorted(path.name.replace("0.1.0", "V") for path in (tmp_path / "out").iterdir())
    assert names == [
        "clip-book-V-site.zip",
        "clip-book-V.pdf",
        "clipbook-V-py3-none-any.whl",
        "notes.md",
    ]


def test_a_tag_can_be_looked_at_before_anything_is_made(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sys.argv", ["release", "--check", str(tmp_path / "new"), "v99.0.0"])
    assert release.main() == 2
    assert "the version is" in capsys.readouterr().err
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipe = makefile.partition("\nrelease:")[2].partition("\n\n")[0].splitlines()
    assert "bookkit.release --check" in recipe[1] and "pdf" not in recipe[0]
    assert not (tmp_path / "new").exists()
