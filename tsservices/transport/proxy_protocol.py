"""
Connections through a proxy that sends the PROXY protocol's header, version 1 or 2.

Twisted's wrapper connects the protocol at once, when its peer is still the proxy.  Here the
protocol is made when the header has named the client, so that admission and logs know the client.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from tsservices.common import addresses
from tsservices.transport.admission import AdmissionDenied
from tsservices.transport.context import StreamContext
from tsservices.transport.stream import peerName
from tsservices.transport.twisted_internals import (
    HAProxyProtocolWrapper,
    HAProxyWrappingFactory,
    V2Parser,
)

#: Bytes that Twisted needs to tell that a header is of version 1.
MINIMUM_V1 = 8

#: Bytes that it needs for version 2.
MINIMUM_V2 = 16


def _tooShortToTell(data: bytes) -> bool:
    # Twisted's wrapper takes fewer bytes than these for a bad header and closes.
    if len(data) < MINIMUM_V1:
        return b"PROXY TC".startswith(data) or V2Parser.PREFIX.startswith(data)
    return len(data) < MINIMUM_V2 and data.startswith(V2Parser.PREFIX[:MINIMUM_V1])


class _EarlyData(Protocol):
    """Stands in for the protocol and keeps the bytes that come together with the header."""

    def __init__(self) -> None:
        self.data = b""

    def dataReceived(self, data: bytes) -> None:
        self.data += data


@implementer(IHalfCloseableProtocol)
class ProxyProtocolWrapper(HAProxyProtocolWrapper):
    """
    One connection: counted by admission as one without an address until the header is there, and
    as that of the client from then on.
    """

    factory: ProxyProtocolFactory
    _deadline: IDelayedCall | None = None
    #: The first bytes, as long as they are too few; L{None} behind them.
    _beginning: bytes | None = b""
    _clientKnown = False
    _awaitingHeader = True

    def makeConnection(self, transport: ITransport) -> None:
        context = self.factory.context
        self._deadline = context.clock.callLater(context.limits.proxyLimit, self._late)
        # Not the base class's, which would connect the protocol too.
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)

    def dataReceived(self, data: bytes) -> None:
        if self._clientKnown:
            self.wrappedProtocol.dataReceived(data)
            return
        if self._beginning is not None:
            data = self._beginning + data
            if _tooShortToTell(data):
                self._beginning = data
                return
            self._beginning = None
        super().dataReceived(data)
        if self._proxyInfo is not None:
            self._clientNamed()
        elif self.disconnecting:
            self._reportPeer("sent no good PROXY header")

    def _clientNamed(self) -> None:
        # Before the client enters: else one connection would count as two.
        self._headerDone()
        early = self.wrappedProtocol
        assert isinstance(early, _EarlyData)
        peer = self.getPeer()
        try:
            addresses.parse(getattr(peer, "host", "::"))
        except ValueError:
            # Twisted takes any text for an address, and logs and terminals would show it.
            self._reportPeer("named a client that is no address")
            self.transport.abortConnection()  # type: ignore[union-attr]
            return
        protocol = self.factory.wrappedFactory.buildProtocol(peer)
        if protocol is None:
            self.transport.abortConnection()  # type: ignore[union-attr]
            return
        self._clientKnown = True
        self.wrappedProtocol = protocol
        protocol.makeConnection(self)
        if early.data:
            protocol.dataReceived(early.data)

    def _late(self) -> None:
        self._reportPeer("sent no PROXY header in time")
        self.transport.abortConnection()  # type: ignore[union-attr]

    def _reportPeer(self, problem: str) -> None:
        self.factory.counters.unproxied += 1
        address = self.transport.getPeer()  # type: ignore[union-attr]
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
        if self._clientKnown and IHalfCloseableProtocol.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.readConnectionLost()
        else:
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """This side never half-closes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._headerDone()
        super().connectionLost(reason)


class ProxyProtocolFactory(HAProxyWrappingFactory):
    """
    Wraps the factory of a listener whose clients come through a proxy.

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
        """Make what waits for the header; L{None} to close at once."""
        try:
            self.context.admission.enter(None)
        except AdmissionDenied:
            self.counters.refused += 1
            return None
        wrapper: IProtocol = self.protocol(self, _EarlyData())
        return wrapper
