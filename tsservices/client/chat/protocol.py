"""The protocol of a connection to the chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.internet.tcp import Connection as StreamTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.client.connection import FIRST_BYTES, explainLoss, lostReason
from tsservices.common.lines import LINES_AT_ONCE, LineSplitter, LineTooLong

#: The longest line from a server, in bytes.  The longest lines list some hundred people; a server
#: that sends longer ones is no chat.
LINE_BYTES = 4 * 1024 * 1024

#: The reason that is reported after a longer line.
OVERLONG = f"a line of more than {LINE_BYTES // 2**20} MiB came, so it is no chat"


class ConnectionEvents(NamedTuple):
    """The callbacks of a connection; the argument of C{lost} is the reason."""

    connected: Callable[[ChatProtocol], None]
    received: Callable[[bytes], None]
    lost: Callable[[str], None]


@implementer(IPushProducer)
class ChatProtocol(Protocol):
    """One connection.  It is the producer of the console it feeds."""

    transport: StreamTransport

    def __init__(self, events: ConnectionEvents) -> None:
        self._events = events
        self._splitter = LineSplitter(LINE_BYTES)
        self._open = False
        self._first = b""
        self._overlong = False

    def connectionMade(self) -> None:
        self._open = True
        self._events.connected(self)

    def dataReceived(self, data: bytes) -> None:
        self._first = self._first or data[:FIRST_BYTES]
        splitter = self._splitter
        splitter.feed(data)
        while splitter.more and self._open:
            for line in splitter.take(LINES_AT_ONCE):
                if isinstance(line, LineTooLong):
                    self._overlong = True
                    self.abort()
                    return
                # If a line has closed the connection, the lines after it are dropped.
                if self._open:
                    self._events.received(line.removesuffix(b"\r"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._open = False
        if self._overlong:
            self._events.lost(OVERLONG)
            return
        self._events.lost(lostReason(explainLoss(reason, self.transport, self._first)))

    def send(self, line: str) -> None:
        self.transport.write(f"{line}\n".encode("utf-8", "replace"))

    def close(self) -> None:
        """Close the connection and drop data that still arrives."""
        self._open = False
        self.transport.loseConnection()

    def abort(self) -> None:
        """Abort the connection, which seems to be dead."""
        self.transport.abortConnection()

    def pauseProducing(self) -> None:
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        self.close()


class ChatFactory(ClientFactory):
    """The factory of one L{ChatProtocol}."""

    noisy = False

    def __init__(self, events: ConnectionEvents) -> None:
        self._events = events

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol:
        return ChatProtocol(self._events)
