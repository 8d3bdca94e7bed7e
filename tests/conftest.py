"""What every test stands on: checked shapes, reproducible examples, one thread, one browser."""

import os
import re

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook
from playwright.sync_api import expect

from bookkit import ROOT
from bookkit.browser import chromium


def with_shapes() -> list[str]:
    """Modules of the package whose signatures say shapes, or take a `Batch`.

    Only these are checked: it takes three times as long, and mypy knows all other types.
    """
    texts = {path: path.read_text("utf-8") for path in (ROOT / "src/clipbook").rglob("*.py")}
    found = [path for path, text in texts.items() if re.search(r"\b(jaxtyping|Batch)\b", text)]
    return [".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in found]


# Shapes in signatures are checked while the tests run; this must come before clipbook is imported.
install_import_hook(with_shapes(), "beartype.beartype")

ON_CI = os.environ.get("CI", "").lower() in ("1", "true")

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.register_profile(
    "fuzz",  # make fuzz
    deadline=None,
    max_examples=2_000,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("ci" if ON_CI else "local")

expect.set_options(timeout=20_000)  # as long as the pages' own waits: a machine may be busy

torch.set_num_threads(1)  # pytest -n 2 fills the cores with processes


def pytest_collection_modifyitems(items):
    """Lines are counted in quick tests with few examples: it nearly doubles the time of others."""
    for item in items:
        if item.get_closest_marker("slow") or hasattr(item.function, "hypothesis"):
            item.add_marker("no_cover")


@pytest.fixture(autouse=True)
def small_numbers_stay():
    """A command that trains takes the smallest numbers for 0, in the whole process: what runs in it
    later, such as hypothesis' floats, must not."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for the whole run; each test opens contexts of its own."""
    try:
        with chromium() as launched:
            yield launched
    except FileNotFoundError as missing:
        if ON_CI:
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
