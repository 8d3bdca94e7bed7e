"""What every test stands on: checked shapes, reproducible examples, one thread, one browser."""

import os
import shutil

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

# Shapes in signatures are checked while the tests run; this must come before clipbook is imported.
install_import_hook("clipbook", "beartype.beartype")

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

torch.set_num_threads(1)  # pytest -n 2 fills the cores with processes

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome: $CHROMIUM if set, else the first one on the PATH."""
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for the whole run; each test opens contexts of its own."""
    from playwright.sync_api import sync_playwright

    executable = find_chromium()
    if executable is None:
        message = "no Chromium found: run `apt-get install chromium`, or set CHROMIUM to its path"
        if ON_CI:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()
