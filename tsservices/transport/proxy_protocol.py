"""
Behind a proxy that speaks the PROXY protocol.

Twisted's wrapper connects the protocol at once, when the peer it shows still is
the proxy.  Here the protocol is made when the header has named the client, so
admission and logs know whom they speak of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from tsservices.common.counters import StreamCounters
from tsservices.transport.admission import AdmissionDenied
from tsservices.transport.stream import peerName
from tsservices.transport.twisted_internals import (
    HAProxyProtocolWrapper,
    HAProxyWrappingFactory,
    V2Parser,
)

if TYPE_CHECKING:
    from tsservices.transport.context import ServiceContext

#: Bytes by which version 1 of the header is known.
LEAST_V1 = 8

#: Bytes by which version 2 is.
LEAST_V2 = 16


def _begins(data: bytes) -> bool:
    if len(data) < LEAST_V1:
        return b"PROXY TC".startswith(data) or V2Parser.PREFIX.startswith(data)
    return len(data) < LEAST_V2 and data.startswith(V2Parser.PREFIX[:LEAST_V1])


class _Early(Protocol):
    """
    Keeps what comes together with the header.

    @ivar data: what came.
    """

    def __init__(self) -> None:
        """Nothing has come."""
        self.data = b""

    def dataReceived(self, data: bytes) -> None:
        self.data += data


@implementer(IHalfCloseableProtocol)
class ProxyProtocolWrapper(HAProxyProtocolWrapper):
    """Makes its protocol when the header is there."""

    factory: ProxyProtocolFactory
    _deadline: IDelayedCall | None = None
    _begun: bytes | None = b""
    _known = False
    _waiting = True

    def makeConnection(self, transport: ITransport) -> None:
        environment = self.factory.environment
        self._deadline = environment.clock.callLater(environment.limits.proxyLimit, self._late)
        # Not the base class's, which would connect the protocol too.
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)

    def dataReceived(self, data: bytes) -> None:
        if self._known:
            self.wrappedProtocol.dataReceived(data)
            return
        if self._begun is not None:
            data = self._begun + data
            if _begins(data):
                self._begun = data
                return
            # The base class tells the version by what comes first.
            self._begun = None
        super().dataReceived(data)
        if self._proxyInfo is not None:
            self._introduce()
        elif self.disconnecting:
            self._complain("sent no good PROXY header")

    def _introduce(self) -> None:
        """The client is known: its protocol takes over."""
        self._forget()
        early = self.wrappedProtocol
        assert isinstance(early, _Early)
        peer = self.getPeer()
        try:
            addresses.parse(getattr(peer, "host", "::"))
        except ValueError:
            self._complain("named a client that is no address")
            self.transport.abortConnection()  # type: ignore[union-attr]
            return
        protocol = self.factory.wrappedFactory.buildProtocol(peer)
        if protocol is None:
            self.transport.abortConnection()  # type: ignore[union-attr]
            return
        self._known = True
        self.wrappedProtocol = protocol
        protocol.makeConnection(self)
        if early.data:
            protocol.dataReceived(early.data)

    def _late(self) -> None:
        """The header did not come in time."""
        self._complain("sent no PROXY header in time")
        self.transport.abortConnection()  # type: ignore[union-attr]

    def _complain(self, what: str) -> None:
        self.factory.counters.unproxied += 1
        address = self.transport.getPeer()  # type: ignore[union-attr]
        self.factory.environment.complaints.warn(
            getattr(address, "host", "unix"), "{peer} {what}", peer=peerName(address), what=what
        )

    def _forget(self) -> None:
        """The time before the header is over."""
        if self._waiting:
            self._waiting = False
            self.factory.environment.admission.leave(None)
            if self._deadline is not None and self._deadline.active():
                self._deadline.cancel()

    def readConnectionLost(self) -> None:
        """The client has said all that it wants to say."""
        if self._known and IHalfCloseableProtocol.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.readConnectionLost()
        else:
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """Nobody closes only what this side writes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._forget()
        super().connectionLost(reason)


class ProxyProtocolFactory(HAProxyWrappingFactory):
    """
    Wraps a factory whose clients come through a proxy.

    @ivar environment: what the server gives to all protocols.
    @ivar counters: of the wrapped factory's place.
    """

    noisy = False
    protocol: Any = ProxyProtocolWrapper

    def __init__(
        self, wrapped: IProtocolFactory, environment: ServiceContext, counters: StreamCounters
    ) -> None:
        super().__init__(wrapped)
        self.environment = environment
        self.counters = counters

    def buildProtocol(  # type: ignore[override]
        self, address: IAddress | None
    ) -> IProtocol | None:
        """What waits for the header, or L{None} to hang up."""
        try:
            self.environment.admission.enter(None)
        except AdmissionDenied:
            self.counters.refused += 1
            return None
        wrapper: IProtocol = self.protocol(self, _Early())
        return wrapper
