"""
The client's state machine and the chat's real line protocol in memory, with connections that can
be cut anywhere.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.protocol import connectionDone

from tests.support.services import SuiteServer
from tsservices.chat.notifications import ErrorReply, RoomMessages
from tsservices.client.chat.events import Content, ReplayHead, SearchHead, ServerEvent, decode
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import ConnectionChange, LineOrigin, View
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.token_file import TokenFile
from tsservices.common.limits import Limits
from tsservices.server.chat.service import ChatService
from tsservices.server.registry import BY_NAME
from tsservices.storage.memory import MemoryStorage
from tsservices.testing import MemoryTransport

#: The password of every account.
PASSWORD = "secret word"


def content(type: str, **fields: object) -> Content:
    """Return the client's decoded content of an object with these fields."""
    event = decode(json.dumps({"type": type, **fields}).encode())
    assert event is not None
    assert event.content is not None
    return event.content


class ChatServer:
    """A chat in memory, without flood control."""

    def __init__(self, log: str = "log") -> None:
        self.memory = SuiteServer(Limits(floodLines=0, floodBytes=0), log=log)

    def tick(self) -> None:
        for _ in range(3):
            self.memory.clock.advance(0)

    def forget(self, room: str) -> None:
        chat = cast(ChatService, self.memory.wiring.chat)
        storage = cast(MemoryStorage, chat.storage)
        while room in storage._rooms:
            storage._forget(storage._all.popleft())

    def register(self, nick: str) -> None:
        person = OtherUser(self, nick)
        person.type(f"/register {PASSWORD}")
        person.leave()


class Connection:
    """A connection, with the data in transit in both directions."""

    def __init__(self, server: ChatServer, older: bool = False) -> None:
        self.toServer: deque[str] = deque()
        self.cut = False
        self._server = server
        self._older = older
        self._toClient: deque[bytes] = deque()
        self._transport: MemoryTransport
        self._protocol, self._transport = server.memory.connect(BY_NAME["chat"])
        self._over = False

    @property
    def toClient(self) -> deque[bytes]:
        data = self._transport.value()
        self._transport.clear()
        self._toClient.extend(filter(None, map(self._aged, data.splitlines())))
        return self._toClient

    @property
    def ended(self) -> bool:
        return self._over or bool(self._transport.disconnecting)

    def serve(self, most: int = 1_000_000) -> None:
        while self.toServer and most and not self.ended:
            most -= 1
            self._protocol.dataReceived(f"{self.toServer.popleft()}\n".encode())
            self._server.tick()
        if self.ended or (self.cut and not self.toServer):
            self.end()

    def end(self) -> None:
        self.toServer.clear()
        if not self._over:
            self._over = True
            self._protocol.connectionLost(connectionDone)
            self._server.tick()

    def _aged(self, line: bytes) -> bytes:
        # Older servers had no tokens, and help only as text for users.
        if self._older and line.startswith(b'{"type":"token"'):
            return b""
        if self._older and line.startswith(b'{"type":"commands"'):
            return b'{"type":"notice","lines":["/join ROOM    enter a room","and so on"]}'
        return line


class OtherUser:
    """Another user in the chat, whose client reads JSON."""

    def __init__(self, server: ChatServer, nick: str, *rooms: str) -> None:
        self._connection = Connection(server)
        self._heard: list[dict[str, Any]] = []
        self.type("/format json", "/echo on", f"/nick {nick}", *(f"/join {room}" for room in rooms))

    def type(self, *lines: str) -> None:
        self._connection.toServer.extend(lines)
        self._connection.serve()

    def say(self, room: str, text: str) -> None:
        self.type(f"/msg #{room} {text}")

    def heard(self) -> list[dict[str, Any]]:
        lines = self._connection.toClient
        while lines:
            line = lines.popleft()
            if line.startswith(b"{"):
                self._heard.append(json.loads(line))
        return self._heard

    def lines(self, room: str) -> list[dict[str, Any]]:
        """Return the lines sent in a room since this user joined it."""
        return [
            object
            for object in self.heard()
            if object["type"] == "said" and object["room"] == room and "replay" not in object
        ]

    def leave(self) -> None:
        self._connection.end()


