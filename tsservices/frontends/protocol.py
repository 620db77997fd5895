"""The adapter between a Twisted stream and a frontend's connection, for all frontends."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar
from typing import Protocol as Interface

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol

from tsservices.chat.outlet import BroadcastMember
from tsservices.frontends.connection import Chat, ConnectionContext
from tsservices.transport.capabilities import IBroadcastTransport, capability
from tsservices.transport.context import StreamContext
from tsservices.transport.rejection import reject
from tsservices.transport.sockets import keepAlive
from tsservices.transport.stream import StreamFactory, StreamProtocol


class FrontendConnection(Interface):
    """The calls of a stream to the frontend's connection."""

    def received(self, data: bytes) -> None: ...

    def endOfInput(self) -> None: ...

    def pauseOutput(self) -> None: ...

    def resumeOutput(self) -> None: ...

    def serverStopping(self) -> None: ...

    def closed(self) -> None: ...


class ChatStreamProtocol(StreamProtocol):
    """Connects a Twisted stream with the connection of a frontend."""

    factory: ChatStreamFactory
    #: Receives all input.
    connection: Any
    write: Callable[[bytes], object]
    writeLast: Callable[[bytes], object]
    member: BroadcastMember | None

    def connectionReady(self) -> None:
        # A user who only reads sends nothing for hours; TCP keep-alive detects lost peers.
        self.idleLimit = 0
        if (handle := getattr(self.bottomTransport, "getHandle", None)) is not None:
            keepAlive(handle())
        transport: object = self.transport
        self.write = self.writeLast = self.transport.write
        self.member = None
        if (broadcasting := capability(transport, IBroadcastTransport)) is not None:
            self.writeLast, self.member = broadcasting.writeLast, broadcasting
        self.connection = self.factory.connect(self)
        # Replaces a method that only passes chunks on: this is called for each line of talk.
        self.chunkReceived = self.connection.received  # type: ignore[method-assign]

    def producer(self) -> Any:
        # Not the transport: when the peer does not read, delivered output has to wait too.
        return self

    def pauseProducing(self) -> None:
        """Pause output: the peer does not read."""
        self.connection.pauseOutput()

    def resumeProducing(self) -> None:
        """Resume output: the peer reads again."""
        self.connection.resumeOutput()

    def stopProducing(self) -> None:
        """Do nothing: the connection is lost, and L{connectionLost} is called too."""

    def pauseReading(self) -> None:
        self.transport.pauseProducing()

    def resumeReading(self) -> None:
        self.transport.resumeProducing()

    def readConnectionLost(self) -> None:
        """Handle the end of the peer's input."""
        self.connection.endOfInput()

    def serverStopping(self) -> None:
        self.connection.serverStopping()

    def closed(self) -> None:
        self.connection.closed()


class ChatStreamFactory(StreamFactory):
    """
    The factory of one frontend's protocols.

    @ivar shared: the objects that all their connections share.
    """

    #: Sent to clients that connect to a node that has not caught up with the others yet.
    notOpen: ClassVar[bytes]

    def __init__(
        self, context: StreamContext, chat: Chat, protocol: type[ChatStreamProtocol]
    ) -> None:
        super().__init__(context, protocol)
        self.shared = ConnectionContext(
            chat=chat,
            limits=context.limits,
            counters=self.counters,
            monotonic=context.monotonic,
            callLater=context.clock.callLater,
            warn=context.peerLog.warn,
        )

    @abstractmethod
    def connect(self, protocol: Any) -> FrontendConnection:
        """Make the connection that receives a protocol's input."""

    def buildProtocol(self, address: IAddress | None) -> Protocol | None:
        """Make a protocol; while the chat is not open, one that rejects the peer, or L{None}."""
        if self.shared.chat.open:
            return super().buildProtocol(address)
        self.counters.refused += 1
        return reject(self.context, self.notOpen)
