"""
The common part of all stream protocols: admission, counters, back-pressure, timeouts and closing.

Services derive from L{StreamProtocol} and add their answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionAborted, ConnectionDone
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

from tsservices.common.addresses import hostPort, isLoopback
from tsservices.transport.admission import AdmissionDenied
from tsservices.transport.context import StreamContext
from tsservices.transport.rejection import reject
from tsservices.transport.stock import CountsBytes

#: A transport with so many bytes pending pauses its producer.
FULL = FileDescriptor.bufferSize

# The log texts for time limits, by their counters.
_EXPIRED = {"idle": "silent for too long", "stalled": "it read nothing for too long"}
# A handshake record, and the major version; the minor version follows.
_TLS_BEGIN = b"\x16\x03"

#: The name of a peer behind a UNIX socket, which has no address.
UNIX = "unix"


def peerName(address: IAddress | None) -> str:
    """Get the name of a peer for logs and messages."""
    host = getattr(address, "host", None)
    return UNIX if host is None else hostPort(host, getattr(address, "port", 0))


def placeName(transport: Any) -> str:
    """Get the name for logs of the port that accepted a connection."""
    port = getattr(transport.getHost(), "port", None)
    return UNIX if port is None else f"port {port}"


class IStreamTransport(ITCPTransport, IConsumer, IPushProducer):
    """A transport of stream protocols: its reading and its producer can be paused."""


@implementer(IHalfCloseableProtocol)
class StreamProtocol(Protocol):
    """
    One connection.  A service overrides L{chunkReceived}, and L{connectionReady} and L{closed}
    where needed; it ends a connection by L{finish}.

    The transport is its own producer: while a peer does not read, nothing is read from it.  A
    protocol that can write much more than it reads overrides L{producer} and stops writing itself.

    @cvar streaming: whether the producer is a push producer.
    @cvar sendsReason: whether a peer that is not admitted may be sent the reason as text.
    @cvar textOnly: whether the service accepts only text: if a peer begins with TLS, its connection
        is closed and this is logged.  False for services that accept any bytes.

    @ivar host: the peer's address, by which log lines about the peer are rate-limited.
    @ivar peer: the peer's name for logs and messages.
    @ivar hasRead: whether something was read since the last check of L{ConnectionTimeouts
        <tsservices.transport.timeouts.ConnectionTimeouts>}.
    @ivar ending: whether the connection is closing, so that nothing more is answered.
    """

    transport: IStreamTransport
    #: Has the context and the counters of the listener.
    factory: StreamFactory
    #: The transport at the bottom, below TLS and PROXY.
    bottomTransport: CountsBytes
    streaming: ClassVar[bool] = True
    sendsReason: ClassVar[bool] = True
    textOnly: ClassVar[bool] = False
    #: From L{Admission.enter<tsservices.transport.admission.Admission.enter>}.
    source: tuple[int, int] | None = None
    host = UNIX
    peer = UNIX
    hasRead = False
    ending = False
    #: Seconds without reading and sending after which the connection is ended, 0 for never;
    #: L{None} for the limit of the server.
    idleLimit: int | None = None
    #: When the connection is ended in any case, in monotonic seconds; L{None} for never.
    deadline: float | None = None
    #: The counter of the time limit that has ended the connection.
    expiredBy: str | None = None
    #: When the connection was made, in monotonic seconds, if connections are logged.
    since = 0.0
    # The C{chunkReceived} of the instance, if it has one of its own; and the first bytes, while
    # they may be the beginning of TLS.
    _next: Callable[[bytes], None] | None = None
    _first = b""

    @property
    def secure(self) -> bool:
        """
        Whether the connection is safe from eavesdropping: it has TLS (at least as far as a proxy),
        the peer is on this machine, or the operator has declared this listener secure.
        """
        secure = self.factory.context.secure
        if secure is None:
            secure = getattr(self.transport, "clientSecure", None)
        return isLoopback(self.host) if secure is None else secure

    def connectionMade(self) -> None:
        self.bottomTransport = bottomOf(self.transport)
        # Before the service writes anything: without a producer there is no back-pressure.
        self.transport.registerProducer(self.producer(), self.streaming)
        self.factory.connected(self)
        self.connectionReady()
        if self.textOnly:
            self._next = vars(self).get("chunkReceived")
            self.chunkReceived = self._firstChunk  # type: ignore[method-assign]

    def dataReceived(self, data: bytes) -> None:
        # Cheaper than resetting a timer: see L{tsservices.transport.timeouts}.
        self.hasRead = True
        counters = self.factory.counters
        counters.received += 1
        counters.receivedBytes += len(data)
        if not self.ending:
            self.chunkReceived(data)

    def _firstChunk(self, data: bytes) -> None:
        data = self._first + data
        if len(data) < len(_TLS_BEGIN) and _TLS_BEGIN.startswith(data):
            self._first = data
            return
        self._first = b""
        # From here on chunks go directly to the method of the service.
        del self.chunkReceived
        if self._next is not None:
            self.chunkReceived = self._next  # type: ignore[method-assign,assignment]
            del self._next
        if data.startswith(_TLS_BEGIN):
            self.factory.counters.tlsFailures += 1
            self.factory.context.peerLog.warn(
                self.host,
                "{peer} speaks TLS, at {place} without TLS",
                peer=self.peer,
                place=placeName(self.transport),
            )
            self.finish()
        else:
            self.chunkReceived(data)

    def chunkReceived(self, data: bytes) -> None:
        """Answer the data of one read.  A chunk is no message: the network cuts anywhere."""

    def producer(self) -> Any:
        """Get the producer that is paused while the peer does not read."""
        bottom: object = self.bottomTransport
        if self.transport is bottom:
            return self.transport
        return _BelowWrapper(self.transport, self.bottomTransport)

    def connectionReady(self) -> None:
        """Start: the connection can now be written to."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # Before `ending` is set: the log line depends on which side has ended the connection.
        self.factory.disconnected(self, reason)
        self.ending = True
        self.closed()

    def closed(self) -> None:
        """Clean up after the end of the connection."""

    def readConnectionLost(self) -> None:
        """Send what is pending, then close, because the peer has half-closed."""
        self.finish()

    def writeConnectionLost(self) -> None:
        """This side never half-closes."""

    def finish(self) -> None:
        """Send what is pending, then close."""
        if not self.ending:
            self.ending = True
            # A connection whose producer is paused would never close.
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def serverStopping(self) -> None:
        """End the connection, because the server stops."""
        self.finish()

    def abort(self) -> None:
        """Close now, and discard pending bytes."""
        self.ending = True
        self.transport.abortConnection()

    def expired(self, counter: str) -> None:
        """End the connection for a time limit, and count that in C{counter} (a name)."""
        counters = self.factory.counters
        setattr(counters, counter, getattr(counters, counter) + 1)
        self.expiredBy = counter
        self.abort()


