"""bookkit.colab.kernel: when the kernel with Colab's versions has to be made anew."""

import sys
from types import SimpleNamespace

import pytest

from bookkit.colab import kernel


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (sys, "version", "3.14.0"),
        (sys, "prefix", "/another/.venv"),
        (kernel, "distributions", lambda: [SimpleNamespace(name="numpy", version="9")]),
    ],
)
def test_another_environment_is_another_kernel(monkeypatch, where, name, value):
    before = kernel.key()
    assert kernel.key() == before
    monkeypatch.setattr(where, name, value)
    assert kernel.key() != before
