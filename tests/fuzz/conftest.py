"""No input may take the machine down with it: memory and time are limited while these tests run."""

import resource
import signal
from pathlib import Path

import pytest

MORE_MEMORY = 3 * 2**30  # bytes, beside what the process has
SECONDS = 30  # an example; a busy machine needs about one


@pytest.fixture(autouse=True, scope="module")
def memory():
    """Whoever asks for more gets a MemoryError."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MORE_MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


class Clock:
    """`with clock:` an example that takes too long ends in a TimeoutError."""

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)
        signal.alarm(SECONDS)

    def __exit__(self, *_) -> None:
        signal.alarm(0)

    def _ring(self, *_) -> None:
        raise TimeoutError(f"more than {SECONDS} s")


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Examples follow one another by the thousand; they share a folder."""
    return tmp_path_factory.mktemp("fuzz")
