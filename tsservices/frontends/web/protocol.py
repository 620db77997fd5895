"""The browser frontend as a service: streams that begin with HTTP, and may become WebSockets."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.web.server import Site

from tsservices.common.counters import WebCounters
from tsservices.frontends.pings import Pings
from tsservices.frontends.protocol import ChatStreamFactory, ChatStreamProtocol
from tsservices.frontends.web.channel import HTTPConnection
from tsservices.frontends.web.request import WebRequest
from tsservices.frontends.web.server import WebServer
from tsservices.frontends.web.site import Root
from tsservices.frontends.web.websocket import PING_SECONDS
from tsservices.transport.admission import AdmissionDenied
from tsservices.transport.context import StreamContext
from tsservices.transport.stream import StreamFactory


class WebProtocol(ChatStreamProtocol):
    """Connects a Twisted stream with an L{HTTPConnection}, or after an upgrade a WebSocket."""

    textOnly = True
    factory: WebFactory

    @property
    def encrypted(self) -> bool:
        """Whether this connection has TLS."""
        # A wrapper provides the interfaces of the transport below it, but none here has TLS below
        # PROXY.
        provided: bool = ISSLTransport.providedBy(self.transport)
        return provided

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return self.factory.shared.monotonic()

    def noteRefusal(self, code: int, why: str) -> None:
        """Count and log a refused request."""
        self.factory.counters.badRequests += 1
        self.factory.context.peerLog.warn(
            self.host,
            "{peer} was refused: {code}, {reason}",
            peer=self.peer,
            code=code,
            reason=why,
        )

    def upgraded(self, wire: Any) -> Any:
        """
        Pass the input to a WebSocket from now on.

        @param wire: Twisted's protocol, which holds the stream of this project.
        """
        stream = wire._wsp
        # From here on all input is from one client, which a proxy may have named.
        self.host, self.peer = stream.host, stream.peer
        self.factory.counters.upgrades += 1
        self.factory.counters.sockets += 1
        self.connection = stream
        self.chunkReceived = stream.received  # type: ignore[method-assign]
        wire.makeConnection(stream)
        return stream


class WebFactory(ChatStreamFactory):
    """
    The factory of L{WebProtocol}s.

    @ivar server: the state that all browsers share.
    @ivar site: the resources.
    """

    counters: WebCounters

    notOpen = b""

    def __init__(self, context: StreamContext, server: WebServer) -> None:
        super().__init__(context, server.chat, WebProtocol)
        self.server = server
        self.pings = Pings(context.clock, PING_SECONDS)
        self.site = Site(
            Root(self, server.resources()),
            requestFactory=WebRequest,
            timeout=None,
            parsePOSTFormSubmission=False,
            reactor=context.clock,
        )
        self.site.displayTracebacks = False

    def admit(self, host: str | None) -> tuple[int, int] | None:
        # All clients of a proxy have its address: each is counted when its own is known.
        proxy = host is not None and self.server.config.isProxy(host)
        return self.context.admission.enter(None if proxy else host)

    def admitClient(self, protocol: WebProtocol, host: str) -> bool:
        """Whether the client behind a proxy may have one more connection, which is counted."""
        admission = self.context.admission
        admission.leave(protocol.source)
        try:
            protocol.source = admission.enter(host)
        except AdmissionDenied:
            protocol.source = admission.enter(None)
            return False
        return True

    def errorLine(self, why: str) -> bytes:
        body = f"{why}\n"
        return (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n{body}"
        ).encode()

    def buildProtocol(self, address: IAddress | None) -> Protocol | None:
        # Not the base class's: requests that check for readiness get an answer before it is ready.
        return StreamFactory.buildProtocol(self, address)

    def connect(self, protocol: WebProtocol) -> HTTPConnection:
        return HTTPConnection(protocol, self.site, WebRequest)
