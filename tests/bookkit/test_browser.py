"""bookkit.browser: which Chromium, and what is said where there is none."""

import pytest

from bookkit import browser, pdf


@pytest.fixture
def without(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "NAMES", ("chromium",))
    monkeypatch.delenv("CHROMIUM", raising=False)


@pytest.mark.parametrize("given", [None, "", "/nowhere/chromium"])
def test_a_path_where_none_is_is_none(monkeypatch, without, given):
    if given is not None:
        monkeypatch.setenv("CHROMIUM", given)
    assert browser.find_chromium() is None


def test_the_one_that_is_named_is_taken(monkeypatch, without, tmp_path):
    path = tmp_path / "mine"
    path.touch(mode=0o755)
    monkeypatch.setenv("CHROMIUM", str(path))
    assert browser.find_chromium() == str(path)


def test_one_without_windows_is_taken_first_unless_a_whole_one_is_wanted(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    for name in ("chromium", "chromium-headless-shell"):
        (tmp_path / name).touch(mode=0o755)
    assert browser.find_chromium() == str(tmp_path / "chromium-headless-shell")
    assert browser.find_chromium(*browser.WHOLE) == str(tmp_path / "chromium")


def test_the_pdf_says_what_is_missing(monkeypatch, without, tmp_path):
    (tmp_path / "index.html").touch()
    monkeypatch.setattr("sys.argv", ["pdf", str(tmp_path), str(tmp_path / "book.pdf")])
    with pytest.raises(SystemExit, match="no Chromium found"):
        pdf.main()