@implementer(IPushProducer)
class _BelowWrapper:
    """
    A producer that pauses the transport above TLS only when the transport below TLS asks for it.

    TLS pauses its producer during a handshake too, while it waits for data to be read: to stop
    reading then would be a deadlock.  The number of pending bytes does not distinguish the two
    cases: the transport below still counts the sent part of its last chunk, and asks only once.
    """

    def __init__(self, transport: IStreamTransport, bottomTransport: CountsBytes) -> None:
        self._transport = transport
        self._bottomTransport = bottomTransport
        self._paused = False

    def pauseProducing(self) -> None:
        if self._bottomTransport.producerPaused:
            self._paused = True
            self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resumeProducing()

    def stopProducing(self) -> None:
        """Do nothing: the protocol gets C{connectionLost}."""


def bottomOf(transport: Any) -> CountsBytes:
    """Find the transport at the bottom, below TLS and PROXY."""
    # Wrappers have the transport below them as C{transport}; the bottom one has no such attribute.
    while (below := getattr(transport, "transport", None)) is not None:
        transport = below
    bottom: CountsBytes = transport
    return bottom


def _whyEnded(protocol: StreamProtocol, reason: Failure) -> str:
    if protocol.expiredBy is not None:
        return _EXPIRED.get(protocol.expiredBy, protocol.expiredBy)
    done = reason.check(ConnectionDone) is not None
    if getattr(protocol.bottomTransport, "peerClosed", False) or (done and not protocol.ending):
        return "closed by the peer"
    if done:
        return "closed by the server"
    return "cut by the server" if reason.check(ConnectionAborted) else "reset, or lost on the way"


class StreamFactory(ServerFactory):
    """
    Admits the connections of one listener and makes their protocols.

    @ivar protocol: the class of the protocols.
    @ivar context: that of this listener.
    @ivar counters: those of the context.
    """

    noisy = False
    protocol: type[StreamProtocol]  # type: ignore[assignment]

    def __init__(
        self, context: StreamContext, protocol: type[StreamProtocol], *arguments: object
    ) -> None:
        """@param arguments: for the constructor of each protocol."""
        self.context = context
        self.counters = context.counters
        self.protocol = protocol
        self._arguments = arguments

    def buildProtocol(self, address: IAddress | None) -> Protocol | None:
        """Make the protocol: if not admitted, one that sends the reason, or L{None} to close."""
        context = self.context
        host: str | None = getattr(address, "host", None)
        try:
            source = self.admit(host)
        except AdmissionDenied as reason:
            self.counters.refused += 1
            context.peerLog.warn(
                host or UNIX,
                "turned {peer} away: {reason}",
                peer=peerName(address),
                reason=str(reason),
            )
            if not self.protocol.sendsReason:
                return None
            return reject(context, self.errorLine(str(reason)))
        self.counters.accepted += 1
        self.counters.open += 1
        protocol = self.protocol(*self._arguments)
        protocol.factory = self
        protocol.source = source
        protocol.host = host or UNIX
        protocol.peer = peerName(address)
        return protocol

    def admit(self, host: str | None) -> tuple[int, int] | None:
        """
        Admit a peer.

        @raise AdmissionDenied: there are too many connections.
        """
        return self.context.admission.enter(host)

    def errorLine(self, why: str) -> bytes:
        """Make the line that is sent to a peer that is not admitted, before the close."""
        return f"! {why}\n".encode()

    def logPrefix(self) -> str:
        return self.context.service

    def connected(self, protocol: StreamProtocol) -> None:
        context = self.context
        context.timeouts.add(protocol)
        if context.connectionLog is not None:
            protocol.since = context.monotonic()
            context.connectionLog.connected(context.service, protocol.peer)

    def disconnected(self, protocol: StreamProtocol, reason: Failure) -> None:
        if (log := self.context.connectionLog) is not None:
            bottom = protocol.bottomTransport
            log.disconnected(
                self.context.service,
                protocol.peer,
                self.context.monotonic() - protocol.since,
                getattr(bottom, "bytesReceived", 0),
                bottom.bytesSent,
                _whyEnded(protocol, reason),
            )
        self.counters.open -= 1
        self.context.admission.leave(protocol.source)
        self.context.timeouts.remove(protocol)