class ClientWorld:
    """
    One client, its server, and C{bob}, who joined the client's rooms first and founded them.

    @ivar time: the time in seconds.
    """

    def __init__(
        self,
        older: bool = False,
        options: LoginOptions | None = None,
        view: View | None = None,
        random: float = 0.5,
        tokens: TokenFile | None = None,
        server: ChatServer | None = None,
        openView: Callable[[ClientState], View] | None = None,
    ) -> None:
        self.server = server or ChatServer()
        self.bob = OtherUser(self.server, "bob", "lobby", "den")
        self.view = RecordingView()
        self.connection: Connection | None = None
        self.ghosts: list[Connection] = []
        self.time = 0.0
        self.sent: list[str] = []
        self.over: list[tuple[int, str]] = []
        self.delays: list[float] = []
        self._older = older
        options = options or LoginOptions("ann", rooms=["lobby", "den"])
        self.state = ClientState()
        # This folder can't contain files.
        tokens = tokens or TokenFile(os.devnull, "h", 7, self.view.complain)
        shown = openView(self.state) if openView is not None else view or self.view
        self.machine = ClientMachine(options, self.state, self, tokens, shown, lambda: random)

    def phase(self) -> Phase:
        # A method: for a property, mypy would assume the value of the last comparison.
        return self.machine.phase

    def send(self, line: str) -> None:
        assert "\n" not in line
        self.sent.append(line)
        if self.connection is not None:
            self.connection.toServer.append(line)

    def hangUp(self) -> None:
        self.cut(0)

    def connectIn(self, seconds: float) -> None:
        self.delays.append(seconds)

    def ended(self, status: int, message: str = "") -> None:
        self.over.append((status, message))

    def connect(self) -> None:
        assert self.connection is None
        self.connection = Connection(self.server, self._older)
        self.machine.connected(self.time)

    def join(self) -> None:
        """Connect for the first time, and wait until nothing is in transit."""
        self.connect()
        self.settle()

    def type(self, *lines: str) -> None:
        for line in lines:
            self.machine.input(line, self.time)

    def say(self, *lines: str) -> None:
        """Type lines, and deliver all resulting data."""
        self.type(*lines)
        self.settle()

    def tick(self, now: float) -> None:
        self.time = now
        self.machine.tick(now)

    def serverSends(self, type: str, **fields: object) -> None:
        """Give the client an object that the real server has not sent."""
        self.machine.received(json.dumps({"type": type, **fields}).encode(), self.time)

    def cut(self, reaching: int) -> None:
        """Lose the connection; this many lines in transit still reach the server."""
        connection = self.connection
        if connection is None:
            return
        self.connection = None
        while len(connection.toServer) > reaching:
            connection.toServer.pop()
        connection.cut = True
        self.ghosts.append(connection)
        self.machine.connectionLost("cut", self.time)

    def serveGhosts(self, most: int = 1_000_000) -> None:
        for connection in self.ghosts:
            connection.serve(most)

    def deliver(self, most: int = 1_000_000) -> None:
        connection = self.connection
        while connection is not None and connection is self.connection and connection.toClient:
            if not most:
                return
            most -= 1
            self.machine.received(connection.toClient.popleft(), self.time)
        if connection is not None and connection is self.connection and connection.ended:
            self.cut(0)

    def settle(self, until: Callable[[], bool] = lambda: False) -> None:
        for _ in range(20_000):
            if until():
                return
            connection = self.connection
            if connection is None or not (connection.toServer or connection.toClient):
                return
            connection.serve(1)
            self.deliver(1)
        raise AssertionError("it does not come to rest")

    def restore(self) -> None:
        for _ in range(60):
            if self.over:
                return
            if self.connection is None:
                self.connect()
            self.settle()
            self.serveGhosts()
            if self.phase() is Phase.READY:
                self.settle()
                return
            self.tick(self.time + 2.0)
        raise AssertionError(f"it stays {self.phase()}")

    def textsIn(self, room: str) -> list[str]:
        """Return the client's lines in a room, as received by others."""
        return [line["text"] for line in self.bob.lines(room) if line["nick"].startswith("ann")]


class RecordingView:
    def __init__(self) -> None:
        self.shown: dict[str, list[int]] = {}
        self.expired: dict[str, list[int]] = {}
        self.texts: list[str] = []
        self.lines: list[tuple[str, str, str]] = []

    def received(self, event: ServerEvent) -> None:
        pass

    def notify(self, content: Content) -> None:
        code = content.error.code.name if isinstance(content, ErrorReply) else ""
        self.texts.append(f"{type(content).__name__} {code}".strip())

    def roomLine(self, room: ClientRoom | None, message: RoomMessages, origin: LineOrigin) -> None:
        self.lines.append((origin.value, message.nick, message.texts[0]))
        if origin in (LineOrigin.NOW, LineOrigin.MISSED):
            self.shown.setdefault(message.roomName, []).append(message.first)

    def linesBegin(self, head: ReplayHead | SearchHead) -> None:
        self.texts.append(type(head).__name__)

    def linesEnd(self, origin: LineOrigin) -> None:
        self.texts.append(f"end of {origin.value}")

    def linesExpired(self, room: ClientRoom, first: int, last: int) -> None:
        self.expired.setdefault(room.name, []).extend(range(first, last + 1))

    def unreadBegins(self) -> None:
        self.texts.append("new")
        self.lines.append(("new", "", ""))

    def note(self, text: str, room: str = "") -> None:
        self.texts.append(f"* {text}")

    def complain(self, text: str) -> None:
        self.texts.append(f"! {text}")

    def queued(self, item: OutgoingLine) -> None:
        self.texts.append(f"waits {item.shown}")

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        self.texts.append(f"{'not' if sure else 'perhaps not'} sent {item.shown}")

    def askSecret(self, text: str) -> None:
        self.texts.append(f"asked {text}")

    def connectionChanged(
        self, change: ConnectionChange, reason: str = "", missed: int = 0
    ) -> None:
        resumed = change is ConnectionChange.RESUMED
        self.texts.append(f"{change.value} {missed}" if resumed else change.value)


def online(older: bool = False, options: LoginOptions | None = None) -> ClientWorld:
    world = ClientWorld(older, options)
    world.join()
    assert world.phase() is Phase.READY
    return world


def guest(older: bool = False, attended: bool = False) -> ClientWorld:
    world = ClientWorld(older, LoginOptions("eve", rooms=["lobby"], attended=attended))
    world.server.register("ann")
    world.join()
    return world


def owner(older: bool = False, marks: bool = False) -> ClientWorld:
    options = LoginOptions("x", account="ann", password=PASSWORD, rooms=["lobby"], marks=marks)
    world = ClientWorld(older, options)
    world.server.register("ann")
    world.join()
    return world


def commands(world: ClientWorld, word: str) -> list[str]:
    return [line for line in world.sent if line.startswith(f"/{word} ")]
