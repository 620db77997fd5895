"""
Connections through a proxy that sends the PROXY protocol's header, version 1 or 2.

Twisted's wrapper connects the protocol at once, when its peer is still the proxy.  Here the
protocol is made after the header has named the client, so that admission and logs use the client.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from tsservices.common.addresses import isLoopback
from tsservices.transport.admission import AdmissionDenied
from tsservices.transport.context import StreamContext
from tsservices.transport.proxy_header import Endpoint, HeaderError, HeaderReader
from tsservices.transport.stream import peerName


def _onThisMachine(client: Endpoint) -> bool:
    # False for an unnamed client, even if the proxy is on this machine.
    return client is not None and (isinstance(client, bytes) or isLoopback(client[0]))


def _address(named: Endpoint, own: IAddress) -> IAddress:
    if named is None:
        return own
    if isinstance(named, bytes):
        return UNIXAddress(named)
    host, port = named
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)


@implementer(IHalfCloseableProtocol)
class ProxyProtocolWrapper(ProtocolWrapper):
    """
    One connection: admission counts it as one without an address until the header is complete, and
    as one of the client from then on.

    @ivar clientSecure: whether the connection of client and proxy is safe from eavesdropping.
    @ivar _header: L{None} once the header is complete, bad or late.
    """

    factory: ProxyProtocolFactory
    clientSecure = False
    _deadline: IDelayedCall | None = None
    _clientKnown = False
    _awaitingHeader = True
    _peer: IAddress
    _host: IAddress

    def makeConnection(self, transport: ITransport) -> None:
        context = self.factory.context
        self._header: HeaderReader | None = HeaderReader()
        self._deadline = context.clock.callLater(context.limits.proxyLimit, self._late)
        # Not the method of the base class, which would connect the protocol too.
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)
        self._peer, self._host = transport.getPeer(), transport.getHost()

    def dataReceived(self, data: bytes) -> None:
        if self._clientKnown:
            self.wrappedProtocol.dataReceived(data)
            return
        header = self._header
        if header is None:
            return
        try:
            early = header.feed(data)
        except HeaderError as reason:
            self._headerIsBad(str(reason))
            return
        if early is not None:
            self._header = None
            self._peer = _address(header.client, self._peer)
            self._host = _address(header.server, self._host)
            self.clientSecure = header.clientTLS or _onThisMachine(header.client)
            self._clientNamed(early)

    def getPeer(self) -> IAddress:
        return self._peer

    def getHost(self) -> IAddress:
        return self._host

    def _clientNamed(self, early: bytes) -> None:
        # Before the client enters the admission: otherwise the connection would count twice.
        self._headerDone()
        protocol = self.factory.wrappedFactory.buildProtocol(self._peer)
        if protocol is None:
            self.transport.abortConnection()  # type: ignore[union-attr]
            return
        self._clientKnown = True
        self.wrappedProtocol = protocol
        protocol.makeConnection(self)
        if early:
            protocol.dataReceived(early)

    def _headerIsBad(self, reason: str) -> None:
        self._header = None
        self._reportPeer(f"sent no good PROXY header: {reason}")
        self.loseConnection()

    def _late(self) -> None:
        if self._header is not None:
            self._header = None
            self._reportPeer("sent no PROXY header in time")
        self.transport.abortConnection()  # type: ignore[union-attr]

    def _reportPeer(self, problem: str) -> None:
        self.factory.counters.unproxied += 1
        address = self._peer
        self.factory.context.peerLog.warn(
            getattr(address, "host", "unix"), "{peer} {what}", peer=peerName(address), what=problem
        )

    def _headerDone(self) -> None:
        if self._awaitingHeader:
            self._awaitingHeader = False
            self.factory.context.admission.leave(None)
            if self._deadline is not None and self._deadline.active():
                self._deadline.cancel()

    def readConnectionLost(self) -> None:
        if self._clientKnown:
            wrapped: Any = self.wrappedProtocol
            # Not `providedBy`: Twisted's wrappers, TLS too, declare all that this one provides.
            if IHalfCloseableProtocol.implementedBy(type(wrapped)):
                wrapped.readConnectionLost()
                return
            # A connection whose producer is paused would never close.
            self.unregisterProducer()
        elif self._header is not None and self._header.begun:
            # A proxy that only checks whether the server is up sends no bytes at all.
            self._headerIsBad("it ends in the middle")
            return
        self.loseConnection()

    def writeConnectionLost(self) -> None:
        """This side never half-closes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._headerDone()
        super().connectionLost(reason)


class ProxyProtocolFactory(WrappingFactory):
    """
    The factory for a listener whose clients connect through a proxy; it wraps another one.

    @ivar context: that of the listener.
    @ivar counters: those of the listener.
    """

    noisy = False
    protocol: Any = ProxyProtocolWrapper

    def __init__(self, wrapped: IProtocolFactory, context: StreamContext) -> None:
        super().__init__(wrapped)
        self.context = context
        self.counters = context.counters

    def buildProtocol(  # type: ignore[override]
        self, address: IAddress | None
    ) -> IProtocol | None:
        """Make the wrapper that waits for the header; L{None} to close at once."""
        try:
            self.context.admission.enter(None)
        except AdmissionDenied:
            self.counters.refused += 1
            return None
        wrapper: IProtocol = self.protocol(self, Protocol())
        return wrapper
