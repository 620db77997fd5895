"""
Sockets that are bound before the server runs, and served once it does.

C{twistd} makes the service, then forks into the background, then starts it.  That a port is in use
has to be reported before the fork, while there is a terminal.  So sockets are bound and listen when
the service is made.  Their ports need a reactor that runs, and are made at the start.

L{Binder} takes the place of the reactor where an endpoint would listen.  It is the only place where
listening transports are made.
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
    A socket that is bound, and is served from L{startListening} on.

    @ivar name: its host and port, or the path of a UNIX socket.
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
        self.name: tuple[str, int] | str = (
            os.fsdecode(name) if isinstance(name, str | bytes) else (name[0], name[1])
        )

    @property
    def descriptor(self) -> int:
        """That of the socket, as long as it is not served."""
        return self._socket.fileno()

    @property
    def isListening(self) -> bool:
        """Whether it is served."""
        return self._port is not None

    def startListening(self) -> None:
        """Serve the socket."""
        port = self._adopt(self._reactor, self._socket.fileno())
        # The port has a duplicate: while this one is open the socket would not be closed with it.
        self._socket.close()
        port.startListening()
        self._port = port

    def stopListening(self) -> Deferred[None]:
        """
        Close the socket, and remove its file if it was made here.

        @return: fires when it is closed.
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
        Where it listens.

        @raise RuntimeError: if it is not served yet.
        """
        if self._port is None:
            raise RuntimeError("this socket is bound but not served")
        return self._port.getHost()


class Binder:
    """
    The listening half of C{IReactorTCP}, C{IReactorUNIX} and C{IReactorSocket}.

    @ivar ports: what has been bound, in order; this object owns them until they are served.
    """

    def __init__(
        self,
        reactor: Any,
        fast: bool = True,
        sockets: OwnSockets | None = None,
        countReads: bool = False,
    ) -> None:
        """
        @param sockets: where they come from; L{None}: they are bound for this process alone.
        @param countReads: connections count what they read, each for itself.
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

        @raise CannotListenError: if the system refuses, or a server is there.
        """
        bound, file = self._sockets.unix(_absolute(address), STREAM, mode, backlog)
        return self._addStream(bound, factory, file)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        """
        Take a duplicate of a listening socket, whose file (if it has one) stays with its owner.

        @raise CannotListenError: if it is no listening stream socket of that family.
        """
        return self._addStream(duplicate(fileDescriptor, addressFamily, STREAM), factory)

    def bindUDP(self, port: int, interface: str, protocol: DatagramProtocol, maxSize: int) -> None:
        """
        Bind a UDP socket.

        @param maxSize: the most bytes of a datagram that are read.
        @raise CannotListenError: if the system refuses.
        """
        self._addUDP(self._sockets.internet(DATAGRAM, interface, port), protocol, maxSize)

    def bindUNIXDatagram(
        self, path: str, mode: int, protocol: DatagramProtocol, maxSize: int
    ) -> None:
        """
        Bind a UNIX socket of datagrams.

        @param mode: the permissions of its file.
        @param maxSize: the most bytes of a datagram that are read.
        @raise CannotListenError: if the system refuses, or a server is there.
        """
        bound, file = self._sockets.unix(_absolute(path), DATAGRAM, mode)
        self._addUNIXDatagram(bound, protocol, maxSize, file)

    def adoptDatagramPort(
        self, descriptor: int, family: int, protocol: DatagramProtocol, maxSize: int
    ) -> None:
        """
        Take a duplicate of a bound socket of datagrams, whose file stays with its owner.

        @param maxSize: the most bytes of a datagram that are read.
        @raise CannotListenError: if it is no such socket of that family.
        """
        bound = duplicate(descriptor, family, DATAGRAM)
        if family == socket.AF_UNIX:
            self._addUNIXDatagram(bound, protocol, maxSize)
        else:
            self._addUDP(bound, protocol, maxSize)

    def discard(self) -> None:
        """Close all that has been bound, because the start has failed."""
        for port in self.ports:
            port.stopListening()
        self.ports.clear()
        self._sockets.close()

    def _addUDP(self, bound: socket.socket, protocol: DatagramProtocol, maxSize: int) -> None:
        portClass: Any = FastUDPPort if self._fast else stock.BoundedUDPPort
        if isinstance(protocol, TimestampedDatagramProtocol):
            portClass = TimestampedUDPPort
            # Datagrams that come before the port is served then have their times too.
            cmsg.enableTimestamps(bound, tos=True)
        else:
            # The same for where they were sent to.
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
    # Outside of the file system a name is a name.
    return path if path.startswith("\0") else os.path.abspath(path)
