"""
A connection to the chat: lines in, lines out.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.internet.tcp import Connection as StreamTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.client.chat.events import Lines, LineTooLong
from tsservices.client.connection import lostReason


@implementer(IPushProducer)
class ChatProtocol(Protocol):
    """One connection.  It is the producer of the console it feeds."""

    transport: StreamTransport

    def __init__(
        self,
        connected: Callable[[ChatProtocol], None],
        received: Callable[[bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self._connected = connected
        self._received = received
        self._lost = lost
        self._lines = Lines()
        self._open = False

    def connectionMade(self) -> None:
        """Begin."""
        self._open = True
        self._connected(self)

    def dataReceived(self, data: bytes) -> None:
        """@param data: the next bytes."""
        try:
            lines = self._lines.feed(data)
        except LineTooLong:
            self.transport.abortConnection()
            return
        for line in lines:
            if self._open:
                self._received(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._open = False
        self._lost(lostReason(reason))

    def send(self, line: str) -> None:
        self.transport.write(f"{line}\n".encode("utf-8", "replace"))

    def close(self) -> None:
        """End the connection; nothing that still comes is of interest."""
        self._open = False
        self.transport.loseConnection()

    def abort(self) -> None:
        """End the connection without a word: it seems to be dead."""
        self.transport.abortConnection()

    def pauseProducing(self) -> None:
        """The console takes nothing: stop reading."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The console takes more: read on."""
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The console is gone."""
        self.close()


class ChatFactory(ClientFactory):
    """Makes one L{ChatProtocol}."""

    noisy = False

    def __init__(
        self,
        connected: Callable[[ChatProtocol], None],
        received: Callable[[bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self._reports = connected, received, lost

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol:
        """The connection."""
        return ChatProtocol(*self._reports)
