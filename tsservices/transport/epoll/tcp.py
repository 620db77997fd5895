"""
Connections over TCP and UNIX sockets, and their ports, that are in an L{EpollReactor}.

For protocols the only difference from Twisted's transports is the time at which bytes are sent:
C{write} only queues them, and the set sends once for each connection at the end of a round.  A
protocol that answers each chunk with one reply can have the reply sent at once, by C{replyWith}.

While a transport is I{plain}, it only sends bytes, and the set does that itself.  Everything else
(closing, half-closing, aborting, TLS, pull producers) is Twisted's code: it ends this state for
ever, and uses C{startWriting}, C{doWrite} and the queue of C{FileDescriptor} as usual.  Therefore
each write checks one flag instead of five.

Connections over UNIX sockets are read by their own C{doRead}, because descriptors may be received
with the bytes.  The rest is the same.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet import tcp
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.transport import stock
from tsservices.transport.capabilities import (
    ChunkCounters,
    IBroadcastTransport,
    IDirectDescriptor,
    IPrefixingTransport,
    IReplyingTransport,
    Reply,
    RoundObserver,
    RoundPrefix,
)
from tsservices.transport.epoll.broadcast import StreamBroadcast
from tsservices.transport.epoll.interfaces import SHORT_READ
from tsservices.transport.epoll.passes import EpollReactor
from tsservices.transport.epoll.set import epollSetOf
from tsservices.transport.stock import CountsBytesMixin


@implementer(IReplyingTransport, IPrefixingTransport, IBroadcastTransport, IDirectDescriptor)
class FastTCPServer(CountsBytesMixin, tcp.Server):  # type: ignore[misc]
    """
    The transport of one accepted TCP connection.

    L{InPlaceStream<tsservices.transport.epoll.interfaces.InPlaceStream>} describes its fields, and
    L{BroadcastStream<tsservices.transport.epoll.broadcast.BroadcastStream>} those for broadcasts.
    """

    readInPlace = True

    reactor: EpollReactor
    offset: int
    counters: ChunkCounters
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
        """@raise OSError: if the kernel cannot watch one more descriptor."""
        # The set uses these attributes for each request.  They are set on the instance, even if the
        # class has the same default, because the interpreter finds them faster there.
        self.descriptor = sock.fileno()
        self.sentAlone = 0
        self.broadcasts: tuple[StreamBroadcast, ...] = ()
        self.bufferSize = type(self).bufferSize
        self.expectShort()
        self.reply: Reply | None = None
        self.prefix: RoundPrefix | None = None
        self.dataBuffer = b""
        self.producer = None
        self.producerPaused = False
        self.streamingProducer = False
        self.plain = False
        super().__init__(sock, protocol, client, server, sessionno, epollSetOf(reactor))
        self.plain = self.readInPlace

    @property
    def bytesSent(self) -> int:
        """The number of bytes that the kernel has taken so far."""
        # Computed only for the time limits, so that a broadcast adds one number for all members.
        return self.sentAlone + sum([broadcast.sent for broadcast in self.broadcasts])

    @bytesSent.setter
    def bytesSent(self, sent: int) -> None:
        self.sentAlone += sent - self.bytesSent

    @property
    def isIdle(self) -> bool:
        return self.plain and not self.dataBuffer

    def broadcastWith(self, members: Sequence[FastTCPServer]) -> StreamBroadcast:
        return StreamBroadcast(members)

    def leaveBroadcast(self) -> None:
        for broadcast in self.broadcasts:
            broadcast.dissolve()

    def write(self, data: bytes) -> None:
        """
        Queue some bytes.

        @raise TypeError: if C{data} is not L{bytes}.
        """
        # FileDescriptor.write, without the steps that a plain transport never needs.
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
                # A transport that is its own producer is read once in a round, and need not pause
                # for bytes that the kernel takes at the end of the round.  If the kernel does not
                # take all, the next write goes to the base class, which pauses.
                if size > self.bufferSize and self.producer not in (None, self):
                    self._maybePauseProducer()
        else:
            super().write(data)

    def writeLast(self, data: bytes) -> None:
        """Send some bytes at once, because nothing else will be written in this turn."""
        # For bytes sent to many connections: each is touched once and not twice.
        if not self.plain or self._tempDataBuffer or self.dataBuffer:
            self.write(data)
            return
        try:
            sent = os.write(self.descriptor, data)
        except OSError:
            # A connection must not be lost within a write, because its protocol and its room do not
            # expect that.  At the end of the round the send fails again, or waits.
            self.write(data)
            return
        self.sentAlone += sent
        if sent < len(data):
            self.reactor.keepUnsent(self, data, sent)

    def replyWith(self, reply: Reply, observer: RoundObserver) -> None:
        """
        Let a function answer each chunk, and send its result at once.

        @param observer: called when a round of reads begins and when it ends.
        """
        self.reply = reply
        watchers = self.reactor.observers
        if observer not in watchers:
            watchers.append(observer)

    def prefixWith(self, prefix: RoundPrefix, counters: ChunkCounters) -> None:
        self.counters = counters
        self.prefix = prefix

    def expectShort(self) -> None:
        self.readSize = min(SHORT_READ, self.bufferSize)

    def startReading(self) -> None:
        # After an abort nothing may reach the protocol: a producer that resumes must not undo it.
        if not self._aborting:
            super().startReading()

    def startWriting(self) -> None:
        # After an abort nothing may reach the peer.
        if not self._aborting:
            super().startWriting()

    def startTLS(self, ctx: Any, normal: bool = True) -> None:
        """Send the queued bytes unencrypted, and later bytes by TLS."""
        # The set does not send for a transport that is not plain: `doWrite` sends the queued bytes.
        self._notPlain()
        if self._tempDataLen:
            self.startWriting()
        super().startTLS(ctx, normal)

    def loseConnection(self) -> None:
        self._notPlain()
        super().loseConnection()

    def loseWriteConnection(self) -> None:
        self._notPlain()
        super().loseWriteConnection()

    def abortConnection(self) -> None:
        self._notPlain()
        super().abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        self._notPlain()
        # Breaks a reference cycle, because the reply is a method of the protocol.
        self.reply = None
        self.prefix = None
        super().connectionLost(reason)

    def _notPlain(self) -> None:
        self.plain = False
        self.leaveBroadcast()


class FastTCPPort(tcp.Port):
    """
    A listening TCP port whose connections are in the set of its reactor.

    The port itself is in the real reactor.  Made by its constructor, or, for a socket that listens
    already, by L{adoptPort<tsservices.transport.twisted_internals.adoptPort>}.
    """

    transport = FastTCPServer

    _epollSet: EpollReactor

    def startListening(self) -> None:
        """
        Open the set, and listen.

        @raise CannotListenError: if the address or an epoll object is not available.
        """
        # Opened before the first connection: otherwise the constructor of a transport would raise
        # when there are no more descriptors.
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
        try:
            super().connectionLost(reason)
        finally:
            self._epollSet.portClosed()


class FastUNIXServer(FastTCPServer, stock.CountingUNIXServer):  # type: ignore[misc]
    """The transport of one accepted connection to a UNIX socket."""

    readInPlace = False


class FastUNIXPort(FastTCPPort, stock.CountingUNIXPort):
    """A listening UNIX socket whose connections are in the set of its reactor."""

    transport = FastUNIXServer
