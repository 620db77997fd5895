"""
The files of the page, read once: the path of a request can't lead out of the folder.

Their names do not change with their contents, so a browser checks each time whether it has the
newest ones (C{ETag}).
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from twisted.web.http import CACHED
from twisted.web.resource import Resource

#: The type of each kind of file; others are not served.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}

#: Kinds that are compressed.
_TEXTS = (".html", ".css", ".js", ".json", ".svg")

INDEX = "index.html"


class PageFile(Resource):
    """One file."""

    isLeaf = True

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__()
        kind = name[name.rindex(".") :]
        self._type = TYPES[kind].encode()
        self._data = data
        digest = hashlib.sha256(data).hexdigest()[:16].encode()
        self._etag = b'W/"%s"' % digest
        packed = gzip.compress(data, 9, mtime=0) if kind in _TEXTS else data
        self._packed = packed if len(packed) < len(data) else None

    def render_GET(self, request: Any) -> bytes:
        request.setHeader(b"Content-Type", self._type)
        request.setHeader(b"Cache-Control", b"no-cache")
        if self._packed is not None:
            request.setHeader(b"Vary", b"Accept-Encoding")
        if request.setETag(self._etag) is CACHED:
            return b""
        if self._packed is not None and _takesGzip(request):
            request.setHeader(b"Content-Encoding", b"gzip")
            return self._packed
        return self._data


# A weight that means "not at all" (RFC 9110, 12.4.2).
_NEVER = re.compile(rb"\s*q\s*=\s*0(\.0*)?\s*", re.IGNORECASE)


def _takesGzip(request: Any) -> bool:
    words = b",".join(request.requestHeaders.getRawHeaders(b"Accept-Encoding", []))
    codings = [word.strip().partition(b";") for word in words.split(b",")]
    return any(
        name.strip().lower() == b"gzip" and not _NEVER.fullmatch(weight)
        for name, _, weight in codings
    )


def _read(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, PageFile]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(tuple(TYPES)):
            yield prefix + entry.name, PageFile(entry.name, entry.read_bytes())


# Once for all listeners, because compressing them takes about 10 ms.
@cache
def _ownFiles() -> dict[str, PageFile]:
    return dict(_read(files("tsservices.frontends.web") / "page"))


class PageFiles(Resource):
    """
    All files, by their paths below the folder.

    @ivar index: the page itself.
    """

    def __init__(self, folder: Traversable | None = None) -> None:
        """@param folder: L{None}: the one in this package."""
        super().__init__()
        self._files = _ownFiles() if folder is None else dict(_read(folder))
        self.index = self._files[INDEX]

    isLeaf = True

    def render(self, request: Any) -> bytes:
        name = b"/".join(request.postpath).decode("utf-8", "replace")
        file = self._files.get(name)
        if file is None:
            request.setResponseCode(404)
            return b"there is nothing here\n"
        body: bytes = file.render(request)
        return body
