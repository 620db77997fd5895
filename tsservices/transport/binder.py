"""
Sockets that are bound before the server runs, and served once it does.

C{twistd} makes the service, then forks into the background, then starts it.  That a port is in use
has to be reported before the fork, while there is a terminal.  So sockets are bound and listen when
the service is made.  Their ports need a reactor that runs, and are made at the start.

L{Binder} takes the place of the reactor where an endpoint would listen.  It is the only place where
listening transports are made.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from twisted.internet.protocol import DatagramProtocol
from zope.interface import implementer

from tsservices.transport import stock
from tsservices.transport.epoll import set as epollset
from tsservices.transport.epoll.tcp import FastTCPPort, FastUNIXPort
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.sockets import bindInternet, bindUNIX, duplicateListening
from tsservices.transport.timestamping import cmsg
from tsservices.transport.timestamping.udp import TimestampedDatagramProtocol, TimestampedUDPPort
from tsservices.transport.twisted_internals import adoptPort
from tsservices.transport.wildcard import answering

#: Makes a port of a reactor and the descriptor of a bound socket.
Adopt = Callable[[Any, int], IListeningPort]


@implementer(IListeningPort)
class BoundPort:
    """
    A socket that is bound, and is served from L{startListening} on.

    @ivar name: its host and port, or the path of a UNIX socket.
    """

    def __init__(
        self, reactor: Any, bound: socket.socket, adopt: Adopt, path: str | None = None
    ) -> None:
        self._reactor = reactor
        self._socket = bound
        self._adopt = adopt
        self._path = path
        self._port: IListeningPort | None = None
        name = bound.getsockname()
        self.name: tuple[str, int] | str = (
            os.fsdecode(name) if isinstance(name, str | bytes) else (name[0], name[1])
        )

    def startListening(self) -> None:
        """Serve the socket."""
        port = self._adopt(self._reactor, self._socket.fileno())
        # The port has a duplicate: while this one is open the socket would not be closed with it.
        self._socket.close()
        port.startListening()
        self._port = port

    def stopListening(self) -> Deferred[None]:
        """
        Close the socket, and remove its file.

        @return: fires when it is closed.
        """
        port, self._port = self._port, None
        self._socket.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
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
    The listening half of C{IReactorTCP}, C{IReactorSSL}, C{IReactorUNIX} and C{IReactorSocket}.

    @ivar ports: what has been bound, in order; this object owns them until they are served.
    """

    def __init__(self, reactor: Any, fast: bool = True, reusePort: bool = False) -> None:
        self._reactor = reactor
        self._fast = fast and epollset.available()
        self._reusePort = reusePort
        self.ports: list[BoundPort] = []

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """
        Bind a TCP socket, and listen.

        @raise CannotListenError: if the system refuses.
        """
        bound = bindInternet(socket.SOCK_STREAM, interface, port, self._reusePort)
        try:
            bound.listen(backlog)
        except OSError as reason:
            bound.close()
            raise CannotListenError(interface, port, reason) from reason
        return self._addStream(bound, factory)

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """
        Bind a TCP socket whose connections begin with TLS, and listen.

        @raise CannotListenError: if the system refuses.
        """
        # Here because it needs pyOpenSSL, which is optional.
        from twisted.protocols.tls import TLSMemoryBIOFactory

        return self.listenTCP(
            port, TLSMemoryBIOFactory(contextFactory, False, factory), backlog, interface
        )

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
        inFilesystem = not address.startswith("\0")
        path = os.path.abspath(address) if inFilesystem else address
        bound = bindUNIX(path, backlog, mode)
        return self._addStream(bound, factory, path if inFilesystem else None)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        """
        Take a duplicate of a listening socket, whose file (if it has one) stays with its owner.

        @raise CannotListenError: if it is no listening stream socket of that family.
        """
        bound = duplicateListening(fileDescriptor, addressFamily)
        return self._addStream(bound, factory)

    def bindUDP(self, port: int, interface: str, protocol: DatagramProtocol, maxSize: int) -> None:
        """
        Bind a UDP socket.

        @param maxSize: the most bytes of a datagram that are read.
        @raise CannotListenError: if the system refuses.
        """
        bound = bindInternet(socket.SOCK_DGRAM, interface, port, self._reusePort)

        portClass: Any = FastUDPPort if self._fast else stock.BoundedUDPPort
        if isinstance(protocol, TimestampedDatagramProtocol):
            portClass = TimestampedUDPPort
            # Datagrams that come before the port is served then have their times too.
            cmsg.enableTimestamps(bound)
        else:
            # The same for where they were sent to.
            bound = answering(bound)

        self._add(bound, portClass, bound.family, protocol, maxSize)

    def discard(self) -> None:
        """Close all that has been bound, because the start has failed."""
        for port in self.ports:
            port.stopListening()
        self.ports.clear()

    def _addStream(
        self, bound: socket.socket, factory: IProtocolFactory, path: str | None = None
    ) -> BoundPort:
        if bound.family == socket.AF_UNIX:
            unixPort = FastUNIXPort if self._fast else stock.CountingUNIXPort
            return self._add(bound, unixPort, factory, path=path)
        tcpPort = FastTCPPort if self._fast else stock.CountingTCPPort
        return self._add(bound, tcpPort, bound.family, factory)

    def _add(
        self, bound: socket.socket, portClass: Any, *arguments: Any, path: str | None = None
    ) -> BoundPort:
        def adopt(reactor: Any, descriptor: int) -> IListeningPort:
            return adoptPort(portClass, reactor, descriptor, *arguments)

        port = BoundPort(self._reactor, bound, adopt, path)
        self.ports.append(port)
        return port
