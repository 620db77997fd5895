"""
What every stream protocol of the suite shares: being admitted, counted, held back
when its peer does not read, and ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.common.addresses import hostPort
from tsservices.common.counters import StreamCounters
from tsservices.transport.admission import AdmissionDenied
from tsservices.transport.rejection import TURNED_AT_ONCE, RejectProtocol
from tsservices.transport.stock import CountsBytes

if TYPE_CHECKING:
    from tsservices.transport.context import ServiceContext

#: Bytes pending in a transport from which on it pauses its producer.
FULL = FileDescriptor.bufferSize

#: What peers behind UNIX sockets are called, which have no address.
UNIX = "unix"


def peerName(address: IAddress | None) -> str:
    """How logs and people call it."""
    host = getattr(address, "host", None)
    return UNIX if host is None else hostPort(host, getattr(address, "port", 0))


class IStreamTransport(ITCPTransport, IConsumer, IPushProducer):
    """What stream protocols write to: a transport that can be held back, both ways."""


@implementer(IHalfCloseableProtocol)
class StreamProtocol(Protocol):
    """
    One connection.

    The transport is its own producer: when the peer does not read, it is not read
    from.  A protocol that has to hold back more than that overrides L{producer}.

    @cvar streaming: whether the producer is a push producer.
    @ivar source: what admission knows it by.
    @ivar host: the peer's address, for the count of complaints.
    @ivar peer: its name for logs and people.
    @ivar heard: whether something came since the last sweep.
    @ivar measured: the transport at the bottom, below TLS and PROXY.
    @ivar ending: nothing more is to be answered.
    @ivar idleLimit: seconds until it is ended for silence, 0 for never; L{None} for
        as long as others.
    @ivar deadline: when it is ended, whatever has come; L{None} for never.
    """

    transport: IStreamTransport
    factory: StreamFactory
    measured: CountsBytes
    streaming: ClassVar[bool] = True
    source: tuple[int, int] | None = None
    host = UNIX
    peer = UNIX
    heard = False
    ending = False
    idleLimit: int | None = None
    deadline: float | None = None

    def connectionMade(self) -> None:
        """Begin to be held back and watched."""
        self.measured = _bottom(self.transport)
        self.transport.registerProducer(self.producer(), self.streaming)
        self.factory.joined(self)
        self.connectionReady()

    def dataReceived(self, data: bytes) -> None:
        """Count, and hand on."""
        self.heard = True
        counters = self.factory.counters
        counters.received += 1
        counters.receivedBytes += len(data)
        if not self.ending:
            self.chunkReceived(data)

    def chunkReceived(self, data: bytes) -> None:
        pass

    def producer(self) -> Any:
        """What pauses while the peer does not read."""
        bottom: object = self.measured
        if self.transport is bottom:
            return self.transport
        return _BelowWrapper(self.transport, self.measured)

    def connectionReady(self) -> None:
        """The connection can be used."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ending = True
        self.factory.left(self)
        self.closed()

    def closed(self) -> None:
        """The connection has ended."""

    def readConnectionLost(self) -> None:
        """The peer has said all that it wants to say: answer, then close."""
        self.finish()

    def writeConnectionLost(self) -> None:
        """Nobody closes only what this side writes."""

    def finish(self) -> None:
        """Send what is pending, then close."""
        if not self.ending:
            self.ending = True
            # A connection whose producer is paused would never close.
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def serverStopping(self) -> None:
        """The server stops."""
        self.finish()

    def abort(self) -> None:
        """Close now, pending or not."""
        self.ending = True
        self.transport.abortConnection()

    def expired(self, counter: str) -> None:
        """A time limit is over."""
        counters = self.factory.counters
        setattr(counters, counter, getattr(counters, counter) + 1)
        self.abort()


@implementer(IPushProducer)
class _BelowWrapper:
    """
    Holds a peer back below TLS.

    TLS pauses its producer during a handshake too, when what it waits for is to be
    read: only what can't be sent is a reason not to read.
    """

    def __init__(self, transport: IStreamTransport, measured: CountsBytes) -> None:
        self._transport = transport
        self._measured = measured
        self._paused = False

    def pauseProducing(self) -> None:
        """Stop reading, if something is to be sent first."""
        if self._measured.pendingBytes() >= FULL:
            self._paused = True
            self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            self._transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is lost."""


def _bottom(transport: Any) -> CountsBytes:
    while (below := getattr(transport, "transport", None)) is not None:
        transport = below
    measured: CountsBytes = transport
    return measured


class StreamFactory(ServerFactory):
    """
    Admits connections and makes their protocols.

    @cvar protocol: the class of the protocols.
    @cvar textual: a refusal may be told in words.
    @ivar environment: what the server gives to all of them.
    @ivar counters: what happened here.
    """

    noisy = False
    protocol: type[StreamProtocol]  # type: ignore[assignment]
    textual: ClassVar[bool] = True

    def __init__(self, environment: ServiceContext, counters: StreamCounters) -> None:
        self.environment = environment
        self.counters = counters

    def buildProtocol(self, address: IAddress | None) -> Protocol | None:
        """Its protocol, one that turns it away, or L{None} to hang up."""
        host: str | None = getattr(address, "host", None)
        try:
            source = self.environment.admission.enter(host)
        except AdmissionDenied as refused:
            self.counters.refused += 1
            self.environment.complaints.warn(
                host or UNIX,
                "turned {peer} away: {reason}",
                peer=peerName(address),
                reason=str(refused),
            )
            if not self.textual or self.environment.admission.turned >= TURNED_AT_ONCE:
                return None
            return RejectProtocol(self.environment, f"! {refused}\n".encode())
        self.counters.accepted += 1
        self.counters.open += 1
        protocol = self.protocol()
        protocol.factory = self
        protocol.source = source
        protocol.host = host or UNIX
        protocol.peer = peerName(address)
        return protocol

    def joined(self, protocol: StreamProtocol) -> None:
        self.environment.sweep.add(protocol)

    def left(self, protocol: StreamProtocol) -> None:
        self.counters.open -= 1
        self.environment.admission.leave(protocol.source)
        self.environment.sweep.remove(protocol)
