"""bookkit.audit: what Lighthouse CI finds becomes a table, and a missed target an error."""

import json
import os
import sys

import pytest

from bookkit import audit

# Stands in for Lighthouse CI: it finds the same on every page that it was given.
LHCI = """#!{python}
import json, os, pathlib, sys
there = pathlib.Path(".lighthouseci")
there.mkdir(exist_ok=True)
assert os.environ["CHROME_PATH"].endswith("/chromium"), "Lighthouse wants one with windows"
if "collect" in sys.argv:
    urls = [one.partition("=")[2] for one in sys.argv if one.startswith("--url=")]
    (there / "urls").write_text("\\n".join(urls))
else:
    found = json.loads({found!r})
    made = [found | {{"url": url}} for url in (there / "urls").read_text().split()]
    (there / "assertion-results.json").write_text(json.dumps(made))
    sys.exit(not found["passed"])
"""


@pytest.mark.parametrize(
    ("passed", "said"), [(True, "performance 0.85"), (False, "**performance 0.85, not >= 0.9**")]
)
def test_missed_target_ends_in_1_and_stands_out(tmp_path, monkeypatch, passed, said):
    (tmp_path / "site/pairs").mkdir(parents=True)
    for name in ("index", "pairs/training"):
        (tmp_path / f"site/{name}.html").touch()
    found = {"auditId": "categories", "auditProperty": "performance", "actual": 0.85}
    found |= {"operator": ">=", "expected": 0.9, "passed": passed}
    lhci = tmp_path / "lhci"
    lhci.write_text(LHCI.format(python=sys.executable, found=json.dumps(found)))
    lhci.chmod(0o755)
    for name in ("chromium", "chromium-headless-shell"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CHROMIUM", raising=False)
    table = tmp_path / "table.md"
    arguments = [str(tmp_path / "site"), str(lhci), str(table), "pairs/training"]
    monkeypatch.setattr("sys.argv", ["audit", *arguments])
    assert audit.main() == (not passed)
    rows = table.read_text("utf-8").splitlines()[2:]
    assert rows == [f"| pairs/training.html | {form} | {said} |" for form in audit.FORMS]
