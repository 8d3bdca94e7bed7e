"""Serve a folder on localhost until Ctrl-C: python -m bookkit.serve <folder> [port]

Text goes out compressed, as from any web host. A port that is taken gives way to the
next free one. A page that isn't there is answered with 404.html, as on GitHub Pages.
"""

import argparse
import gzip
import io
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlparse

from bookkit.address import address, pages_address

LAST_PORT = 65_535
TEXT = {".html", ".css", ".js", ".json", ".svg", ".txt", ".xml", ".inv"}


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder, text of them compressed where the browser takes it."""

    protocol_version = "HTTP/1.1"  # one connection for many files
    place = urlparse(pages_address(address())).path  # of the repository on GitHub Pages

    def translate_path(self, path):
        """The file at an address here, or at one on GitHub Pages, which links of 404.html are."""
        inside = self.place and path.startswith(f"{self.place}/")
        return super().translate_path(path.removeprefix(self.place) if inside else path)

    def send_head(self):
        try:
            path = Path(self.translate_path(self.path))
            path = path / "index.html" if path.is_dir() and self.path.endswith("/") else path
            packs = "gzip" in self.headers.get("Accept-Encoding", "")
            if not (packs and path.suffix in TEXT and path.is_file()):
                return super().send_head()
            body = gzip.compress(path.read_bytes(), mtime=0)
        except (ConnectionError, TimeoutError):
            raise
        except (
            OSError,
            ValueError,
        ):  # no name that a file may have, or a file that may not be read
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def send_error(self, code, message=None, explain=None):
        page = Path(self.directory, "404.html")
        if code != 404 or not page.is_file():
            return super().send_error(code, message, explain)
        body = page.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of a browser that hangs up: readers leave pages half loaded."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def bind(folder: str, port: int, tries: int = 20) -> Server:
    """A server of `folder` on 127.0.0.1, at the first free port from `port` on; 0 is any free one.

    Raises:
        ValueError: there is no such folder, or no such port.
        OSError: none of the `tries` ports is free.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"there is no folder {folder}; make site builds it")
    if not 0 <= port <= LAST_PORT:
        raise ValueError(f"PORT={port} is no port; give a number from 0 to {LAST_PORT}, say 8000")
    handler = partial(Handler, directory=folder)
    last = min(port + tries - 1, LAST_PORT)
    for candidate in range(port, last + 1):
        try:
            return Server(("127.0.0.1", candidate), handler)
        except OSError as error:
            reason = error.strerror
    raise OSError(f"no port from {port} to {last} can be had ({reason}); try make book PORT=9000")


def number(port: str) -> int:
    """A port as it is typed. Raises ValueError where it is no whole number."""
    try:
        return int(port)
    except ValueError:
        raise ValueError(
            f"PORT={port[:20]!r} is no number; give one from 0 to {LAST_PORT}, say 8000"
        ) from None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("port", nargs="?", default="8000")
    asked = parser.parse_args()
    try:
        server = bind(asked.folder, number(asked.port))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    with server:
        print(f"The book: http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
