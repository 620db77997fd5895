"""
The private names of Twisted that the transports use.

No other module imports a private name of Twisted.  Attributes that are read or overridden for each
request are accessed directly where they are used, because a function call would cost more than the
rest of the work; L{PRIVATE_NAMES} lists them, and the tests check that each exists.

All of this was checked against the source of Twisted L{READ_IN}, and of L{OLDEST}, the oldest
version that the project supports.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, cast

from twisted.internet import abstract, tcp, udp, unix
from twisted.internet._resolver import GAIResolver
from twisted.internet.interfaces import (
    IHostnameResolver,
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IReactorTCP,
)
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

__all__ = [
    "OLDEST",
    "PRIVATE_NAMES",
    "REACTOR_NAMES",
    "READ_IN",
    "TLS_NAMES",
    "WEB_NAMES",
    "adoptPort",
    "connectionCreatorOf",
    "exitSignal",
    "forgetExitSignal",
    "reactorWithSockets",
    "reserveDescriptor",
    "threadedResolver",
]

READ_IN = "26.10"

OLDEST = "26.10"

#: Instance attributes that other modules use directly, by the class that defines them.
PRIVATE_NAMES: dict[type, tuple[str, ...]] = {
    # The bytes queued by `write`, and their number.  The rest of the queue is public: the bytes of
    # `dataBuffer` from `offset` on are sent first.  The last name pauses the producer.
    abstract.FileDescriptor: ("_tempDataBuffer", "_tempDataLen", "_maybePauseProducer"),
    # Whether `abortConnection` was called: the connection is lost one turn later.
    # Passes received data to the protocol.
    tcp.Connection: ("_aborting", "_dataReceived"),
    # The socket of an adopted port until it listens, and whether it is shut down at the end.
    unix.Port: ("_preexistingSocket", "_shouldShutdown"),
    # The method in which the socket gets its options, and the peer of a connected port.
    udp.Port: ("_bindSocket", "_connectedAddr"),
}

#: The same for L{EPollReactor<twisted.internet.epollreactor.EPollReactor>}, which can't be imported
#: without epoll.
REACTOR_NAMES = (
    # The epoll object; the watched descriptors, and their events; readers that `removeAll` keeps.
    "_poller",
    "_selectables",
    "_reads",
    "_writes",
    "_internalReaders",
    # Makes the waker; serves one event.
    "_wakerFactory",
    "_doReadOrWrite",
    # Whether the loop goes on, and whether `runUntilCurrent` has something to do.
    "_started",
    "_justStopped",
    "_newTimedCalls",
    "_pendingTimedCalls",
)

#: The same for L{TLSMemoryBIOProtocol<twisted.protocols.tls.TLSMemoryBIOProtocol>}, which can't be
#: imported without pyOpenSSL.
TLS_NAMES = (
    # OpenSSL's object, and bytes that wait for the handshake.
    "_tlsConnection",
    "_appSendBuffer",
    # The state: the handshake is done; TLS has ended; the connection was aborted.
    "_handshakeDone",
    "_lostTLSConnection",
    "_aborted",
    # Methods that are overridden or called.
    "_bufferedWrite",
    "_checkHandshakeStatus",
    "_flushReceiveBIO",
    "_flushSendBIO",
    "_shutdownTLS",
    "_tlsShutdownFinished",
    "_unbufferPendingWrites",
)

#: The same for L{HTTPChannel<twisted.web.http.HTTPChannel>}, and for the WebSocket protocol of
#: C{twisted.web.websocket}, which can't be imported without wsproto.
WEB_NAMES: dict[str, tuple[str, ...]] = {
    # The version of the request, the answer to a malformed request, and the method that passes the
    # connection to a WebSocket, which is overridden.
    "channel": (
        "_version",
        "_respondToBadRequestAndDisconnect",
        "_protocolUpgradeForWebsockets",
    ),
    # The received parts of a message; the state machine; the protocol above it.
    "wire": ("_textBuffer", "_bytesBuffer", "_wsconn", "_wsp"),
}


def adoptPort(portClass: Any, reactor: Any, descriptor: int, *arguments: Any) -> IListeningPort:
    """
    Make a port around a duplicate of a bound socket.

    C{IReactorSocket} does the same, but only for the reactor's own classes of ports.

    @param arguments: for TCP the address family and the factory; for a UNIX socket the factory;
        for UDP the address family, the protocol and the number of bytes that cuts off a datagram.
    """
    port: IListeningPort = portClass._fromListeningDescriptor(reactor, descriptor, *arguments)
    return port


def connectionCreatorOf(factory: Any) -> Any:
    """
    Get the connection creator of a L{TLSMemoryBIOFactory
    <twisted.protocols.tls.TLSMemoryBIOFactory>}, for the constructor of another one.
    """

    @implementer(IOpenSSLServerConnectionCreator)
    class Creator:
        def serverConnectionForTLS(self, tlsProtocol: object) -> Any:
            return factory._creatorCallable(tlsProtocol)

    return Creator()


class _PreparedClient(tcp.Client):
    connector: _PreparingConnector

    def createInternetSocket(self) -> socket.socket:
        created: socket.socket = super().createInternetSocket()
        try:
            self.connector.prepare(created)
        except OSError:
            created.close()
            raise
        return created


class _PreparingConnector(tcp.Connector):
    prepare: Callable[[socket.socket], None]

    def _makeTransport(self) -> tcp.Client:
        return _PreparedClient(self.host, self.port, self.bindAddress, self, self.reactor)


def reactorWithSockets(reactor: Any, prepare: Callable[[socket.socket], None]) -> IReactorTCP:
    """
    Make a reactor for client endpoints that prepares TCP sockets before they are bound.

    @param prepare: may raise L{OSError}, with which that connection fails.
    """

    class Preparing:
        def connectTCP(
            self,
            host: str,
            port: int,
            factory: Any,
            timeout: float = 30,
            bindAddress: tuple[str, int] | None = None,
        ) -> tcp.Connector:
            connector = _PreparingConnector(host, port, factory, timeout, bindAddress, reactor)
            connector.prepare = prepare
            connector.connect()
            return connector

    return cast("IReactorTCP", Preparing())


def reserveDescriptor() -> None:
    """
    Reserve a descriptor, as each stream port of Twisted does when it begins to listen.

    When no other descriptor is left, the reserve is used to accept and close a connection.
    """
    tcp._reservedFD.reserve()


def threadedResolver(reactor: Any, pool: ThreadPool) -> IHostnameResolver:
    """Make a resolver like the reactor's that uses the threads of this pool."""
    return GAIResolver(reactor, lambda: pool)


def exitSignal(reactor: Any) -> int | None:
    """Get the signal by which the reactor's own handler has stopped it; L{None} if none has."""
    number: int | None = reactor._exitSignal
    return number


def forgetExitSignal(reactor: Any) -> None:
    """Clear L{exitSignal}, because twistd would end its process by that signal."""
    reactor._exitSignal = None
