"""
The stream connection of the timestamp and the talk client, and the texts for its errors.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Coroutine
from typing import TypeVar

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import (
    IPushProducer,
    IReactorTime,
    ISSLTransport,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection as StreamTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.common.text import TLS_ONLY

T = TypeVar("T")


class ClientError(Exception):
    """The error that ends a command; the text is the line for standard error."""


class HandshakeError(Exception):
    """A TLS handshake that failed after the TCP connection was made; the text says why."""


class ExplainedLoss(ConnectionLost):
    """A lost connection with a known cause, which is the argument."""


#: Match the first bytes that a server sends if they are the answer of a server that expects TLS to
#: an unencrypted client: a fatal alert (RFC 8446, 5.1 and 6), or the line of this suite.
expectsTLS = re.compile(rb"\x15\x03[\x00-\x04]\x00\x02\x02|" + re.escape(TLS_ONLY)).match

#: How many of the first bytes from a server are kept for L{explainLoss}.
FIRST_BYTES = 64

#: The guess about a server that sends nothing.
MAYBE_TLS = "does it expect --tls?"


def explainLoss(reason: Failure, transport: ITransport, first: bytes) -> Failure:
    """
    Replace the reason of a loss if the cause may be that the server expects TLS.

    @param first: the first bytes from the server; empty: it sent none.
    """
    if expectsTLS(first):
        return Failure(ExplainedLoss("the server expects TLS at this port: add --tls"))
    if not first and reason.check(ConnectionDone) and inClear(transport):
        return Failure(ExplainedLoss(f"closed by the other side without a word; {MAYBE_TLS}"))
    return reason


def inClear(transport: ITransport) -> bool:
    """Check whether a connection is one of TCP without TLS."""
    tcp = isinstance(transport.getPeer(), IPv4Address | IPv6Address)
    return tcp and not ISSLTransport.providedBy(transport)


def place(host: str, port: int) -> str:
    """Format the name of a server for a sentence."""
    return f"{host} port {port}"


def connectReason(error: Exception) -> str:
    """Describe why a connection could not be made."""
    if isinstance(error, HandshakeError):
        return str(error)
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, DNSLookupError | ValueError):
        return "the host name is unknown"
    if isinstance(error, ConnectTimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectError):
        if isinstance(error.osError, int):
            return os.strerror(error.osError)
        if error.args and isinstance(error.args[0], Failure):
            # An ICMP message ended the attempt; Twisted does not read from the socket which one.
            return "there is no way to it"
    return str(error)


def lostReason(reason: Failure) -> str:
    """Describe why a connection was lost."""
    if reason.check(ConnectionDone):
        return "closed by the other side"
    error = reason.value
    if isinstance(error, ExplainedLoss):
        return str(error.args[0])
    cause = error.args[0] if isinstance(error, ConnectionLost) and error.args else None
    if isinstance(cause, OSError) and cause.errno is not None:
        return os.strerror(cause.errno)
    return "closed in an unclean way"


@implementer(IPushProducer)
class Connection(Protocol):
    """
    One connection, which passes received data on.  It is the producer of the console it feeds.

    @ivar lost: why the connection ended; L{None}: it is open.
    @ivar first: the first bytes from the server; empty: none were received.
    @ivar outputPaused: whether the console takes no data now, in which case the silence is not the
        server's fault.
    """

    transport: StreamTransport

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self.lost: Failure | None = None
        self.outputPaused = False
        self.first = b""
        self._received = received
        self._waiting: Deferred[None] | None = None
        self._abandon: Callable[[], None] | None = None

    def dataReceived(self, data: bytes) -> None:
        self.first = self.first or data[:FIRST_BYTES]
        if not expectsTLS(self.first):
            self._received(data)
            self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = explainLoss(reason, self.transport, self.first)
        if self._abandon is not None:
            self._abandon()
        self._wake()

    def pauseProducing(self) -> None:
        self.outputPaused = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.outputPaused = False
        self.transport.resumeProducing()
        self._wake()

    def stopProducing(self) -> None:
        self.transport.loseConnection()

    async def activity(self, clock: IReactorTime, timeout: float) -> None:
        """
        Wait until data arrives, the console takes more, or the connection is lost.

        @param timeout: the longest silence in seconds while the console takes data.
        @raise TimeoutError: the server was silent for that time.
        """
        while True:
            self._waiting = Deferred()
            try:
                await self._waiting.addTimeout(timeout, clock)
            except TimeoutError:
                if self.outputPaused:
                    continue
                raise
            return

    async def runConnected(self, exchange: Coroutine[Deferred[object], object, T]) -> T:
        """
        Run an exchange, and cancel it when the connection is lost.

        @raise ConnectionLost: the connection was lost before the exchange was done.
        """
        running = Deferred.fromCoroutine(exchange)
        if self.lost is not None:
            running.cancel()
        self._abandon = running.cancel
        try:
            return await running
        except CancelledError:
            if self.lost is None:
                raise
            raise ConnectionLost(lostReason(self.lost)) from None
        finally:
            self._abandon = None

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


@implementer(IPushProducer)
class BackpressuredWriter:
    """A writer that makes the sender wait while the transport's buffer is full."""

    def __init__(self, transport: StreamTransport) -> None:
        self._transport = transport
        self._full: Deferred[None] | None = None
        self._watching = True
        transport.registerProducer(self, True)

    async def send(self, data: bytes) -> None:
        """Write, and wait until the buffer has room for more."""
        self._transport.write(data)
        if self._full is not None:
            await self._full

    def stop(self) -> None:
        """Unregister from the transport; may be called twice."""
        # A transport never closes while it has a streaming producer that is paused.
        if self._watching:
            self._watching = False
            self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        self._full = Deferred()

    def resumeProducing(self) -> None:
        full, self._full = self._full, None
        if full is not None:
            full.callback(None)

    def stopProducing(self) -> None:
        # L{Connection} reports the end.
        pass


async def connect(
    endpoint: IStreamClientEndpoint, server: str, received: Callable[[bytes], None]
) -> Connection:
    """
    Connect to a stream service.

    @param received: takes the received data.
    @raise ClientError: the connection could not be made.
    """
    try:
        connected = await endpoint.connect(Factory.forProtocol(lambda: Connection(received)))
    except (ConnectError, HandshakeError, OSError, ValueError) as error:
        raise ClientError(f"cannot connect to {server}: {connectReason(error)}") from error
    assert isinstance(connected, Connection)
    return connected
