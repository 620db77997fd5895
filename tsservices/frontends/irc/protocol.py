"""
The IRC frontend as a service: what adapts a stream of Twisted to an L{IRCConnection}, and its
factory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol

from tsservices.chat.outlet import BroadcastMember
from tsservices.frontends.connection import ConnectionContext
from tsservices.frontends.irc.connection import IRCConnection
from tsservices.frontends.irc.server import IRCServer
from tsservices.transport.capabilities import IBroadcastTransport, capability
from tsservices.transport.context import StreamContext
from tsservices.transport.rejection import reject
from tsservices.transport.sockets import keepAlive
from tsservices.transport.stream import StreamFactory, StreamProtocol

#: Sent to everybody who connects to a node that can't take part yet.
NOT_OPEN = b"ERROR :Closing Link: this server has not caught up yet, come again in a moment\r\n"


class IRCProtocol(StreamProtocol):
    """Connects a Twisted stream with an L{IRCConnection}."""

    factory: IRCFactory
    #: Gets all input.
    connection: IRCConnection
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
        self.connection = IRCConnection(self, self.factory.shared, self.factory.server)
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


class IRCFactory(StreamFactory):
    """
    Makes L{IRCProtocol}s.

    @ivar shared: what all their connections share.
    @ivar server: what all IRC connections of the server share.
    """

    def __init__(self, context: StreamContext, server: IRCServer) -> None:
        super().__init__(context, IRCProtocol)
        self.server = server
        self.shared = ConnectionContext(
            chat=server.chat,
            limits=context.limits,
            counters=self.counters,
            monotonic=context.monotonic,
            callLater=context.clock.callLater,
            warn=context.peerLog.warn,
        )

    def buildProtocol(self, address: IAddress | None) -> Protocol | None:
        """A protocol; one that turns them away, or L{None}, when they can't come in."""
        if self.server.chat.open:
            return super().buildProtocol(address)
        self.counters.refused += 1
        return reject(self.context, NOT_OPEN)
