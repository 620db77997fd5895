"""Browsers without a network: HTTP requests and WebSockets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from twisted.internet.protocol import connectionDone

from tests.support.frontend_case import FrontendCase
from tsservices.common.counters import WebCounters
from tsservices.frontends.web.origins import WebConfig
from tsservices.frontends.web.protocol import WebFactory, WebProtocol
from tsservices.frontends.web.server import WebServer
from tsservices.testing import MemoryTransport

#: The password of every account.
PASSWORD = "correct horse"

#: The server's address in a browser.
HOST = "localhost:21575"
ORIGIN = f"http://{HOST}"

#: Opcodes of WebSocket.
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(data: str | bytes, opcode: int = TEXT, final: bool = True) -> bytes:
    """Make a frame of a client, masked with zeros."""
    data = data.encode() if isinstance(data, str) else data
    size = len(data)
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    return head + bytes(4) + data


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Parse the frames sent by a server: the opcode and content of each."""
    found = []
    while data:
        size, begin = data[1], 2
        if size == 126:
            size, begin = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, begin = int.from_bytes(data[2:10], "big"), 10
        assert len(data) >= begin + size
        found.append((data[0] & 15, data[begin : begin + size]))
        data = data[begin + size :]
    return found


def objects(data: bytes) -> list[dict[str, Any]]:
    """Parse the JSON objects in the text frames sent by a server."""
    texts = [text for opcode, text in frames(data) if opcode == TEXT]
    return [json.loads(line) for text in texts for line in text.decode().split("\n") if line]


class Response:
    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0] else 0
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])
        }

    @property
    def facts(self) -> Any:
        return json.loads(self.body)


class WebClient:
    """One connection: HTTP, until L{upgrade}."""

    def __init__(self, case: WebCase, host: str, port: int) -> None:
        self._case = case
        self.transport = MemoryTransport(host, port)
        protocol = case.factory.buildProtocol(self.transport.getPeer())
        assert isinstance(protocol, WebProtocol)
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> bytes:
        """Send data; return the reply."""
        self.transport.clear()
        self.protocol.dataReceived(data)
        self._case.tick()
        answer: bytes = self.transport.value()
        self.transport.clear()
        return answer

    def request(
        self, method: str, path: str, body: str = "", host: str = HOST, **headers: str
    ) -> Response:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return Response(self.send("\r\n".join([*lines, "", body]).encode()))

    def upgrade(self, **headers: str) -> Response:
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec_WebSocket_Version": "13",
            "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Origin": ORIGIN,
            **headers,
        }
        return self.request("GET", "/ws", **headers)

    def ask(self, do: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a request over the WebSocket; return the objects received."""
        return self.exchange(frame(json.dumps({"do": do, **fields})))

    def exchange(self, data: bytes = b"") -> list[dict[str, Any]]:
        """Send data; return the objects received."""
        return objects(self.send(data))

    def heard(self) -> list[dict[str, Any]]:
        """Return the objects received since the last call."""
        data = self.transport.value()
        self.transport.clear()
        return objects(data)

    def types(self, do: str, **fields: Any) -> list[str]:
        return [item["type"] for item in self.ask(do, **fields)]

    @property
    def isClosed(self) -> bool:
        return bool(self.transport.disconnecting)

    def disconnect(self) -> None:
        self.protocol.connectionLost(connectionDone)
        self._case.tick()


class WebCase(FrontendCase):
    """A listener for browsers beside one of the line frontend, and a clock."""

    config = WebConfig()

    #: Connections count as encrypted, as behind a TLS proxy that sends no headers.
    secure: bool | None = True

    def setUp(self) -> None:
        super().setUp()
        self.counters = WebCounters()
        streams = replace(self.streams, counters=self.counters, secure=self.secure)
        self.timeouts = streams.timeouts
        self.timeouts.startService()
        self.server = WebServer(self.chat, self.config)
        self.factory = WebFactory(streams, self.server)
        self._ports = 50_000

    def tick(self) -> None:
        for _ in range(8):
            self.clock.advance(0)

    def connect(self, host: str = "192.0.2.1") -> WebClient:
        self._ports += 1
        return WebClient(self, host, self._ports)

    def browser(self, **headers: str) -> WebClient:
        client = self.connect()
        assert client.upgrade(**headers).status == 101
        return client

    def join(self, nick: str, *rooms: str) -> WebClient:
        client = self.browser()
        client.ask("enter", nick=nick)
        for room in rooms:
            client.ask("join", room=room)
        return client
