"""
Stand-ins for what surrounds the client: the person, the network, the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocol,
    IPushProducer,
    IReactorUDP,
    IUDPTransport,
)
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer


class FakeConsole:
    """
    A console whose lines the test types.

    @ivar interactive: as in L{tsservices.client.terminal.console.Console}.
    @ivar gone: as in L{tsservices.client.terminal.console.Console}.
    @ivar written: all that was printed.
    @ivar complaints: all complaints.
    @ivar producer: what is registered to be paused.
    @ivar closed: what C{close} was told, once it was called.
    @ivar failure: what the next read raises.
    @ivar stuck: what the output waits for when it is closed, if for anything.
    """

    def __init__(self, *lines: bytes, interactive: bool = False, ended: bool = True) -> None:
        """
        Type some lines.

        @param lines: the lines.
        @param interactive: whether a person types.
        @param ended: whether the input ends behind the lines.
        """
        self.interactive = interactive
        self.gone: Deferred[bool] = Deferred()
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
        """
        Type a line.

        @param line: the line, or L{None} for the end of the input.
        """
        self._lines.append(line)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def readLine(self) -> bytes | None:
        """
        Wait for a line.

        @return: the line, or L{None} at the end.
        """
        if self.failure is not None:
            raise self.failure
        if not self._lines:
            self._waiting = Deferred()
            await self._waiting
        return self._lines.popleft()

    def write(self, data: bytes) -> None:
        """
        Keep what is printed.

        @param data: the bytes.
        """
        self.written += data

    def complain(self, message: str) -> None:
        """
        Keep a complaint.

        @param message: its text.
        """
        self.complaints.append(message)

    def registerProducer(self, producer: IPushProducer) -> None:
        """
        Keep the producer.

        @param producer: what may be paused.
        """
        self.producer = producer

    def unregisterProducer(self) -> None:
        """
        Forget the producer.
        """
        self.producer = None

    async def close(self, flush: bool) -> None:
        """
        Keep what was asked.

        @param flush: whether the output matters.
        """
        self.closed.append(flush)
        if flush and self.stuck is not None:
            await self.stuck


class FakeStream(StringTransport):
    """
    A stream transport that also knows half-closing.

    @ivar halfClosed: whether the writing side has been closed.
    """

    halfClosed = False

    def loseWriteConnection(self) -> None:
        """
        Close the writing side.
        """
        self.halfClosed = True


class FakeServer:
    """
    The far end of one connection that the client makes.

    @ivar transport: the client's transport.
    """

    def __init__(self, factory: Callable[[], IProtocol | None]) -> None:
        """
        Accept a connection.

        @param factory: makes the client's protocol.
        """
        protocol = factory()
        assert protocol is not None
        self._protocol = protocol
        self.transport = FakeStream()
        self._protocol.makeConnection(self.transport)

    def took(self) -> bytes:
        """
        Take what the client has sent.

        @return: the bytes since the last time.
        """
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def answer(self, data: bytes) -> None:
        """
        Send something to the client.

        @param data: the bytes, in one chunk.
        """
        self._protocol.dataReceived(data)

    def drop(self, reason: Exception | None = None) -> None:
        """
        End the connection.

        @param reason: how; L{None} for an orderly close.
        """
        self._protocol.connectionLost(Failure(reason or ConnectionDone()))


class FakePort:
    """
    A UDP port that keeps what is sent.

    @ivar sent: each datagram with its address.
    @ivar protocol: what uses the port.
    @ivar interface: where it is bound.
    @ivar size: the largest datagram it takes.
    @ivar listening: whether it is open.
    @ivar failure: what the next write raises.
    """

    def __init__(self, protocol: DatagramProtocol, interface: str, size: int) -> None:
        """
        Open the port.

        @param protocol: what uses it.
        @param interface: where it is bound.
        @param size: the largest datagram it takes.
        """
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.protocol = protocol
        self.interface = interface
        self.size = size
        self.listening = True

    def write(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Send a datagram.

        @param datagram: the datagram.
        @param addr: where to.
        """
        self.sent.append((datagram, addr))

    def stopListening(self) -> None:
        """
        Close the port.
        """
        self.listening = False


@implementer(IReactorUDP)
class FakeReactor(MemoryReactorClock):
    """
    A reactor in memory that also has UDP.

    @ivar udpPorts: the ports opened so far.
    @ivar udpFailure: what the network says of each datagram.
    """

    def __init__(self) -> None:
        """
        Start with no ports.
        """
        super().__init__()
        self.udpPorts: list[FakePort] = []
        self.udpFailure: Exception | None = None

    def listenUDP(
        self,
        port: int,
        protocol: DatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
    ) -> IListeningPort:
        """
        Open a port.

        @param port: is 0 here.
        @param protocol: what uses it.
        @param interface: where it is bound.
        @param maxPacketSize: the largest datagram it takes.

        @return: the port.
        """
        opened = FakePort(protocol, interface, maxPacketSize)
        self.udpPorts.append(opened)
        if self.udpFailure is not None:
            failure = self.udpFailure

            def refuse(datagram: bytes, addr: tuple[str, int]) -> None:
                """
                Refuse a datagram.

                @param datagram: the datagram.
                @param addr: where to.
                """
                raise failure

            opened.write = refuse  # type: ignore[method-assign]
        protocol.makeConnection(cast(IUDPTransport, opened))
        return cast(IListeningPort, opened)

    def acceptTCP(self) -> FakeServer:
        """
        Accept the oldest TCP connection being made.

        @return: its far end.
        """
        host, port, factory, *_ = self.tcpClients.pop(0)
        return FakeServer(lambda: factory.buildProtocol(IPv4Address("TCP", host, port)))

    def refuseTCP(self, reason: Exception) -> None:
        """
        Refuse the oldest TCP connection being made.

        @param reason: how.
        """
        factory = self.tcpClients.pop(0)[2]
        factory.clientConnectionFailed(self.connectors.pop(0), Failure(reason))

    def shutDown(self) -> list[object]:
        """
        Do what a signal would start.

        @return: what each trigger returned.
        """
        return [
            call(*arguments, **named)
            for call, arguments, named in self.triggers["before"]["shutdown"]
        ]
