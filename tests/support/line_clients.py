"""Clients of the line frontend, without a network."""

from __future__ import annotations

import time
from dataclasses import replace

from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.chat import SlowStorage
from tests.support.hasher import ImmediateHasher
from tests.support.services import startChat
from tsservices.common.limits import Limits
from tsservices.frontends.line.protocol import LineChatFactory, LineChatProtocol
from tsservices.testing import ManualClock, MemoryServer, MemoryTransport


class LineClient:
    def __init__(self, factory: LineChatFactory, clock: Clock, port: int) -> None:
        self._clock = clock
        self.transport = MemoryTransport(port=port)
        protocol = factory.buildProtocol(self.transport.getPeer())
        assert isinstance(protocol, LineChatProtocol)
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def send(self, data: str | bytes, turn: bool = True) -> None:
        self.protocol.dataReceived(data.encode() if isinstance(data, str) else data)
        if turn:
            self._clock.advance(0)
            self._clock.advance(0)

    def heard(self) -> str:
        text: str = self.transport.value().decode()
        self.transport.clear()
        return text

    def say(self, data: str | bytes) -> str:
        self.heard()
        self.send(data)
        return self.heard()

    def block(self) -> None:
        self.transport.pending = 65_536
        self.protocol.pauseProducing()

    def unblock(self) -> None:
        self.transport.bytesSent += self.transport.pending
        self.transport.pending = 0
        self.protocol.resumeProducing()

    def disconnect(self) -> None:
        self.protocol.connectionLost(connectionDone)
        self._clock.advance(0)


class LineFrontendCase(SynchronousTestCase):
    """A listener of the line frontend, and a clock."""

    #: Without flood control, unless a test is about it.
    limits = Limits(floodLines=0, floodBytes=0)

    #: Connections count as encrypted, unless a test is about passwords without TLS.
    secure: bool | None = True

    def setUp(self) -> None:
        self.open(self.limits)

    def open(self, limits: Limits, welcomeFile: str = "") -> None:
        self.clock = ManualClock()
        streams = replace(MemoryServer(limits, clock=self.clock).streams, secure=self.secure)
        self.storage = SlowStorage()
        self.hasher = ImmediateHasher()
        self.chat = startChat(
            limits,
            self.clock.nanoseconds,
            lambda job: self.clock.callLater(0, job),
            self.storage,
            self.hasher,
            welcomeFile,
        )
        self.timeouts = streams.timeouts
        self.timeouts.startService()
        self.counters = streams.counters
        self.factory = LineChatFactory(streams, self.chat, time.gmtime)
        self._ports = 50_000

    def connect(self) -> LineClient:
        self._ports += 1
        return LineClient(self.factory, self.clock, self._ports)

    def join(self, *names: str) -> list[LineClient]:
        clients = []
        for name in names:
            client = self.connect()
            client.send(f"{name}\n")
            clients.append(client)
        for client in clients:
            client.heard()
        return clients

    def tick(self, count: int = 5) -> None:
        for _ in range(count):
            self.clock.advance(0)

    def finishStoring(self) -> None:
        self.storage.storeQueued()
        self.tick()

    def finishReading(self) -> None:
        self.storage.answerRead()
        self.tick()
