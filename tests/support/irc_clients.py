"""Clients of the IRC frontend, without a network."""

from __future__ import annotations

from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock

from tests.support.frontend_case import FrontendCase
from tests.support.line_clients import LineClient
from tsservices.frontends.irc.protocol import IRCFactory, IRCProtocol
from tsservices.frontends.irc.server import IRCServer
from tsservices.testing import MemoryTransport

#: The password of every account.
PASSWORD = "correct horse"


class IRCTestClient:
    def __init__(self, factory: IRCFactory, clock: Clock, port: int) -> None:
        self._clock = clock
        self.transport = MemoryTransport(port=port)
        protocol = factory.buildProtocol(self.transport.getPeer())
        assert isinstance(protocol, IRCProtocol)
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def send(self, *lines: str | bytes) -> None:
        for line in lines:
            data = line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape")
            self.protocol.dataReceived(data + b"\r\n")
        for _ in range(6):
            self._clock.advance(0)

    def heard(self) -> list[str]:
        text: str = self.transport.value().decode()
        self.transport.clear()
        assert not text or text.endswith("\r\n")
        return text.split("\r\n")[:-1]

    def say(self, *lines: str | bytes) -> list[str]:
        self.heard()
        self.send(*lines)
        return self.heard()

    def numerics(self, *lines: str | bytes) -> list[str]:
        words = [line.split(" ") for line in self.say(*lines)]
        return [word[1] for word in words if word[0] == ":irc.local" and word[1] != "NOTICE"]

    def disconnect(self) -> None:
        self.protocol.connectionLost(connectionDone)
        self._clock.advance(0)


class IRCFrontendCase(FrontendCase):
    """A listener of the IRC frontend beside one of the line frontend, and a clock."""

    def setUp(self) -> None:
        super().setUp()
        self.counters = self.streams.counters
        self.server = IRCServer(self.chat)
        self.factory = IRCFactory(self.streams, self.server)
        self._ports = 50_000

    def connect(self) -> IRCTestClient:
        self._ports += 1
        return IRCTestClient(self.factory, self.clock, self._ports)

    def lineClient(self, name: str, room: str) -> LineClient:
        client = LineClient(self.lines, self.clock, 40_000)
        client.send(f"/nick {name}\n")
        client.send(f"/join {room}\n")
        client.heard()
        return client

    def join(self, nick: str, *channels: str, caps: str = "") -> IRCTestClient:
        client = self.connect()
        if caps:
            client.send(f"CAP REQ :{caps}", "CAP END")
        client.send(f"NICK {nick}", f"USER {nick} 0 * :{nick.title()}")
        for channel in channels:
            client.send(f"JOIN {channel}")
        client.heard()
        return client
