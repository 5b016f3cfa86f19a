"""A local HTTP server that behaves like the DANDI archive, and can be told to misbehave."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from undertow.nlb import download

VERSION = "0.220113.0408"


def straight_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, and no pause between two connections."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE_S", 0.0)


@dataclass
class Archive:
    """What the server holds and how it behaves.

    Attributes:
        files: path in the dandiset → content.
        published: the newest published version, None for none.
        page_size: entries a page of the list.
        cut_after: bytes after which the next connections are cut, one entry each.
        ranges: whether a download can start midway.
        wrong_digest: whether the SHA-256 in the metadata is another file's.
        status: answer every request with this.
        page: answer what should be JSON with this.
        about: what the metadata of every file says instead.
        location: where downloads are redirected to instead.
        following: the address of the next page instead, at every page.
        asked: the (path, Range header) of every download so far.
    """

    files: dict[str, bytes]
    published: str | None = VERSION
    page_size: int = 1
    cut_after: list[int] = field(default_factory=list)
    ranges: bool = True
    wrong_digest: bool = False
    status: int = 200
    page: bytes | None = None
    about: dict[str, Any] = field(default_factory=dict)
    location: str | None = None
    following: Any = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    api: str = ""

    def address(self, path: str) -> str:
        """Where a file itself is."""
        key = next(key for key, each in self.ids().items() if each == path)
        return f"{self.api.removesuffix('/api')}/blobs/{key}"

    def ids(self) -> dict[str, str]:
        """Asset id → path."""
        return {f"asset-{k}": path for k, path in enumerate(self.files)}


@contextmanager
def serve(archive: Archive) -> Iterator[Archive]:
    """Run the server in a thread; `archive.api` is the address of its interface."""

    class Handler(_Handler):
        pass

    Handler.archive = archive
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    archive.api = f"http://127.0.0.1:{server.server_port}/api"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    archive: Archive

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        """Answer the few addresses that matter."""
        path = urlsplit(self.path).path.strip("/").split("/")
        if self.archive.status != 200:
            self.send_error(self.archive.status)
        elif path == ["api", "dandisets", "000140"]:
            self.send_json({"most_recent_published_version": self._published()})
        elif path[:4] == ["api", "dandisets", "000140", "versions"] and path[4] in (
            "draft",
            VERSION,
        ):
            self.send_json(self._page())
        elif path[:2] == ["api", "assets"] and path[3:] == ["download"]:
            self.send_response(302)
            self.send_header("Location", self.archive.location or f"/blobs/{path[2]}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path[:2] == ["api", "assets"]:
            self.send_json(self._metadata(self.archive.ids()[path[2]]))
        elif path[0] == "blobs":
            self._send_blob(self.archive.files[self.archive.ids()[path[1]]])
        else:
            self.send_error(404)

    def send_json(self, content: Any) -> None:
        body = json.dumps(content).encode() if self.archive.page is None else self.archive.page
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _published(self) -> dict[str, str] | None:
        return None if self.archive.published is None else {"version": self.archive.published}

    def _page(self) -> dict[str, Any]:
        number = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
        rows = [{"asset_id": key, "path": path} for key, path in self.archive.ids().items()]
        stop = number * self.archive.page_size
        address = f"{self.archive.api}{urlsplit(self.path).path.removeprefix('/api')}"
        following = f"{address}?page={number + 1}" if stop < len(rows) else None
        following = self.archive.following if self.archive.following != "" else following
        shown = rows[stop - self.archive.page_size : stop]
        return {"count": len(rows), "next": following, "results": shown}

    def _metadata(self, path: str) -> dict[str, Any]:
        content = b"other" if self.archive.wrong_digest else self.archive.files[path]
        digest = {"dandi:sha2-256": hashlib.sha256(content).hexdigest(), "dandi:dandi-etag": "x-1"}
        size = len(self.archive.files[path])
        return {"path": path, "contentSize": size, "digest": digest} | self.archive.about

    def _send_blob(self, content: bytes) -> None:
        asked = self.headers.get("Range")
        self.archive.asked.append((self.path, asked))
        start = (
            int(asked.removeprefix("bytes=").removesuffix("-"))
            if asked and self.archive.ranges
            else 0
        )
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = start + self.archive.cut_after.pop(0) if self.archive.cut_after else len(content)
        self.wfile.write(content[start:stop])
        self.close_connection = True
