"""Fakes for the environment of the client: the console, the network, the clock."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IPushProducer,
    IUDPTransport,
)
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from tsservices.client.echo_udp import UDPQueryProtocol

#: The reason shown for a lost connection on which the server has sent nothing.
SILENT = "closed by the other side without a word; does it expect --tls?"


class FakeConsole:
    def __init__(self, *lines: bytes, interactive: bool = False, ended: bool = True) -> None:
        self.interactive = self.attended = interactive
        self.outputClosed: Deferred[bool] = Deferred()
        self.written = b""
        self.complaints: list[str] = []
        self.producer: IPushProducer | None = None
        self.closed: list[bool] = []
        self.failure: Exception | None = None
        self.stuck: Deferred[None] | None = None
        self._lines: deque[bytes | None] = deque(lines)
        if ended:
            self._lines.append(None)
        self._waiting: Deferred[None] | None = None

    def type(self, line: bytes | None) -> None:
        self._lines.append(line)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def readLine(self) -> bytes | None:
        if self.failure is not None:
            raise self.failure
        if not self._lines:
            self._waiting = Deferred()
            await self._waiting
        return self._lines.popleft()

    def write(self, data: bytes) -> None:
        self.written += data

    def complain(self, message: str) -> None:
        self.complaints.append(message)

    def registerProducer(self, producer: IPushProducer) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    async def close(self, flush: bool) -> None:
        self.closed.append(flush)
        if flush and self.stuck is not None:
            await self.stuck


class FakeHandle:
    def __init__(self) -> None:
        self.options: list[tuple[int, int, int]] = []

    def setsockopt(self, *option: int) -> None:
        level, name, value = option
        self.options.append((level, name, value))


class FakeStream(StringTransport):
    halfClosed = False

    def __init__(self, peerAddress: IAddress) -> None:
        super().__init__(peerAddress=peerAddress)
        self._handle = FakeHandle()

    def getHandle(self) -> FakeHandle:
        return self._handle

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def loseWriteConnection(self) -> None:
        self.halfClosed = True


class FakeServer:
    """The server's end of one connection of the client."""

    def __init__(self, factory: Callable[[IAddress], IProtocol | None], address: IAddress) -> None:
        protocol = factory(address)
        assert protocol is not None
        self._protocol = protocol
        self.transport = FakeStream(peerAddress=address)
        self._protocol.makeConnection(self.transport)

    def took(self) -> bytes:
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def answer(self, data: bytes) -> None:
        self._protocol.dataReceived(data)

    def drop(self, reason: Exception | None = None) -> None:
        self._protocol.connectionLost(Failure(reason or ConnectionDone()))


@dataclass
class FakePort:
    protocol: UDPQueryProtocol
    failure: Exception | None
    sent: list[tuple[bytes, tuple[str, int]]] = field(default_factory=list)
    listening: bool = True

    def write(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append((datagram, addr))

    def stopListening(self) -> None:
        self.listening = False


class FakePorts:
    def __init__(self, failure: Exception | None = None) -> None:
        self.opened: list[FakePort] = []
        self._failure = failure

    def open(self, protocol: UDPQueryProtocol) -> IListeningPort:
        if isinstance(self._failure, CannotListenError):
            raise self._failure
        opened = FakePort(protocol, self._failure)
        self.opened.append(opened)
        protocol.makeConnection(cast(IUDPTransport, opened))
        return cast(IListeningPort, opened)


class FakeReactor(MemoryReactorClock):
    def __init__(self) -> None:
        super().__init__()
        self._exitSignal: int | None = None

    def acceptTCP(self, host: str = "127.0.0.1") -> FakeServer:
        # All names resolve to the same address here.
        _, port, factory, *_ = self.tcpClients.pop(0)
        return FakeServer(factory.buildProtocol, IPv4Address("TCP", host, port))

    def refuseTCP(self, reason: Exception) -> None:
        factory = self.tcpClients.pop(0)[2]
        factory.clientConnectionFailed(self.connectors.pop(0), Failure(reason))

    def shutDown(self, number: int = signal.SIGINT) -> list[object]:
        self._exitSignal = number
        return [
            call(*arguments, **named)
            for call, arguments, named in self.triggers["before"]["shutdown"]
        ]
