"""The day that each page names."""

import datetime
import subprocess

from bookkit.pages import footer


def test_without_git_the_day_is_today(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert footer.day() == datetime.date.today()


def test_a_repository_around_the_book_says_nothing_of_it(tmp_path, monkeypatch):
    commit = ["git", "-c", "user.name=a", "-c", "user.email=b", "commit", "--quiet", "-m", "c"]
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "notes").write_text("other")
    subprocess.run(["git", "add", "notes"], cwd=tmp_path, check=True)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00")
    subprocess.run(commit, cwd=tmp_path, check=True)
    (tmp_path / "book").mkdir()
    monkeypatch.setattr(footer, "ROOT", tmp_path)
    assert footer.day() == datetime.date(2020, 1, 1)
    monkeypatch.setattr(footer, "ROOT", tmp_path / "book")
    assert footer.day() == datetime.date.today()
