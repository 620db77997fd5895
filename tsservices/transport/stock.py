"""
Twisted's own transports, with the figures that the time limits need.

They serve where there is no epoll, and with C{--no-fast-lane}.
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
    The counts that a stream transport of this package has beside L{ITCPTransport
    <twisted.internet.interfaces.ITCPTransport>}.
    """

    #: Bytes that the kernel has taken so far.
    bytesSent: int
    #: Whether its producer is to wait, because too many bytes are pending.
    producerPaused: bool

    def pendingBytes(self) -> int:
        """Bytes written that the kernel has not taken yet."""
        ...

    def unacknowledgedBytes(self) -> int:
        """
        Bytes that the kernel has taken and the peer's has not; 0 if the system does not say so.

        It costs a system call.
        """
        ...

    def expectShort(self) -> None:
        """Expect short messages from now on, whatever has come so far."""
        ...


class CountsBytesMixin:
    """Counts the bytes that the kernel takes."""

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
        Bytes written that the kernel has not taken yet: encrypted ones if there is TLS, and 0 once
        the connection is lost or aborted.
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
        """Twisted reads with the same size whatever is expected."""


class CountsReadsMixin:
    """Counts the bytes that are read, and notes that the peer has closed first."""

    bytesReceived = 0
    peerClosed = False
    # The fast lane reads a socket itself, and keeps no figure for one connection.
    readInPlace = False

    def _dataReceived(self, data: bytes) -> object:
        self.bytesReceived += len(data)
        return super()._dataReceived(data)  # type: ignore[misc]

    def readConnectionLost(self, reason: Failure) -> None:
        self.peerClosed = True
        super().readConnectionLost(reason)  # type: ignore[misc]


def countingReads(transport: type) -> type:
    """The class of a transport, with L{CountsReadsMixin}: for connections that are logged."""
    return type(f"{transport.__name__}WithReads", (CountsReadsMixin, transport), {})


class CountingTCPServer(CountsBytesMixin, tcp.Server):  # type: ignore[misc]
    """The transport of one TCP connection."""


class CountingTCPPort(tcp.Port):
    """A listening TCP socket."""

    transport = CountingTCPServer


class CountingUNIXServer(CountsBytesMixin, unix.Server):  # type: ignore[misc]
    """
    The transport of one connection over a UNIX socket.  Descriptors that come with the bytes are
    only received by a protocol that takes them.
    """

    def doRead(self) -> Any:
        """
        Read once.

        @return: why the connection is lost, if it is.
        """
        # The method of unix.Server receives them always, and writes a line to the log for each read
        # with one, or with the credentials that systemd's PassCredentials= asks for.  A read that
        # has no room for them lets the kernel close them.
        if IFileDescriptorReceiver.providedBy(self.protocol):
            return super().doRead()
        return tcp.Connection.doRead(self)


class CountingUNIXPort(unix.Port):
    """A listening UNIX socket."""

    transport: type[unix.Server] = CountingUNIXServer
    # A shutdown would end it for whoever else has the socket, systemd above all.  Twisted does the
    # same with an adopted TCP port only; all of ours are adopted.
    _shouldShutdown = False

    def startListening(self) -> None:
        # The base class sets the permissions of the file again, which fails if the server has given
        # up its privileges since it was bound.  So an adopted socket is started here.
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
        # Not the method of unix.Port, which removes the file: that belongs to whoever bound it.
        tcp.Port.connectionLost(self, reason)


class BoundedUDPPort(udp.Port):
    """A UDP port that gives the reactor its turn, and answers from the address that was asked."""

    # Bytes read in one turn of the reactor.  With the 256 KiB of the base class a flood of
    # datagrams of one byte holds all connections for two seconds.
    maxThroughput = 4096

    def _bindSocket(self) -> None:
        super()._bindSocket()
        self.socket = answering(self.socket)
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
