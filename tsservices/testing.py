"""
Helpers for tests of services: a server in memory, with a clock that only the test advances.

No socket is opened and nothing waits, so a test takes a millisecond.  Guards, limits and counters
are those of a real server::

    server = MemoryServer()
    protocol, transport = server.connect(service)
    protocol.dataReceived(b"hello")
    assert transport.value() == b"HELLO"

    protocol, transport = server.bind(service)
    protocol.datagramReceived(b"hello", ("192.0.2.1", 50_000))
    assert transport.sent == [(b"HELLO", ("192.0.2.1", 50_000))]

A server in memory does not behave like a kernel, which cuts and joins chunks, and has buffers that
become full.  L{MemoryTransport.pending} simulates the latter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from tsservices.common.addresses import LOOPBACK, TrustedNetworks
from tsservices.common.counters import StreamCounters
from tsservices.common.limits import Limits
from tsservices.common.logs import PeerLog
from tsservices.common.timestamps import NANOSECONDS
from tsservices.services.api import ServiceSpec
from tsservices.transport.admission import Admission
from tsservices.transport.context import DatagramContext, StreamContext
from tsservices.transport.stream import StreamFactory, StreamProtocol
from tsservices.transport.timeouts import ConnectionTimeouts
from tsservices.transport.udp_guard import REFLECTOR_PORTS

#: The initial time of a L{ManualClock}, in seconds since 1970.
NOON = 1_795_176_600


class ManualClock(Clock):
    """
    A clock that only L{advance} moves: a reactor's timers, monotonic seconds from 0 on, and the
    time of day from L{NOON} on.
    """

    def nanoseconds(self) -> int:
        """Get the time of day, in nanoseconds since 1970."""
        return NOON * NANOSECONDS + round(self.seconds() * NANOSECONDS)


class MemoryTransport(StringTransport):
    """
    A stream transport whose peer reads when the test says so.

    C{value()} is all data written, C{clear()} removes it, and C{disconnecting} is whether the
    protocol has closed the connection.

    @ivar bytesSent: bytes that the peer has read.
    @ivar pending: bytes that the peer has not read; a test sets it, and calls the producer's
        C{pauseProducing} as a full transport would.
    @ivar unacknowledged: bytes in the kernel that the peer has not received.
    @ivar producerPaused: whether pending bytes paused the producer; set before C{pauseProducing}.
    @ivar aborted: whether the connection was aborted.
    """

    def __init__(self, host: str = "192.0.2.1", port: int = 50_000) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", host, port))
        self.bytesSent = 0
        self.pending = 0
        self.unacknowledged = 0
        self.producerPaused = False
        self.aborted = False

    def pendingBytes(self) -> int:
        return self.pending

    def unacknowledgedBytes(self) -> int:
        return self.unacknowledged

    def expectShort(self) -> None:
        """Do nothing, because this transport does not read."""

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()


class MemoryDatagramTransport:
    """
    A UDP transport that records sent datagrams.

    @ivar sent: datagrams with their destinations.
    @ivar error: the exception that C{write} raises instead of sending; L{None}: it sends.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.error: Exception | None = None

    def write(self, datagram: bytes, address: tuple[str, int]) -> None:
        """
        Record a datagram.

        @raise Exception: a test has set L{error}.
        """
        if self.error is not None:
            raise self.error
        self.sent.append((datagram, address))


class MemoryServer:
    """
    A server in memory, with the contexts of its listeners, and connections to any service.

    @ivar clock: the clock, which only the test advances.
    @ivar streams: the context of stream listeners; all connections share C{streams.timeouts} and
        C{streams.admission}.
    @ivar datagrams: the context of UDP listeners.
    @ivar closedPorts: source ports from which no datagram is answered.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        trusted: tuple[str, ...] = LOOPBACK,
        clock: ManualClock | None = None,
    ) -> None:
        """
        @param limits: the operator's settings; L{None}: the defaults.
        @param trusted: networks, as for C{--trust}.
        @param clock: L{None}: a new one.
        """
        self.clock = clock or ManualClock()
        self.closedPorts = set(REFLECTOR_PORTS)
        limits = limits or Limits()
        networks = TrustedNetworks(trusted)
        peerLog = PeerLog(self.clock.seconds)
        self.streams = StreamContext(
            limits=limits,
            clock=self.clock,
            monotonic=self.clock.seconds,
            admission=Admission(limits, networks),
            timeouts=ConnectionTimeouts(limits, self.clock, self.clock.seconds),
            peerLog=peerLog,
        )
        self.datagrams = DatagramContext(
            limits=limits,
            trusted=networks,
            closedPorts=self.closedPorts,
            clock=self.clock,
            monotonic=self.clock.seconds,
            peerLog=peerLog,
        )

    def listen(self, service: ServiceSpec) -> StreamFactory:
        """Make a TCP listener, with counters of its own."""
        return service.streamFactory(replace(self.streams, counters=StreamCounters()))

    def connect(
        self,
        service: ServiceSpec | StreamFactory,
        host: str = "192.0.2.1",
        port: int = 50_000,
    ) -> tuple[Any, MemoryTransport]:
        """
        Connect a client, to a new listener or to one of L{listen}.

        @raise AssertionError: the connection is not admitted.
        """
        factory = self.listen(service) if isinstance(service, ServiceSpec) else service
        transport = MemoryTransport(host, port)
        protocol = factory.buildProtocol(transport.getPeer())
        assert isinstance(protocol, StreamProtocol), "the connection is not admitted"
        protocol.makeConnection(transport)
        return protocol, transport

    def datagramProtocol(self, service: ServiceSpec) -> DatagramProtocol:
        """Make the protocol of a UDP listener, with counters and a guard of its own."""
        return service.datagramProtocol(service.datagramContext(self.datagrams))

    def bind(self, service: ServiceSpec) -> tuple[Any, MemoryDatagramTransport]:
        """Make a UDP listener and its transport."""
        protocol = self.datagramProtocol(service)
        transport = MemoryDatagramTransport()
        protocol.makeConnection(transport)  # type: ignore[arg-type]
        return protocol, transport
