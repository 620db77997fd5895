"""Programs that use the API of a server in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from tests.support.services import SuiteServer, connect
from tsservices.chat.operations import Operation
from tsservices.chat.records import Account, AccountToken
from tsservices.chat.session import Session
from tsservices.common.limits import Limits
from tsservices.common.tokens import newToken, readToken
from tsservices.testing import MemoryTransport


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def code(self) -> str:
        return str(self.document["error"]["code"])


def parse(data: bytes) -> tuple[Response, bytes]:
    """Parse the first response; return it and the data after it."""
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    size = int(headers.get("content-length", 0))
    return Response(int(first.split(" ")[1]), headers, rest[:size]), rest[size:]


def parseAll(data: bytes) -> list[Response]:
    found = []
    while data:
        response, data = parse(data)
        found.append(response)
    return found


class Connection:
    def __init__(self, server: APIServer, host: str) -> None:
        self._server = server
        self.protocol, self.transport = connect("http", server, host)

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)
        self._server.settle()

    def taken(self) -> bytes:
        """Return the data sent since the last call."""
        transport: MemoryTransport = self.transport
        data: bytes = transport.value()
        transport.clear()
        return data


class APIServer(SuiteServer):
    """A server, and the tokens of its accounts for programs."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits or Limits(floodLines=0, floodBytes=0))
        self.chat: Any = self.wiring.chat
        self.state = self.chat.context.state
        self.tokens: dict[str, str] = {}

    def settle(self) -> None:
        """Run all reactor turns that are due."""
        for _ in range(6):
            self.clock.advance(0)

    def addAccount(self, name: str, scope: str = "talk") -> str:
        """Add an account if needed, and a token for it; return the token."""
        if name not in self.state.accounts:
            now = self.clock.nanoseconds()
            self.state.accounts[name] = Account(name, name, "v", 1, now, now)
        text = newToken(bytes([len(self.tokens) + 1]) * 32)
        token = readToken(text)
        self.state.addToken(AccountToken(token.ident, name, scope, scope, scope, token.digest, 1))
        self.tokens[name] = text
        return text

    def dropTokens(self) -> None:
        for token in list(self.state.accountTokens.values()):
            self.state.removeToken(token)

    def member(self, nick: str, *rooms: str, account: bool = False) -> Any:
        """Connect a user of the line frontend."""
        protocol, transport = connect("chat", self)
        lines = [nick, *(["/register correct horse"] if account else [])]
        lines += [f"/join {room}" for room in rooms]
        protocol.dataReceived("".join(f"{line}\n" for line in lines).encode())
        self.settle()
        transport.clear()
        return protocol, transport

    def say(self, member: Any, *lines: str) -> str:
        protocol, transport = member
        protocol.dataReceived("".join(f"{line}\n" for line in lines).encode())
        self.settle()
        text: str = transport.value().decode()
        transport.clear()
        return text

    def propose(self, operation: Operation) -> None:
        session = Session(operation.session, None)
        self.chat.context.pipeline.propose(operation, session)
        self.settle()

    def connectProgram(self, host: str = "127.0.0.1") -> Connection:
        return Connection(self, host)

    def request(
        self,
        method: str,
        path: str,
        *headers: str,
        token: str | None = None,
        body: bytes | None = None,
        host: str = "127.0.0.1",
    ) -> Response:
        """Send a request on a new connection; return the response."""
        connection = self.connectProgram(host)
        connection.send(rawRequest(method, path, *headers, token=token, body=body))
        responses = parseAll(connection.taken())
        assert len(responses) == 1, responses
        if method == "HEAD":
            return replace(responses[0], body=b"")
        return responses[0]

    def get(self, path: str, *headers: str, token: str | None = None, **more: Any) -> Response:
        return self.request("GET", path, *headers, token=token, **more)

    def post(
        self, room: str, document: Any, token: str | None, *headers: str, **more: Any
    ) -> Response:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.request(
            "POST",
            f"/api/v1/rooms/{room}/messages",
            *(headers or ("Content-Type: application/json",)),
            token=token,
            body=body,
            **more,
        )


def rawRequest(
    method: str, path: str, *headers: str, token: str | None = None, body: bytes | None = None
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + (body or b"")
