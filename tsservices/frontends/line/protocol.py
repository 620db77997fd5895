"""
The line frontend as a service, for C{nc}, C{telnet} and programs: what adapts a stream of Twisted
to a L{LineConnection}, and its factory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol

from tsservices.chat.outlet import BroadcastMember
from tsservices.frontends.connection import Chat, ConnectionContext
from tsservices.frontends.formats.json import JSONFormatter
from tsservices.frontends.formats.text import TextFormatter
from tsservices.frontends.line.connection import LineConnection, LineFormats
from tsservices.transport.capabilities import IBroadcastTransport, capability
from tsservices.transport.context import StreamContext
from tsservices.transport.rejection import reject
from tsservices.transport.sockets import keepAlive
from tsservices.transport.stream import StreamFactory, StreamProtocol

#: Sent to everybody who connects to a node that can't take part yet.
NOT_OPEN = b"! this server has not caught up with the others yet: come again in a moment\n"


class LineChatProtocol(StreamProtocol):
    """Connects a Twisted stream with a L{LineConnection}."""

    textOnly = True
    factory: LineChatFactory
    #: Gets all input.
    connection: LineConnection
    write: Callable[[bytes], object]
    writeLast: Callable[[bytes], object]
    member: BroadcastMember | None

    def connectionReady(self) -> None:
        # Who only listens is silent for hours; the kernel notices a peer that is gone.
        self.idleLimit = 0
        if (handle := getattr(self.measured, "getHandle", None)) is not None:
            keepAlive(handle())
        transport: object = self.transport
        self.write = self.writeLast = self.transport.write
        self.member = None
        if (broadcasting := capability(transport, IBroadcastTransport)) is not None:
            self.writeLast, self.member = broadcasting.writeLast, broadcasting
        self.connection = LineConnection(self, self.factory.shared, self.factory.formats)
        # In place of a method that only passes chunks on: each line of talk comes by.
        self.chunkReceived = self.connection.received  # type: ignore[method-assign]

    def producer(self) -> Any:
        # It pauses more than the reading: what is delivered waits too.
        return self

    def pauseProducing(self) -> None:
        """The peer does not read."""
        self.connection.pauseOutput()

    def resumeProducing(self) -> None:
        """The peer reads again."""
        self.connection.resumeOutput()

    def stopProducing(self) -> None:
        """The connection is lost; L{connectionLost} says so too."""

    def pauseReading(self) -> None:
        self.transport.pauseProducing()

    def resumeReading(self) -> None:
        self.transport.resumeProducing()

    def readConnectionLost(self) -> None:
        """The peer has said all that it wants to say."""
        self.connection.endOfInput()

    def serverStopping(self) -> None:
        self.connection.serverStopping()

    def closed(self) -> None:
        self.connection.closed()


class LineChatFactory(StreamFactory):
    """
    Makes L{LineChatProtocol}s.

    @ivar shared: what all their connections share.
    @ivar formats: how their output is written.
    """

    def __init__(
        self,
        context: StreamContext,
        chat: Chat,
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        """@param localtime: makes hours and days of seconds since 1970."""
        super().__init__(context, LineChatProtocol)
        self.shared = ConnectionContext(
            chat=chat,
            limits=context.limits,
            counters=self.counters,
            monotonic=context.monotonic,
            callLater=context.clock.callLater,
            warn=context.peerLog.warn,
        )
        self.formats = LineFormats(
            TextFormatter(localtime, withRoom=False),
            TextFormatter(localtime, withRoom=True),
            JSONFormatter(),
        )

    def buildProtocol(self, address: IAddress | None) -> Protocol | None:
        """A protocol; one that turns them away, or L{None}, when they can't come in."""
        if self.shared.chat.open:
            return super().buildProtocol(address)
        self.counters.refused += 1
        return reject(self.context, NOT_OPEN)
