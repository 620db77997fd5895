"""
Twisted's own transports, with the byte counts that the time limits need.

They are used where there is no epoll, and with C{--no-fast-lane}.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from typing import Any
from typing import Protocol as Interface

from twisted.internet import tcp, udp, unix
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.python.failure import Failure

from tsservices.transport.twisted_internals import reserveDescriptor
from tsservices.transport.wildcard import answering


class CountsBytes(Interface):
    """
    The counts of the stream transports of this package, which L{ITCPTransport
    <twisted.internet.interfaces.ITCPTransport>} lacks.
    """

    #: Bytes that the kernel has taken so far.
    bytesSent: int
    #: Whether the producer is paused, because too many bytes are pending.
    producerPaused: bool

    def pendingBytes(self) -> int:
        """Get the number of bytes written that the kernel has not taken yet."""
        ...

    def unacknowledgedBytes(self) -> int:
        """
        Get the number of bytes that the kernel has taken and the peer has not acknowledged; 0 if
        the system does not provide it.  This takes a system call.
        """
        ...

    def expectShort(self) -> None:
        """Expect short messages from now on, even if there were long ones."""
        ...


class CountsBytesMixin:
    """The counts of a transport of Twisted."""

    bytesSent = 0
    connected: int
    dataBuffer: bytes
    offset: int
    socket: Any
    _aborting: bool
    _tempDataLen: int

    def writeSomeData(self, data: bytes) -> int | BaseException:
        taken: int | BaseException = super().writeSomeData(data)  # type: ignore[misc]
        if isinstance(taken, int):
            self.bytesSent += taken
        return taken

    def pendingBytes(self) -> int:
        """
        Get the number of bytes written that the kernel has not taken yet: with TLS of encrypted
        bytes; 0 once the connection is lost or aborted.
        """
        if self._aborting or not self.connected:
            return 0
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def unacknowledgedBytes(self) -> int:
        try:
            count = fcntl.ioctl(self.socket.fileno(), termios.TIOCOUTQ, bytes(4))
        except OSError:
            return 0
        return int(struct.unpack("i", count)[0])

    def expectShort(self) -> None:
        """Do nothing: Twisted always reads with the same size."""


class CountsReadsMixin:
    """A count of the bytes read, and whether the peer has closed first."""

    bytesReceived = 0
    peerClosed = False
    # If the fast lane read the socket itself, it would not count the bytes of one connection.
    readInPlace = False

    def _dataReceived(self, data: bytes) -> object:
        self.bytesReceived += len(data)
        return super()._dataReceived(data)  # type: ignore[misc]

    def readConnectionLost(self, reason: Failure) -> None:
        self.peerClosed = True
        super().readConnectionLost(reason)  # type: ignore[misc]


def countingReads(transport: type) -> type:
    """Derive a class of transports with L{CountsReadsMixin}, for connections that are logged."""
    return type(f"{transport.__name__}WithReads", (CountsReadsMixin, transport), {})


class CountingTCPServer(CountsBytesMixin, tcp.Server):  # type: ignore[misc]
    """The transport of one TCP connection."""


class CountingTCPPort(tcp.Port):
    """A listening TCP socket."""

    transport = CountingTCPServer


class CountingUNIXServer(CountsBytesMixin, unix.Server):  # type: ignore[misc]
    """
    The transport of one connection over a UNIX socket.  Descriptors sent with the bytes are only
    received if the protocol accepts descriptors.
    """

    def doRead(self) -> Any:
        """
        Read once.

        @return: the reason if the connection is lost, otherwise L{None}.
        """
        # The method of unix.Server always receives descriptors, and logs a line for each read with
        # one, or with the credentials that systemd's PassCredentials= adds.  After a read without
        # room for descriptors the kernel closes them.
        if IFileDescriptorReceiver.providedBy(self.protocol):
            return super().doRead()
        return tcp.Connection.doRead(self)


class CountingUNIXPort(unix.Port):
    """A listening UNIX socket."""

    transport: type[unix.Server] = CountingUNIXServer
    # A shutdown would also end the socket for other processes that have it, such as systemd.
    # Twisted avoids that only for adopted TCP ports.  All ports of this class are adopted.
    _shouldShutdown = False

    def startListening(self) -> None:
        # The base class sets the permissions of the file again, which fails if the server has given
        # up its privileges since it was bound.  Therefore an adopted socket is started here.
        if self._preexistingSocket is None:
            super().startListening()
            return
        bound, self._preexistingSocket = self._preexistingSocket, None
        reserveDescriptor()
        assert self.factory is not None
        self.factory.doStart()
        self.socket = bound
        self.fileno = bound.fileno  # type: ignore[method-assign]
        self.connected = True
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Failure) -> None:
        # Not the method of unix.Port, which removes the file: its owner does that.
        tcp.Port.connectionLost(self, reason)


class BoundedUDPPort(udp.Port):
    """A UDP port that bounds its turns, and answers from the address the datagram was sent to."""

    # Bytes read in one turn of the reactor.  With the 256 KiB of the base class a flood of
    # datagrams of one byte blocks all connections for two seconds.
    maxThroughput = 4096

    def _bindSocket(self) -> None:
        super()._bindSocket()
        self.socket = answering(self.socket)
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
