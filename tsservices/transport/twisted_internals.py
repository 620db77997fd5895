"""
The private names of Twisted that the transports use.

No other module imports a private name of Twisted.  What is read or overridden for each request
stays an attribute access where it is used, because a function for it would cost more than the rest
of the work; L{PRIVATE_NAMES} lists these, and the tests look for each.

All of it was read in Twisted L{READ_IN}, and compared with L{OLDEST}, the oldest version that the
project allows.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import abstract, tcp, udp, unix
from twisted.internet.interfaces import IListeningPort, IOpenSSLServerConnectionCreator
from zope.interface import implementer

__all__ = [
    "OLDEST",
    "PRIVATE_NAMES",
    "READ_IN",
    "TLS_NAMES",
    "adoptPort",
    "connectionCreatorOf",
    "reserveDescriptor",
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


def reserveDescriptor() -> None:
    """
    Keep one descriptor back, as each stream port of Twisted does when it begins to listen.

    It is given up to accept and close a connection when no other descriptor is left.
    """
    tcp._reservedFD.reserve()
