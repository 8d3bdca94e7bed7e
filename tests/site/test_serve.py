"""tools/serve.py: the local server does as a web host does."""

import gzip
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
import serve


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


@pytest.mark.parametrize(("error", "quiet"), [(ConnectionResetError(), True), (OSError(), False)])
def test_a_browser_that_hangs_up_is_no_news_and_other_faults_are(capsys, tmp_path, error, quiet):
    with serve.bind(str(tmp_path), 8600) as server:
        try:
            raise error
        except OSError:
            server.handle_error(None, ("127.0.0.1", 1))
    assert (capsys.readouterr().err == "") == quiet
