"""
Sockets that are bound before the server runs, and served once it runs.

C{twistd} makes the service, then forks into the background, then starts it.  An error such as a
port in use has to be reported before the fork, while there is a terminal.  Therefore sockets are
bound and listen when the service is made.  Their ports need a running reactor: they are made when
the service starts.

L{Binder} replaces the reactor where an endpoint listens.  Only this module makes listening
transports.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from tsservices.transport import stock
from tsservices.transport.epoll import set as epollset
from tsservices.transport.epoll.tcp import FastTCPPort, FastUNIXPort
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.shared_sockets import OwnSockets
from tsservices.transport.sockets import SocketFile, duplicate
from tsservices.transport.timestamping import cmsg
from tsservices.transport.timestamping.udp import TimestampedDatagramProtocol, TimestampedUDPPort
from tsservices.transport.twisted_internals import adoptPort
from tsservices.transport.unix_datagram import UNIXDatagramPort
from tsservices.transport.wildcard import answering

STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM

#: Makes a port of a reactor and the descriptor of a bound socket.
Adopt = Callable[[Any, int], IListeningPort]


@implementer(IListeningPort)
class BoundPort:
    """
    A bound socket, which is served from L{startListening} on.

    @ivar name: host and port of the socket, or the path of a UNIX socket.
    """

    def __init__(
        self, reactor: Any, bound: socket.socket, adopt: Adopt, file: SocketFile | None = None
    ) -> None:
        self._reactor = reactor
        self._socket = bound
        self._adopt = adopt
        self._file = file
        self._port: IListeningPort | None = None
        name = bound.getsockname()
        self.name: tuple[str, int] | str
        if isinstance(name, str | bytes):
            self.name = os.fsdecode(name)
        else:
            # The host in the name lacks the interface of a link-local address (fe80::1%eth0).
            self.name = socket.getnameinfo(name, socket.NI_NUMERICHOST)[0], name[1]

    @property
    def descriptor(self) -> int:
        """The descriptor of the socket while it is not served."""
        return self._socket.fileno()

    @property
    def isListening(self) -> bool:
        """Whether the socket is served."""
        return self._port is not None

    def startListening(self) -> None:
        """Serve the socket."""
        port = self._adopt(self._reactor, self._socket.fileno())
        # The port has a duplicate: with this one open, closing the port would not close the socket.
        self._socket.close()
        port.startListening()
        self._port = port

    def stopListening(self) -> Deferred[None]:
        """
        Close the socket, and remove its file if this process made it.

        @return: fires when the socket is closed.
        """
        port, self._port = self._port, None
        if self._file is not None:
            self._file.remove()
        self._socket.close()
        if port is None:
            return succeed(None)
        stopped = port.stopListening()
        return succeed(None) if stopped is None else stopped

    def getHost(self) -> IAddress:
        """
        Get the address of the port.

        @raise RuntimeError: if the socket is not served yet.
        """
        if self._port is None:
            raise RuntimeError("this socket is bound but not served")
        return self._port.getHost()


class Binder:
    """
    The listening half of C{IReactorTCP}, C{IReactorUNIX} and C{IReactorSocket}.

    @ivar ports: the bound sockets, in order; this object owns them until they are served.
    """

    def __init__(
        self,
        reactor: Any,
        fast: bool = True,
        sockets: OwnSockets | None = None,
        countReads: bool = False,
    ) -> None:
        """
        @param sockets: the source of the sockets; L{None}: they are bound for this process alone.
        @param countReads: whether each connection counts the bytes that it reads.
        """
        self._reactor = reactor
        self._countReads = countReads
        self._fast = fast and epollset.available()
        self._sockets = sockets or OwnSockets()
        self.ports: list[BoundPort] = []

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """
        Bind a TCP socket, and listen.

        @raise CannotListenError: if the system refuses.
        """
        return self._addStream(self._sockets.internet(STREAM, interface, port, backlog), factory)

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> IListeningPort:
        """
        Bind a UNIX socket, and listen.

        @raise CannotListenError: if the system refuses, or a server listens there.
        """
        bound, file = self._sockets.unix(_absolute(address), STREAM, mode, backlog)
        return self._addStream(bound, factory, file)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        """
        Take a duplicate of a listening socket.  Its file, if it has one, is not removed.

        @raise CannotListenError: if it is not a listening stream socket of that family.
        """
        return self._addStream(duplicate(fileDescriptor, addressFamily, STREAM), factory)

    def bindUDP(self, port: int, interface: str, protocol: DatagramProtocol, maxSize: int) -> None:
        """
        Bind a UDP socket.

        @param maxSize: the number of bytes after which a datagram is cut off.
        @raise CannotListenError: if the system refuses.
        """
        self._addUDP(self._sockets.internet(DATAGRAM, interface, port), protocol, maxSize)

    def bindUNIXDatagram(
        self, path: str, mode: int, protocol: DatagramProtocol, maxSize: int
    ) -> None:
        """
        Bind a UNIX datagram socket.

        @param mode: the permissions of its file.
        @param maxSize: the number of bytes after which a datagram is cut off.
        @raise CannotListenError: if the system refuses, or a server listens there.
        """
        bound, file = self._sockets.unix(_absolute(path), DATAGRAM, mode)
        self._addUNIXDatagram(bound, protocol, maxSize, file)

    def adoptDatagramPort(
        self, descriptor: int, family: int, protocol: DatagramProtocol, maxSize: int
    ) -> None:
        """
        Take a duplicate of a bound datagram socket, whose file is not removed.

        @param maxSize: the number of bytes after which a datagram is cut off.
        @raise CannotListenError: if it is not a datagram socket of that family.
        """
        bound = duplicate(descriptor, family, DATAGRAM)
        if family == socket.AF_UNIX:
            self._addUNIXDatagram(bound, protocol, maxSize)
        else:
            self._addUDP(bound, protocol, maxSize)

    def discard(self) -> None:
        """Close all bound sockets, because the start has failed."""
        for port in self.ports:
            port.stopListening()
        self.ports.clear()
        self._sockets.close()

    def _addUDP(self, bound: socket.socket, protocol: DatagramProtocol, maxSize: int) -> None:
        portClass: Any = FastUDPPort if self._fast else stock.BoundedUDPPort
        if isinstance(protocol, TimestampedDatagramProtocol):
            portClass = TimestampedUDPPort
            # So that datagrams that arrive before the port is served have receive times too.
            cmsg.enableTimestamps(bound, tos=True)
        else:
            # So that the destination of such datagrams is known too.
            bound = answering(bound)

        self._add(bound, portClass, bound.family, protocol, maxSize)

    def _addUNIXDatagram(
        self,
        bound: socket.socket,
        protocol: DatagramProtocol,
        maxSize: int,
        file: SocketFile | None = None,
    ) -> None:
        def adopt(reactor: Any, descriptor: int) -> IListeningPort:
            return UNIXDatagramPort(descriptor, protocol, maxSize, reactor)

        self.ports.append(BoundPort(self._reactor, bound, adopt, file))

    def _addStream(
        self, bound: socket.socket, factory: IProtocolFactory, file: SocketFile | None = None
    ) -> BoundPort:
        if bound.family == socket.AF_UNIX:
            unixPort = FastUNIXPort if self._fast else stock.CountingUNIXPort
            return self._add(bound, unixPort, factory, file=file)
        tcpPort = FastTCPPort if self._fast else stock.CountingTCPPort
        return self._add(bound, tcpPort, bound.family, factory)

    def _add(
        self, bound: socket.socket, portClass: Any, *arguments: Any, file: SocketFile | None = None
    ) -> BoundPort:
        def adopt(reactor: Any, descriptor: int) -> IListeningPort:
            port: Any = adoptPort(portClass, reactor, descriptor, *arguments)
            if self._countReads and hasattr(port, "transport"):
                port.transport = stock.countingReads(port.transport)
            adopted: IListeningPort = port
            return adopted

        port = BoundPort(self._reactor, bound, adopt, file)
        self.ports.append(port)
        return port


def _absolute(path: str) -> str:
    # A name outside the file system (it begins with NUL) has no folder.
    return path if path.startswith("\0") else os.path.abspath(path)
