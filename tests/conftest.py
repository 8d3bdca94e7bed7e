"""What every test stands on: checked shapes, reproducible examples, one thread, one browser."""

import os

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

from bookkit.browser import chromium

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
