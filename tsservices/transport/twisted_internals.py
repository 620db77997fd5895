"""
The private names of Twisted that the transports use.

No other module imports a private name of Twisted.  What is read or overridden for each request
stays an attribute access where it is used, because a function for it would cost more than the rest
of the work; L{PRIVATE_NAMES} lists these, and the tests look for each.

All of it was read in Twisted L{READ_IN}, and compared with L{OLDEST}, the oldest version that the
project allows.
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

#: Attributes of instances that other modules use directly, by the class that makes them.
PRIVATE_NAMES: dict[type, tuple[str, ...]] = {
    # What `write` has queued, and its length.  The rest of the queue is public: what is in
    # `dataBuffer` from `offset` on goes first.  The last one tells the producer to pause.
    abstract.FileDescriptor: ("_tempDataBuffer", "_tempDataLen", "_maybePauseProducer"),
    # Whether `abortConnection` was called: the connection is lost one turn later.
    # Gives what was read to the protocol.
    tcp.Connection: ("_aborting", "_dataReceived"),
    # The socket of an adopted port until it listens, and whether it is shut down at the end.
    unix.Port: ("_preexistingSocket", "_shouldShutdown"),
    # The method in which the socket gets its options, and the peer of a connected port.
    udp.Port: ("_bindSocket", "_connectedAddr"),
}

#: The same of L{EPollReactor<twisted.internet.epollreactor.EPollReactor>}, which can't be imported
#: without epoll.
REACTOR_NAMES = (
    # The epoll object; what is watched, and for what; what has to outlive C{removeAll}.
    "_poller",
    "_selectables",
    "_reads",
    "_writes",
    "_internalReaders",
    # Makes the wake-up; serves one event.
    "_wakerFactory",
    "_doReadOrWrite",
    # Whether the loop goes on, and whether there is something to do for `runUntilCurrent`.
    "_started",
    "_justStopped",
    "_newTimedCalls",
    "_pendingTimedCalls",
)

#: The same of L{TLSMemoryBIOProtocol<twisted.protocols.tls.TLSMemoryBIOProtocol>}, which can't be
#: imported without pyOpenSSL.
TLS_NAMES = (
    # OpenSSL's object, and bytes that wait for the handshake.
    "_tlsConnection",
    "_appSendBuffer",
    # What has happened: the handshake is done; TLS has ended; the connection was aborted.
    "_handshakeDone",
    "_lostTLSConnection",
    "_aborted",
    # The steps that are overridden or called.
    "_bufferedWrite",
    "_checkHandshakeStatus",
    "_flushReceiveBIO",
    "_flushSendBIO",
    "_shutdownTLS",
    "_tlsShutdownFinished",
    "_unbufferPendingWrites",
)

#: The same of L{HTTPChannel<twisted.web.http.HTTPChannel>}, and of the WebSocket that
#: C{twisted.web.websocket} has on the wire, which can't be imported without wsproto.
WEB_NAMES: dict[str, tuple[str, ...]] = {
    # The version of the request, the answers to what is none, and what hands the connection over to
    # a WebSocket: overridden, so that the stream takes it.
    "channel": (
        "_version",
        "_respondToBadRequestAndDisconnect",
        "_protocolUpgradeForWebsockets",
    ),
    # What has come of a message; its state machine; the protocol above it.
    "wire": ("_textBuffer", "_bytesBuffer", "_wsconn", "_wsp"),
}


def adoptPort(portClass: Any, reactor: Any, descriptor: int, *arguments: Any) -> IListeningPort:
    """
    A port around a bound socket, of which it makes a duplicate.

    C{IReactorSocket} does the same, but only for the reactor's own classes of ports.

    @param arguments: for TCP the address family and the factory; for a UNIX socket the factory;
        for UDP the address family, the protocol and the most bytes of a datagram.
    """
    port: IListeningPort = portClass._fromListeningDescriptor(reactor, descriptor, *arguments)
    return port


def connectionCreatorOf(factory: Any) -> Any:
    """
    What makes the OpenSSL objects of a L{TLSMemoryBIOFactory
    <twisted.protocols.tls.TLSMemoryBIOFactory>}, as another one takes it.
    """

    @implementer(IOpenSSLServerConnectionCreator)
    class Creator:
        """Calls it."""

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
    For endpoints of clients: a reactor whose TCP sockets are prepared before they are bound.

    @param prepare: may raise L{OSError}, which is the failure of that connection then.
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
    Keep one descriptor back, as each stream port of Twisted does when it begins to listen.

    It is given up to accept and close a connection when no other descriptor is left.
    """
    tcp._reservedFD.reserve()


def threadedResolver(reactor: Any, pool: ThreadPool) -> IHostnameResolver:
    """What looks names up as the reactor does, but in the threads of this pool."""
    return GAIResolver(reactor, lambda: pool)


def exitSignal(reactor: Any) -> int | None:
    """The signal by which the reactor's own handler has stopped it; L{None}: no signal has."""
    number: int | None = reactor._exitSignal
    return number


def forgetExitSignal(reactor: Any) -> None:
    """Of the signal that the reactor's own handler has noted: twistd would end itself by it."""
    reactor._exitSignal = None
