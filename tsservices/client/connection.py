"""
A stream connection as the exchanges use it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import IPushProducer, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection as StreamTransport
from twisted.python.failure import Failure
from zope.interface import implementer

T = TypeVar("T")


class ClientError(Exception):
    """The command cannot go on; the text is the line for the person who gave it."""


def place(host: str, port: int) -> str:
    """Name the other end in a sentence."""
    return f"{host} port {port}"


def connectReason(error: Exception) -> str:
    """Say why a connection could not be made."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, DNSLookupError | ValueError):
        return "the host name is unknown"
    if isinstance(error, ConnectTimeoutError):
        return "no answer in time"
    number = error.osError if isinstance(error, ConnectError) else None
    return os.strerror(number) if isinstance(number, int) else str(error)


def lostReason(reason: Failure) -> str:
    """Say why a connection was lost."""
    if reason.check(ConnectionDone):
        return "closed by the other side"
    error = reason.value
    cause = error.args[0] if isinstance(error, ConnectionLost) and error.args else None
    if isinstance(cause, OSError) and cause.errno is not None:
        return os.strerror(cause.errno)
    return "closed in an unclean way"


@implementer(IPushProducer)
class Connection(Protocol):
    """
    One connection: hands on what arrives and remembers how it ended.

    It is the producer of the console it feeds, and tells C{choked} whether the
    console has stopped it: silence is then no fault of the other side.

    @ivar lost: why the connection ended, once it has.
    @ivar choked: whether the console takes nothing at present.
    """

    transport: StreamTransport

    def __init__(self, received: Callable[[bytes], None]) -> None:
        """Start unconnected."""
        self.lost: Failure | None = None
        self.choked = False
        self._received = received
        self._waiting: Deferred[None] | None = None
        self._abandon: Callable[[], None] | None = None

    def dataReceived(self, data: bytes) -> None:
        """Hand a chunk on."""
        self._received(data)
        self._stir()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End what runs only while there is a connection."""
        self.lost = reason
        if self._abandon is not None:
            self._abandon()
        self._stir()

    def pauseProducing(self) -> None:
        """The console takes nothing: stop reading."""
        self.choked = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The console takes more: read on."""
        self.choked = False
        self.transport.resumeProducing()
        self._stir()

    def stopProducing(self) -> None:
        """The console is gone."""
        self.transport.loseConnection()

    async def stirring(self, clock: IReactorTime, timeout: float) -> None:
        """
        Wait until something arrives, the console takes more, or the
        connection is lost.

        @param timeout: the longest silence in seconds; a choked console stops
            the count.
        @raise TimeoutError: when the other side was silent for so long.
        """
        while True:
            self._waiting = Deferred()
            try:
                await self._waiting.addTimeout(timeout, clock)
            except TimeoutError:
                if self.choked:
                    continue
                raise
            return

    async def during(self, conversation: Coroutine[Deferred[object], object, T]) -> T:
        """
        Run something that makes sense only while there is a connection.

        @raise ConnectionLost: when the connection was lost first.
        """
        running = Deferred.fromCoroutine(conversation)
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

    def _stir(self) -> None:
        """Let whoever waits in L{stirring} look again."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


@implementer(IPushProducer)
class BackpressuredWriter:
    """Holds a sender back while its transport's buffer is full."""

    def __init__(self, transport: StreamTransport) -> None:
        """Start watching."""
        self._transport = transport
        self._full: Deferred[None] | None = None
        self._watching = True
        transport.registerProducer(self, True)

    async def send(self, data: bytes) -> None:
        """
        Write, and wait until there is room for more.

        @param data: the bytes.
        """
        self._transport.write(data)
        if self._full is not None:
            await self._full

    def stop(self) -> None:
        """
        Stop watching: a transport that still has a streaming producer never
        closes while that is paused. Doing it twice does no harm.
        """
        if self._watching:
            self._watching = False
            self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """The buffer is full."""
        self._full = Deferred()

    def resumeProducing(self) -> None:
        """The buffer has room."""
        full, self._full = self._full, None
        if full is not None:
            full.callback(None)

    def stopProducing(self) -> None:
        """The transport is gone; the end of the connection is told elsewhere."""


async def connect(
    endpoint: IStreamClientEndpoint, there: str, received: Callable[[bytes], None]
) -> Connection:
    """
    Connect to a stream service.

    @raise ClientError: when there is none to be had.
    """
    try:
        connected = await endpoint.connect(Factory.forProtocol(lambda: Connection(received)))
    except (ConnectError, OSError, ValueError) as error:
        raise ClientError(f"cannot connect to {there}: {connectReason(error)}") from error
    assert isinstance(connected, Connection)
    return connected
