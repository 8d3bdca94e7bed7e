"""bookkit.prove: a notebook is run again when anything that it depends on changes."""

import pytest

from bookkit import prove

REPORT = """<testsuites><testsuite>
<testcase classname="a.test_b" name="quick" time="0.1"/>
<testcase classname="a.test_b" name="slow[x]" time="12.5"/>
</testsuite></testsuites>"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Two notebooks, and an empty folder of marks."""
    for name in ("first", "second"):
        (tmp_path / f"{name}.ipynb").write_text(name, "utf-8")
    sources = {name: tmp_path / f"{name}.py" for name in ("first", "second")}
    monkeypatch.setattr(prove.notebooks, "sources", lambda: sources)
    monkeypatch.setattr(prove, "PROVEN", tmp_path / "proven")
    (tmp_path / "proven").mkdir()
    return tmp_path


def names() -> list[str]:
    return [path.stem for path in prove.unproven()]


def test_what_has_passed_is_not_run_again_until_it_changes(book):
    assert names() == ["first", "second"]
    for mark in prove.unproven().values():
        mark.touch()
    assert names() == []
    (book / "second.ipynb").write_text("changed", "utf-8")
    assert names() == ["second"]


@pytest.mark.parametrize("what", ["package", "versions"])
def test_all_are_run_again_when_the_package_or_the_versions_change(book, monkeypatch, what):
    for mark in prove.unproven().values():
        mark.touch()
    if what == "package":
        monkeypatch.setattr(prove, "digest", lambda paths: "another")
    else:
        monkeypatch.setattr(prove.kernel, "key", lambda: "another")
    assert names() == ["first", "second"]


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
