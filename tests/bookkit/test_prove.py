"""bookkit.prove: what is run again, and where the time went."""

import re
import shutil
import subprocess

import pytest

from bookkit import ROOT, execution, prove

REPORT = """<testsuites><testsuite>
<testcase classname="a.test_b" name="quick" time="0.1"/>
<testcase classname="a.test_b" name="slow[x]" time="12.5"/>
</testsuite></testsuites>"""


def test_the_slowest_tests_of_all_parts_are_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "part.xml").write_text(REPORT, "utf-8")
    monkeypatch.setattr(prove, "REPORTS", tmp_path)
    monkeypatch.setattr(prove, "seconds", {"part": 12.6})
    prove.tell(20)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "a.test_b" in line] == [
        ["12.5", "a.test_b::slow[x]"],
        ["0.1", "a.test_b::quick"],
    ]
    assert ["13", "part"] in [line.split() for line in lines]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small repository, and a list of the tests that were run in it."""
    for name in ("book/page.md", "src/code.py", "tests/text/test_code.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.setattr(prove, "ROOT", tmp_path)
    monkeypatch.setattr(execution, "ROOT", tmp_path)
    monkeypatch.setattr(prove, "PASSED", tmp_path / ".git/passed.json")
    monkeypatch.setattr(prove, "installed", lambda: "versions")
    ran, run = [], subprocess.run

    def record(command, **options):
        if "pytest" not in command:
            return run(command, **options)
        ran.append(command[-1])
        if (tmp_path / "red").exists():
            raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", record)
    return tmp_path, ran


def test_what_passed_is_run_again_when_a_file_that_it_may_read_changes(repository, capsys):
    folder, ran = repository
    for change, runs in [
        (None, 1),
        (None, 1),
        ("book/page.md", 1),  # unread
        ("src/code.py", 2),
        ("src/new.py", 3),
        ("tests/text/test_code.py", 4),
    ]:
        if change:
            (folder / change).write_text("changed")
        prove.pytest("part", "tests/text", unread=("book",))
        assert ran == ["tests/text"] * runs
    assert capsys.readouterr().out.count("passed before") == 2


def test_what_failed_is_run_again_and_so_is_all_with_other_versions(repository, monkeypatch):
    folder, ran = repository
    prove.pytest("part", "tests/text")
    (folder / "red").touch()
    with pytest.raises(subprocess.CalledProcessError):
        prove.pytest("part", "tests/text")
    (folder / "red").unlink()  # now the files are those that passed, but the last run failed
    prove.pytest("part", "tests/text")
    monkeypatch.setattr(prove, "installed", lambda: "newer versions")
    prove.pytest("part", "tests/text")
    assert len(ran) == 4


def test_without_git_all_is_run_again(repository):
    folder, ran = repository
    shutil.rmtree(folder / ".git/refs")
    for _ in range(2):
        prove.pytest("part", "tests/text")
    assert len(ran) == 2


def test_tests_of_the_package_read_nothing_of_the_book():
    files = [path for part in prove.PACKAGE for path in (ROOT / part).rglob("*.py")]
    assert len(files) > 50
    for path in files:
        assert not re.search(
            r"""["'/]book\b|\bBOOK\b|["'/]_(build|toc)\b""", path.read_text("utf-8")
        ), path


def test_only_files_in_which_a_mark_stands_are_read_for_it(tmp_path, monkeypatch):
    (tmp_path / "tests/pages").mkdir(parents=True)
    for name, line in [
        ("pages/test_all.py", "pytestmark = [pytest.mark.site]"),
        ("pages/test_one.py", "@pytest.mark.browser"),
        ("test_other.py", "@pytest.mark.sites, alone, browser"),
    ]:
        (tmp_path / "tests" / name).write_text(line)
    monkeypatch.setattr(prove, "ROOT", tmp_path)
    found = ["tests/pages/test_all.py", "tests/pages/test_one.py"]
    assert prove.marked("browser", "site") == found
    assert prove.marked("alone") == []


def test_no_test_gets_a_mark_elsewhere_than_in_its_own_file():
    for path in (ROOT / "tests").rglob("*.py"):
        if path.name.startswith("test_"):
            continue
        text = path.read_text("utf-8")
        assert not re.search(r"\b(add_marker|mark\.)\W*(browser|site|alone)\b", text), path


def test_every_folder_of_tests_is_of_the_package_or_of_the_book():
    tests = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/test_*.py")}
    assert tests | {"tests/bookkit"} == {*prove.PACKAGE, *prove.OF_THE_BOOK} - {"book"}


def test_a_note_of_what_passed_that_was_cut_off_is_no_note(repository):
    _, ran = repository
    for broken in ("", '{"part": "abc', "[1]"):
        prove.PASSED.write_text(broken)
        prove.pytest("part", "tests/text")
    assert len(ran) == 3


def test_why_colabs_versions_cannot_be_installed_is_said(monkeypatch, capsys):
    class Emoji:
        returncode = 0
        wait = terminate = lambda self: 0

    def fails():
        raise subprocess.CalledProcessError(2, "uv", stderr="no version of numpy fits\n")

    monkeypatch.setattr("sys.argv", ["prove"])
    monkeypatch.setattr(prove.subprocess, "Popen", lambda *_, **__: Emoji())
    monkeypatch.setattr(prove.subprocess, "run", lambda *_, **__: None)
    monkeypatch.setattr(prove, "pytest", lambda *_, **__: None)
    monkeypatch.setattr(prove, "REPORTS", prove.ROOT / "_build/no-reports")
    monkeypatch.setattr(prove.kernel, "make", fails)
    assert prove.main() == 2
    assert "no version of numpy fits" in capsys.readouterr().err
