"""Clients of the IRC frontend, without a network."""

from __future__ import annotations

from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.chat import SlowStorage
from tests.support.hasher import ImmediateHasher
from tests.support.services import startChat
from tsservices.common.limits import Limits
from tsservices.frontends.irc.protocol import IRCFactory, IRCProtocol
from tsservices.frontends.irc.server import IRCServer
from tsservices.frontends.line.protocol import LineChatFactory
from tsservices.testing import ManualClock, MemoryServer, MemoryTransport

#: Of every account here.
PASSWORD = "correct horse"


class IRCTestClient:
    """One connection."""

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


class IRCFrontendCase(SynchronousTestCase):
    """A listener of the IRC frontend beside one of the line frontend, and a clock."""

    #: Without flood control, unless a test is about it.
    limits = Limits(floodLines=0, floodBytes=0)

    def setUp(self) -> None:
        self.clock = ManualClock()
        streams = MemoryServer(self.limits, clock=self.clock).streams
        self.storage = SlowStorage()
        self.hasher = ImmediateHasher()
        self.chat = startChat(
            self.limits,
            self.clock.nanoseconds,
            lambda job: self.clock.callLater(0, job),
            self.storage,
            self.hasher,
        )
        self.counters = streams.counters
        self.server = IRCServer(self.chat)
        self.factory = IRCFactory(streams, self.server)
        self.lines = LineChatFactory(streams, self.chat)
        self._ports = 50_000

    def connect(self) -> IRCTestClient:
        self._ports += 1
        return IRCTestClient(self.factory, self.clock, self._ports)

    def join(self, nick: str, *channels: str, caps: str = "") -> IRCTestClient:
        client = self.connect()
        if caps:
            client.send(f"CAP REQ :{caps}", "CAP END")
        client.send(f"NICK {nick}", f"USER {nick} 0 * :{nick.title()}")
        for channel in channels:
            client.send(f"JOIN {channel}")
        client.heard()
        return client
