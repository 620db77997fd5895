"""What adapts a stream of Twisted to the connection of a frontend, for all frontends alike."""

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
    """A connection of a frontend, as its stream drives it."""

    def received(self, data: bytes) -> None: ...

    def endOfInput(self) -> None: ...

    def pauseOutput(self) -> None: ...

    def resumeOutput(self) -> None: ...

    def serverStopping(self) -> None: ...

    def closed(self) -> None: ...


class ChatStreamProtocol(StreamProtocol):
    """Connects a Twisted stream with the connection of a frontend."""

    factory: ChatStreamFactory
    #: Gets all input.
    connection: Any
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
        self.connection = self.factory.connect(self)
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


class ChatStreamFactory(StreamFactory):
    """
    Makes the protocols of one frontend.

    @ivar shared: what all their connections share.
    """

    #: Sent to everybody who connects to a node that can't take part yet.
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
        """Make the connection that a protocol gives its input."""

    def buildProtocol(self, address: IAddress | None) -> Protocol | None:
        """A protocol; one that turns them away, or L{None}, when they can't come in."""
        if self.shared.chat.open:
            return super().buildProtocol(address)
        self.counters.refused += 1
        return reject(self.context, self.notOpen)
