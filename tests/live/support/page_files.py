"""The files of the page without the server of the suite, but with the policy that it gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from typing import Any

from tsservices.frontends.web.files import INDEX, TYPES
from tsservices.frontends.web.request import SECURITY_HEADERS

SERVICES = [
    {
        "name": "chat",
        "summary": "rooms to talk in, for nc and telnet",
        "transports": ["tcp"],
        "places": [{"transport": "tcp", "port": 21573, "tls": False}],
    }
]

_PAGE = files("tsservices.frontends.web") / "page"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/session":
            why = self.server.whyNoSignIn
            answer = {"account": None, "secure": not why, "signIn": why or True}
            self._answer(200, "application/json", json.dumps(answer).encode())
            return
        if path == "/api/v1/services":
            self._answer(200, "application/json", json.dumps({"services": SERVICES}).encode())
            return
        name = INDEX if path == "/" else path.removeprefix("/page/")
        file = _PAGE / name
        if file.is_file():
            self._answer(200, TYPES[name[name.rindex(".") :]], file.read_bytes())
        else:
            self._answer(404, "text/plain", b"")

    def do_POST(self) -> None:
        """Sign anybody in."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(204, "application/json", b"")

    def do_DELETE(self) -> None:
        """Sign anybody out."""
        self._answer(204, "application/json", b"")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in SECURITY_HEADERS:
            self.send_header(name.decode(), value.decode())
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    whyNoSignIn = ""


class PageSite:
    """
    @ivar address: where the page stands; browsers take it for secure, as with HTTPS.
    """

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.address = f"http://localhost:{server.server_port}/"

    def refuseSignIn(self, why: str) -> None:
        self._server.whyNoSignIn = why


@contextmanager
def pageSite() -> Iterator[PageSite]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield PageSite(server)
        finally:
            server.shutdown()
            thread.join()
