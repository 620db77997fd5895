"""
A stream connection as the exchanges of the timestamp and the talk client use it, and the
words for what goes wrong with one.
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
    """The command cannot go on; the text is the line for standard error."""


class HandshakeError(Exception):
    """The connection stands, but TLS does not; the text says why."""


class ExplainedLoss(ConnectionLost):
    """A connection was lost for a reason that is known better; the argument says which."""


#: Whether what a server says first is what servers that expect TLS answer to who does not speak it:
#: a fatal alert (RFC 8446, 5.1 and 6), or the line of this suite.
expectsTLS = re.compile(rb"\x15\x03[\x00-\x04]\x00\x02\x02|" + re.escape(TLS_ONLY)).match

#: How many bytes of what a server says first are kept to tell.
FIRST_BYTES = 64

#: The guess about a server that says nothing.
MAYBE_TLS = "does it expect --tls?"


def explainLoss(reason: Failure, transport: ITransport, first: bytes) -> Failure:
    """
    Why a connection was lost, if it may be that the server expects TLS and was spoken to in clear.

    @param first: what the server has said first; empty: nothing.
    """
    if expectsTLS(first):
        return Failure(ExplainedLoss("the server expects TLS at this port: add --tls"))
    if not first and reason.check(ConnectionDone) and inClear(transport):
        return Failure(ExplainedLoss(f"closed by the other side without a word; {MAYBE_TLS}"))
    return reason


def inClear(transport: ITransport) -> bool:
    """Whether a connection is one of TCP without TLS."""
    tcp = isinstance(transport.getPeer(), IPv4Address | IPv6Address)
    return tcp and not ISSLTransport.providedBy(transport)


def place(host: str, port: int) -> str:
    """The name of a server in a sentence."""
    return f"{host} port {port}"


def connectReason(error: Exception) -> str:
    """Why a connection could not be made."""
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
            # An ICMP message ended the attempt: Twisted has not asked the socket which one.
            return "there is no way to it"
    return str(error)


def lostReason(reason: Failure) -> str:
    """Why a connection was lost."""
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
    One connection, which passes on what arrives.  It is the producer of the console it feeds.

    @ivar lost: why the connection ended; L{None}: it has not.
    @ivar first: how the server began what it says; empty: it has not said anything.
    @ivar outputPaused: the console takes nothing at present: silence is then no fault of the
        server.
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
        Wait until something arrives, the console takes more, or the connection is lost.

        @param timeout: the longest silence in seconds, while the console takes what arrives.
        @raise TimeoutError: the server was silent for so long.
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
        Run something that makes sense only while there is a connection.

        @raise ConnectionLost: the connection was lost first.
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
    """Holds a sender back while its transport's buffer is full."""

    def __init__(self, transport: StreamTransport) -> None:
        self._transport = transport
        self._full: Deferred[None] | None = None
        self._watching = True
        transport.registerProducer(self, True)

    async def send(self, data: bytes) -> None:
        """Write, and wait until there is room for more."""
        self._transport.write(data)
        if self._full is not None:
            await self._full

    def stop(self) -> None:
        """Leave the transport alone; may be called twice."""
        # A transport that still has a streaming producer never closes while that is paused.
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
        # The connection reports its end itself.
        pass


async def connect(
    endpoint: IStreamClientEndpoint, server: str, received: Callable[[bytes], None]
) -> Connection:
    """
    Connect to a stream service.

    @param received: takes what arrives.
    @raise ClientError: there is no connection to be had.
    """
    try:
        connected = await endpoint.connect(Factory.forProtocol(lambda: Connection(received)))
    except (ConnectError, HandshakeError, OSError, ValueError) as error:
        raise ClientError(f"cannot connect to {server}: {connectReason(error)}") from error
    assert isinstance(connected, Connection)
    return connected
