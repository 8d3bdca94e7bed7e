"""The wheel holds the whole package. Chapters run with it in tests/colab."""

from pathlib import Path

import pytest

from tests.environments import ROOT, make_environment, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    """Python of a new environment that has the wheel, and our dependencies but not our checkout."""
    return make_environment(tmp_path_factory.mktemp("wheel"))


def test_wheel_holds_every_file_of_the_package(elsewhere, tmp_path):
    where = run(elsewhere, "-c", "import clipbook; print(clipbook.__file__)", cwd=tmp_path)
    installed = Path(where.stdout.strip()).parent
    assert installed.is_relative_to(elsewhere.parents[1])
    source = ROOT / "src/clipbook"
    files = [p for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    missing = [p for p in files if not (installed / p.relative_to(source)).exists()]
    assert missing == []
    assert (installed / "py.typed").exists()  # so that type checkers read our signatures
