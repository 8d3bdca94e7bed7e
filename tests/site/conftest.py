"""The built site, served on localhost and opened with every other host blocked."""

import functools
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from bookkit import BOOK, BUILD, ROOT, serve
from bookkit.chapters import pages

SITE = BUILD / "html"


def notebooks() -> list[str]:
    """The pages that are notebooks."""
    return [page for page in pages() if (BOOK / f"{page}.py").exists()]


@functools.cache
def soup_of(path: Path) -> BeautifulSoup:
    """A built page, parsed once for all tests: they read it and leave it as it is."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def pytest_generate_tests(metafunc):
    for name, values in {"page": pages, "chapter": notebooks}.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, values())


@pytest.fixture
def toc() -> list[str]:
    """Every page of the table of contents."""
    return pages()


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the built site."""
    if not (SITE / "index.html").exists():
        pytest.fail(f"no site in {SITE.relative_to(ROOT)}: run `make site`", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def origin(site) -> str:
    """Address of a local server of the site, without a slash at the end."""
    with serve.bind(str(site), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Visit:
    """A page in the browser, and what it did that it should not have done."""

    tab: object
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser):
    """Function that opens an address and notes each request that goes elsewhere than `allowed`; the
    browser finds no other machine.

    `until` says what is waited for; "networkidle" takes half a second of silence.
    """
    contexts = []

    def open_address(address: str, allowed: str, until: str = "load", **options) -> Visit:
        context = browser.new_context(**options)
        contexts.append(context)
        seen = Visit(context.new_page())

        def note(request):
            if not request.url.startswith((allowed, "data:", "blob:")):
                seen.foreign.append(request.url)

        context.on("request", note)
        seen.tab.on("console", lambda m: m.type == "error" and seen.errors.append(m.text))
        seen.tab.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.tab.goto(address, wait_until=until)
        return seen

    yield open_address
    for context in contexts:
        context.close()
