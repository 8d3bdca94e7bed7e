"""Tests of every chapter."""

from bookkit.chapters import names


def pytest_generate_tests(metafunc):
    if "chapter" in metafunc.fixturenames:
        metafunc.parametrize("chapter", names())
