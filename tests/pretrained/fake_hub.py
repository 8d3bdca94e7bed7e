"""A hub on 127.0.0.1 that holds small repositories, and can be made to fail."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlparse

LARGE = (".safetensors", ".bin")  # kept under their SHA-256, as the hub's LFS does


class FakeHub:
    """Repositories by name: files by name. commit: what "main" stands for, and any other revision.

    cut: how many bytes of weights go through before the line breaks, each time; wrong: files whose
    last byte arrives as another; gated: repositories that give their files to nobody; asked: how
    often what was asked for.
    """

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        self.repositories = repositories
        self.commit = "a" * 40
        self.cut: int | None = None
        self.wrong: set[str] = set()
        self.gated: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.ranges: list[str] = []

    def describe(self, name: str) -> dict:
        files = self.repositories[name]
        siblings = []
        for file, data in files.items():
            one = {"rfilename": file, "size": len(data), "blobId": sha1(data).hexdigest()}
            if file.endswith(LARGE):
                one["lfs"] = {
                    "sha256": sha256(data).hexdigest(), "size": len(data), "pointerSize": 134
                }  # fmt: skip
            siblings.append(one)
        return {"id": name, "modelId": name, "sha": self.commit, "siblings": siblings, "tags": []}


def handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def refuse(self, code: str, status: int = 404) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def answer(self, body: bool) -> None:
            path = unquote(urlparse(self.path).path)
            hub.asked[f"{self.command} {path}"] += 1
            if about := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/(.+))?", path):
                if about[1] not in hub.repositories:
                    return self.refuse("RepoNotFound")
                data = json.dumps(hub.describe(about[1])).encode()
                return self.send(data, {"Content-Type": "application/json"})
            found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
            if not found or found[1] not in hub.repositories:
                return self.refuse("RepoNotFound")
            if found[1] in hub.gated:
                return self.refuse("GatedRepo", 403)
            files = hub.repositories[found[1]]
            if found[3] not in files:
                return self.refuse("EntryNotFound")
            data, large = files[found[3]], found[3].endswith(LARGE)
            etag = (sha256 if large else sha1)(data).hexdigest()
            headers = {"X-Repo-Commit": hub.commit, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
            if large:
                headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(data))}
            if found[3] in hub.wrong:
                data = data[:-1] + bytes([data[-1] ^ 1])
            self.send(data, headers, body, hub.cut if large else None)

        def send(
            self, data: bytes, headers: dict, body: bool = True, cut: int | None = None
        ) -> None:
            start, status = 0, 200
            if wanted := re.fullmatch(r"bytes=(\d+)-.*", self.headers.get("Range") or ""):
                hub.ranges.append(wanted[0])
                start, status = int(wanted[1]), 206
                headers = headers | {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if not body:
                return
            if cut is not None and len(data) - start > cut:
                self.wfile.write(data[start : start + cut])
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(2)
                return
            self.wfile.write(data[start:])

    return Handler


@contextmanager
def serving(hub: FakeHub) -> Iterator[str]:
    """The hub's address, as long as it is open."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
