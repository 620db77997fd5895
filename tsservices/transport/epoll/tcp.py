"""
TCP server connections and ports that live in an L{EpollReactor} instead of the reactor.

Protocols cannot tell the difference.  What is different is when bytes leave: a C{write} only
queues, and the set sends once for each connection at the end of a round.  A protocol that answers
each chunk with one reply may say so by C{replyWith}, which saves it the queue.  All that is not the
plain sending of bytes (closing, half-closing, aborting, TLS, pull producers) is Twisted's own
code, reached through C{startWriting} as always.

UNIX stream connections and ports that live in an L{EpollSet<tsservices.transport.epoll.set>}.

They are read by Twisted's own C{doRead}, because descriptors can come along with the bytes, and
share the rest with the TCP ones.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.transport import stock
from tsservices.transport.capabilities import (
    IBroadcastTransport,
    IReplyingTransport,
    Reply,
    RoundObserver,
)
from tsservices.transport.epoll.broadcast import Broadcast
from tsservices.transport.epoll.interfaces import SHORT_READ
from tsservices.transport.epoll.set import EpollReactor, epollSetOf
from tsservices.transport.stock import CountsBytesMixin


@implementer(IReplyingTransport, IBroadcastTransport)
class FastTCPServer(CountsBytesMixin, tcp.Server):  # type: ignore[misc]
    """
    The transport of one accepted TCP connection.

    The set reads and writes the attributes below for each request.  They are set on the instance,
    also where the class has the same default, because the interpreter finds those much faster.

    @ivar descriptor: the number of the socket, as long as it is connected.
    @ivar plain: whether bytes go as they are to a socket that stays open: no TLS, and no kind of
        close was asked for.
    @ivar sentAlone: how many bytes the kernel has taken so far, without those of L{broadcasts}.
    @ivar broadcasts: by which it is sent to together with others.
    @ivar readSize: how many bytes the next read in place asks for.
    @ivar reply: what answers each chunk in place of the protocol, if the protocol said so.
    """

    readInPlace = True

    reactor: EpollReactor
    offset: int
    dataBuffer: bytes
    _tempDataBuffer: list[bytes]
    _tempDataLen: int

    def __init__(
        self,
        sock: socket.socket,
        protocol: IProtocol,
        client: Any,
        server: Any,
        sessionno: int,
        reactor: Any,
    ) -> None:
        """
        @param protocol: what the bytes are for.
        @raise OSError: when the kernel cannot watch one more descriptor.
        """
        self.descriptor = sock.fileno()
        self.sentAlone = 0
        self.broadcasts: tuple[Broadcast, ...] = ()
        self.bufferSize = type(self).bufferSize
        self.readSize = min(SHORT_READ, self.bufferSize)
        self.reply: Reply | None = None
        self.dataBuffer = b""
        self.producer = None
        self.producerPaused = False
        self.streamingProducer = False
        self.plain = False
        super().__init__(sock, protocol, client, server, sessionno, epollSetOf(reactor))
        self.plain = self.readInPlace

    @property
    def bytesSent(self) -> int:
        """
        How many bytes the kernel has taken so far. A sweep sees by it that a peer drains what
        it asked for.
        """
        return self.sentAlone + sum([each.sent for each in self.broadcasts])

    @bytesSent.setter
    def bytesSent(self, sent: int) -> None:
        self.sentAlone += sent - self.bytesSent

    @property
    def isIdle(self) -> bool:
        return self.plain and not self.dataBuffer

    def broadcastWith(self, wires: Sequence[FastTCPServer]) -> Broadcast:
        return Broadcast(wires)

    def leaveBroadcast(self) -> None:
        for broadcast in self.broadcasts:
            broadcast.dissolve()

    def write(self, data: bytes) -> None:
        """
        Queue some bytes.

        @raise TypeError: if C{data} is not L{bytes}.
        """
        if self.plain and type(data) is bytes and not self.dataBuffer:
            if data:
                epollSet = self.reactor
                chunks = self._tempDataBuffer
                if not chunks:
                    epollSet.queued.append(self)
                    if not epollSet.passing:
                        epollSet.wake()
                chunks.append(data)
                self._tempDataLen = size = self._tempDataLen + len(data)
                # As its own producer it is read once a round: what the kernel takes at
                # the end of that is no reason to pause.
                if size > self.bufferSize and self.producer not in (None, self):
                    self._maybePauseProducer()
        else:
            super().write(data)

    def writeLast(self, data: bytes) -> None:
        """
        Send some bytes at once: nothing else will be written in this turn.

        It is L{write} without the queue, for what goes to many: each connection is touched once
        instead of twice.
        """
        if not self.plain or self._tempDataBuffer or self.dataBuffer:
            self.write(data)
            return
        try:
            sent = os.write(self.descriptor, data)
        except OSError:
            # At the end of the round it fails again, or waits, as any write does.
            self.write(data)
            return
        self.sentAlone += sent
        if sent < len(data):
            self.reactor.keepUnsent(self, data, sent)

    def replyWith(self, reply: Reply, observer: RoundObserver) -> None:
        """
        Let a function answer each chunk that is read in place.

        What it returns is sent at once, without a C{write}.  Where that can't be (something
        waits to be sent, the connection is closing, there is TLS) the chunk goes to the protocol
        as ever, which has to do the same.  Not for a protocol behind a wrapper: the chunks here
        are not what it is given.
        """
        self.reply = reply
        watchers = self.reactor.observers
        if observer not in watchers:
            watchers.append(observer)

    def startReading(self) -> None:
        """Read, unless the connection was aborted: then nothing is to reach the protocol."""
        if not self._aborting:
            super().startReading()

    def startWriting(self) -> None:
        """Write, unless the connection was aborted: then nothing is to reach the peer."""
        if not self._aborting:
            super().startWriting()

    def startTLS(self, ctx: Any, normal: bool = True) -> None:
        """Send what is queued as it is, and all that follows through TLS."""
        self._notPlain()
        if self._tempDataLen:
            self.startWriting()
        super().startTLS(ctx, normal)

    def loseConnection(self) -> None:
        """Close the connection when all that is queued is sent."""
        self._notPlain()
        super().loseConnection()

    def loseWriteConnection(self) -> None:
        """Close the sending half when all that is queued is sent."""
        self._notPlain()
        super().loseWriteConnection()

    def abortConnection(self) -> None:
        """Drop the connection and what is queued."""
        self._notPlain()
        super().abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """Close the socket and tell the protocol."""
        self._notPlain()
        # A function of the protocol: without this the two would wait for the garbage collector.
        self.reply = None
        super().connectionLost(reason)

    def _notPlain(self) -> None:
        """From now on there is more to do than to send bytes."""
        self.plain = False
        self.leaveBroadcast()


class FastTCPPort(tcp.Port):
    """
    A listening TCP port whose connections live in the set of its reactor.

    The port itself stays in the real reactor.  Built by its constructor, or around a socket that
    listens already by C{_fromListeningDescriptor(reactor, descriptor, family, factory)}, which
    duplicates the descriptor.
    """

    transport = FastTCPServer

    _epollSet: EpollReactor

    def startListening(self) -> None:
        """
        Open the set with the port: a lack of descriptors is better found now than at an accept.

        @raise CannotListenError: when the address cannot be had, or no epoll object can.
        """
        epollSet = self._epollSet = epollSetOf(self.reactor)
        try:
            epollSet.portOpened()
        except OSError as error:
            raise CannotListenError(self.interface, self.port, error) from error
        try:
            super().startListening()
        except BaseException:
            epollSet.portClosed()
            raise

    def connectionLost(self, reason: Failure) -> None:
        """Close the listening socket, and the set if it was the last."""
        try:
            super().connectionLost(reason)
        finally:
            self._epollSet.portClosed()


class FastUNIXServer(FastTCPServer, unix.Server):  # type: ignore[misc]
    """The transport of one accepted connection to a UNIX socket."""

    readInPlace = False


class FastUNIXPort(FastTCPPort, stock.CountingUNIXPort):
    """
    A listening UNIX socket whose connections live in the set of its reactor.

    Around a socket that listens already: C{_fromListeningDescriptor(reactor, descriptor,
    factory)}.
    """

    transport = FastUNIXServer
