"""bookkit.prove: where the time went."""

from bookkit import prove

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
