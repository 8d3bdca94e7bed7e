"""Serve a folder on localhost until Ctrl-C: python tools/serve.py <folder> [port]

A port that is taken gives way to the next free one.
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


def bind(folder: str, port: int, tries: int = 20) -> ThreadingHTTPServer:
    """A server of `folder` on 127.0.0.1, at the first free port from `port` on.

    Raises:
        OSError: none of the `tries` ports is free.
    """
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    for candidate in range(port, port + tries):
        try:
            return ThreadingHTTPServer(("127.0.0.1", candidate), handler)
        except OSError:
            continue
    raise OSError(f"ports {port} to {port + tries - 1} are all taken; try make book PORT=9000")


def main() -> None:
    folder, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 8000
    with bind(folder, port) as server:
        print(f"The book: http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
