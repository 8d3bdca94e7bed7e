"""The package as its users have it: the tests' own check of annotations switched off."""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import config


@contextmanager
def plain_python() -> Iterator[None]:
    """Within it, a wrong type reaches the function, which must refuse it itself."""
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", False)
