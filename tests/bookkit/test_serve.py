"""bookkit.serve: the local server does as a web host does."""

import gzip
import http.client
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from bookkit import serve


@contextmanager
def served(folder):
    with serve.bind(str(folder), 8600) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def answer(address: str, **headers) -> tuple[int, bytes, dict]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as got:
            return got.status, got.read(), dict(got.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def test_text_is_compressed_for_those_who_take_it(tmp_path):
    (tmp_path / "index.html").write_text("<p>" + "word " * 500)
    with served(tmp_path) as address:
        _, packed, headers = answer(address + "/", **{"Accept-Encoding": "gzip"})
        _, plain, bare = answer(address + "/")
    assert headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in bare
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 10


@pytest.mark.parametrize("own", [True, False])
def test_a_page_that_is_not_there_is_a_404_with_the_sites_own_page(tmp_path, own):
    if own:
        (tmp_path / "404.html").write_text("ours")
    with served(tmp_path) as address:
        code, body, _ = answer(f"{address}/no/such.html")
    assert code == 404
    assert (body == b"ours") == own


@pytest.mark.parametrize(("place", "code"), [("/book", 200), ("", 404)])
def test_a_link_to_where_pages_serves_the_repository_stays_here(tmp_path, monkeypatch, place, code):
    (tmp_path / "index.html").write_text("cover")
    monkeypatch.setattr(serve.Handler, "place", place)
    with served(tmp_path) as address:
        assert answer(f"{address}/book/index.html")[0] == code
        assert answer(f"{address}/index.html")[0] == 200
        assert answer(f"{address}/bookish.html")[0] == 404


@pytest.mark.parametrize(("error", "quiet"), [(ConnectionResetError(), True), (OSError(), False)])
def test_a_browser_that_hangs_up_is_no_news_and_other_faults_are(capsys, tmp_path, error, quiet):
    with serve.bind(str(tmp_path), 8600) as server:
        try:
            raise error
        except OSError:
            server.handle_error(None, ("127.0.0.1", 1))
    assert (capsys.readouterr().err == "") == quiet


ADDRESSES = [
    "/%00",
    "/a%00.html",
    "/%",
    "/%zz",
    "/%ff%fe.html",
    "/%ed%a0%80.js",
    "/%2e%2e/%2e%2e/etc",
]
ADDRESSES += [
    "/" + "x" * 300 + ".html",
    "/" + "x/" * 3000,
    "/%0d%0aX:1",
    "/a%5cb",
    "//no.html",
    "/:",
]


@pytest.mark.slow
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("packed", [{}, {"Accept-Encoding": "gzip"}])
def test_an_address_that_no_file_can_have_is_a_404_and_no_traceback(
    tmp_path, capsys, address, packed
):
    (tmp_path / "index.html").write_text("word")
    with served(tmp_path) as origin:
        line = http.client.HTTPConnection(origin.removeprefix("http://"))
        line.putrequest("GET", "/")
        line._buffer[0] = f"GET {address} HTTP/1.1".encode()  # as it is, which urllib would mend
        for name, value in packed.items():
            line.putheader(name, value)
        line.endheaders()
        answered = line.getresponse()
        body = answered.read()
        line.close()
    assert answered.status == 404 and b"word" not in body
    assert capsys.readouterr().err == ""


def run(*arguments: str) -> tuple[int, str]:
    """How the command ends, and the one line that it says."""
    command = [sys.executable, serve.__file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("port", "said"),
    [(port, f"PORT={port} is no port") for port in ("70000", "65536", "-1", "9" * 4000)]
    + [(port, f"PORT={port!r} is no number") for port in ("abc", "", "80.5", "1e3", "8 9", "0x50")],
)
def test_a_port_that_is_none_is_refused_with_the_remedy(tmp_path, port, said):
    code, told = run(str(tmp_path), port)
    assert code == 2
    assert told.startswith(said)
    assert told.endswith("from 0 to 65535, say 8000\n") and told.count("\n") == 1


@pytest.mark.parametrize("name", ["nothing", "file", "n" * 200])
def test_a_folder_that_is_none_is_refused_with_the_remedy(tmp_path, name):
    (tmp_path / "file").touch()
    code, told = run(str(tmp_path / name))
    assert code == 2
    assert told == f"there is no folder {tmp_path / name}; make site builds it\n"


def test_the_last_port_is_a_port_and_0_is_any_free_one(tmp_path):
    for port in (65_535, 0):
        with serve.bind(str(tmp_path), port) as server:
            assert 0 < server.server_port <= 65_535


def test_what_keeps_a_port_from_being_had_is_said(tmp_path):
    with (
        serve.bind(str(tmp_path), 8600) as server,
        pytest.raises(OSError, match=r"\(Address already in use\); try make book PORT"),
    ):
        serve.bind(str(tmp_path), server.server_port, tries=1)
