"""The page's server with real sockets: browsers beside people with nc, and what strangers send."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.live.support.line_client import LineClient
from tests.live.support.server import Server
from tests.support.web_clients import CLOSE, PING, PONG, TEXT, frame, frames
from tsservices.frontends.web.frames import TOO_BIG

#: Members from which on a room is served by broadcasts, and more.
MEMBERS = 20


class Browser:
    """One WebSocket."""

    def __init__(self, server: Server) -> None:
        self.socket = server.connect("http")
        host, port = self.socket.getpeername()
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self._data = b""
        self.waitFor(b"\r\n\r\n")
        self._data = self._data.partition(b"\r\n\r\n")[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.socket.close()

    def waitFor(self, words: bytes) -> bytes:
        """What has come up to these words, and with them; the rest is forgotten."""
        while words not in self._data:
            data = self.socket.recv(1_000_000)
            assert data, self._data
            self._data += data
        found, self._data = self._data, b""
        return found

    def ask(self, do: str, **fields: Any) -> bytes:
        self.socket.sendall(frame(json.dumps({"do": do, "id": 1, **fields})))
        return self.waitFor(b'"id":1}')

    def end(self) -> bytes:
        """Everything up to the end of the connection."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(1_000_000):
                self._data += data
        return self._data


@pytest.fixture(scope="module")
def server(sharedFolder: Path) -> Iterator[Server]:
    with Server(sharedFolder, "--services", "chat,http", impatient=True) as serving:
        yield serving


def join(server: Server, nick: str, room: str) -> Browser:
    browser = Browser(server)
    browser.ask("enter", nick=nick)
    browser.ask("join", room=room)
    return browser


def test_room(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        browsers = [
            stack.enter_context(join(server, f"b{number}", "tea")) for number in range(MEMBERS)
        ]
        reader = stack.enter_context(LineClient(server, "ann", "/join tea"))
        reader.until("* you are in #tea")
        for number in range(5):
            reader.say(f"/msg #tea line {number}")
        # Nothing orders what comes by two connections.
        heardBy = {browser: browser.waitFor(b'"line 4"') for browser in browsers}
        browsers[0].socket.sendall(frame('{"do":"say","room":"tea","text":"from a page"}'))
        reader.until("from a page")
        for browser, heard in heardBy.items():
            assert [heard.count(b'"line %d"' % number) for number in range(5)] == [1] * 5
            browser.waitFor(b"from a page")


def test_strangers(server: Server) -> None:
    with join(server, "victor", "den") as witness:
        with join(server, "big", "den") as browser:
            browser.socket.sendall(frame("x" * 1000, final=False))
            with contextlib.suppress(OSError):
                for _ in range(10_000):
                    browser.socket.sendall(frame("x" * 1000, 0, final=False))
            # It is told why; whether it answers that is its own affair.
            browser.waitFor(TOO_BIG.to_bytes(2, "big"))
        half = [server.connect("http") for _ in range(50)]
        for client in half:
            client.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n")
        with join(server, "pinger", "den") as browser:
            browser.socket.sendall(frame("hello", PING))
            assert (PONG, b"hello") in frames(browser.waitFor(b"hello"))
            browser.socket.sendall(frame(b"\x03\xe8", CLOSE))
            assert frames(browser.end())[-1] == (CLOSE, b"\x03\xe8")
        for client in half:
            client.close()
        heard = witness.ask("people", room="den")
        assert frames(heard)[-1][0] == TEXT
        assert heard.count(b'"nick":"victor"') == 1
    server.untroubled()
