"""
Twisted's parser of HTTP/1.1 between a stream and the resources, with bounds that Twisted lacks.

The stream has the guards (admission, PROXY, TLS, counters); L{HTTPConnection} is the connection of
the stream and the transport of the parser.

The requests refused here would be read differently by a proxy in front of this server than by
Twisted: data after them could then be a request that the proxy has not seen.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, IPushProducer, ITransport
from twisted.internet.protocol import connectionDone
from twisted.web.http import RESPONSES, HTTPChannel
from zope.interface import implementer

from tsservices.transport.stream import FULL

#: The request names a host that is not this server.
MISDIRECTED_REQUEST = 421

#: The reasons in the status line; Twisted has some of these.
REASONS: dict[int, bytes] = {
    **RESPONSES,
    MISDIRECTED_REQUEST: b"Misdirected Request",
    422: b"Unprocessable Content",
    426: b"Upgrade Required",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
}

#: Seconds in which a request's header has to be received, however slowly it is sent.
HEADER_SECONDS = 10

#: Seconds in which the body after it has to be received.
BODY_SECONDS = 30

#: Seconds until a connection without a request is closed.
KEEP_ALIVE_SECONDS = 60

#: Bytes of a body, sent with its length or in chunks.
LONGEST_BODY = 65_536

#: Bytes of a body with the framing of chunks, and of requests received together with its end:
#: chunks of one byte take ten times as many, and extensions of chunks may have any length.
MOST_RAW_BYTES = 4 * LONGEST_BODY

#: Lines of a header, and bytes of all of them with the request line.
MOST_HEADERS = 100
LONGEST_HEADER = 16_384

#: Requests that are taken from one read: further ones in the same read get no answer.
PIPELINED = 32


class WebChannel(HTTPChannel):
    """
    One connection's parser.

    @ivar owner: the transport.
    """

    maxHeaders = MOST_HEADERS
    totalHeadersSize = LONGEST_HEADER
    timeOut = None

    owner: HTTPConnection

    def __init__(self, owner: HTTPConnection, site: Any, requestFactory: Any) -> None:
        super().__init__()
        self.owner = owner
        self.site = site
        self.requestFactory = requestFactory
        self._rawBytes = 0

    def lineReceived(self, line: bytes) -> None:
        if self.owner.ending:
            return
        if line[:1] in (b" ", b"\t"):
            self.refuse(400, "a header may not go on in the next line")
            return
        super().lineReceived(line)

    def rawDataReceived(self, data: bytes) -> None:
        if self.owner.upgraded is not None:
            self.owner.upgraded.received(data)
        elif not self.owner.ending:
            self._rawBytes += len(data)
            if self._rawBytes > MOST_RAW_BYTES:
                self.refuse(413, f"a body may have {LONGEST_BODY} bytes")
            else:
                super().rawDataReceived(data)

    def headerReceived(self, line: bytes) -> bool:
        if self.owner.ending:
            return False
        try:
            accepted: bool = super().headerReceived(line)
        except ValueError:
            # A length with more digits than Python converts.
            self.refuse(413, f"a body may have {LONGEST_BODY} bytes")
            return False
        return accepted

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse(431, f"a line of a header may have {self.MAX_LENGTH} bytes")

    def allHeadersReceived(self) -> None:
        if self.owner.ending:
            return
        request = self.requests[-1]
        headers = request.requestHeaders
        if headers.hasHeader(b"Transfer-Encoding") and (
            headers.hasHeader(b"Content-Length")
            or self.length is not None
            # Twisted ignores a second one, "identity".
            or len(headers.getRawHeaders(b"Transfer-Encoding", [])) != 1
            or self._version != b"HTTP/1.1"
        ):
            self.refuse(400, "there are two lengths")
        elif (hosts := len(headers.getRawHeaders(b"Host", []))) != 1 and (
            # HTTP/1.0 has no Host; many probes speak it.
            hosts or self._version != b"HTTP/1.0"
        ):
            self.refuse(400, "there has to be one Host")
        elif self.length is not None and self.length > LONGEST_BODY:
            self.refuse(413, f"a body may have {LONGEST_BODY} bytes")
        else:
            self._rawBytes = 0
            self.owner.headerComplete()
            super().allHeadersReceived()

    def allContentReceived(self) -> None:
        if self.owner.ending:
            return
        self.owner.requestComplete()
        super().allContentReceived()

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        if self.owner.isLast():
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        persistent: bool = super().checkPersistence(request, version)
        return persistent

    def requestDone(self, request: Any) -> None:
        self.owner.requestDone()
        super().requestDone(request)

    def isSecure(self) -> bool:
        return bool(self.owner.protocol.encrypted)

    def refuse(self, code: int, why: str) -> None:
        """Answer in one line, and close: the beginning of the next request is not known."""
        if self.owner.ending:
            return
        self.owner.protocol.noteRefusal(code, why)
        body = f"{why}\n".encode()
        reason = REASONS.get(code, b"").decode()
        self.owner.write(
            f"HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        self.loseConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400, "this is no request of HTTP/1.1")

    def _protocolUpgradeForWebsockets(self, protocol: Any) -> None:
        self.owner.upgrade(protocol)


@implementer(ITransport, IPushProducer)
class HTTPConnection:
    """
    The connection of a stream that speaks HTTP, and the transport of its L{WebChannel}.

    @ivar protocol: the stream.
    @ivar upgraded: the receiver of the input after an upgrade to another protocol.
    """

    def __init__(self, protocol: Any, site: Any, requestFactory: Any) -> None:
        self.protocol = protocol
        self.upgraded: Any = None
        self._taken = 0
        self._inRequest = False
        self._halfClosed = False
        self._channel: WebChannel | None = WebChannel(self, site, requestFactory)
        self._wait()
        protocol.deadline = protocol.now() + HEADER_SECONDS
        self._channel.makeConnection(self)

    @property
    def ending(self) -> bool:
        """Whether it is closing: nothing is read or answered any more."""
        return bool(self.protocol.ending)

    @property
    def disconnecting(self) -> bool:
        """The same, under Twisted's name."""
        return self.ending

    # Called by the stream.

    def received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        channel = self._channel
        if channel is None:
            return
        self._taken = 0
        if not self._inRequest:
            self._inRequest = True
            self.protocol.idleLimit = 0
            self.protocol.deadline = self.protocol.now() + HEADER_SECONDS
        channel.dataReceived(data)

    def endOfInput(self) -> None:
        if self._channel is not None and self._channel.requests:
            # A client that has sent a request and half-closed waits for the answer.
            self._halfClosed = True
            for request in self._channel.requests:
                request.halfClosed()
        else:
            self.protocol.finish()

    def pauseOutput(self) -> None:
        # Not while TLS waits for input.
        if self._channel is not None and self.protocol.bottomTransport.pendingBytes() >= FULL:
            self._channel.pauseProducing()

    def resumeOutput(self) -> None:
        if self._channel is not None:
            self._channel.resumeProducing()

    def serverStopping(self) -> None:
        self.protocol.finish()

    def closed(self) -> None:
        if self._channel is not None:
            self._channel.connectionLost(connectionDone)
            self._channel = None

    # Called by the channel.

    def headerComplete(self) -> None:
        self.protocol.deadline = self.protocol.now() + BODY_SECONDS

    def requestComplete(self) -> None:
        # The resource bounds the time for the answer.
        self.protocol.deadline = None
        self.protocol.factory.counters.requests += 1
        self._taken += 1

    def requestDone(self) -> None:
        self._wait()
        if self._halfClosed:
            self.protocol.finish()

    def isLast(self) -> bool:
        """Whether the connection is closed after the answer."""
        return self._halfClosed or self._taken >= PIPELINED

    def _wait(self) -> None:
        self._inRequest = False
        self.protocol.deadline = None
        self.protocol.idleLimit = KEEP_ALIVE_SECONDS

    def upgrade(self, wire: Any) -> None:
        """
        Switch to another protocol.

        @param wire: Twisted's object for that protocol.
        """
        self.protocol.idleLimit = 0
        self.upgraded = self.protocol.upgraded(wire)
        self._channel = None

    # The transport.

    def write(self, data: bytes) -> None:
        self.protocol.write(data)

    def writeSequence(self, iovec: Any) -> None:
        self.protocol.write(b"".join(iovec))

    def loseConnection(self) -> None:
        self.protocol.finish()

    def abortConnection(self) -> None:
        self.protocol.abort()

    def getPeer(self) -> IAddress:
        address: IAddress = self.protocol.transport.getPeer()
        return address

    def getHost(self) -> IAddress:
        address: IAddress = self.protocol.transport.getHost()
        return address

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Do nothing: the stream is its own producer, and notifies this connection."""

    def unregisterProducer(self) -> None:
        """As L{registerProducer}."""

    def pauseProducing(self) -> None:
        self.protocol.pauseReading()

    def resumeProducing(self) -> None:
        if not self.ending:
            self.protocol.resumeReading()

    def stopProducing(self) -> None:
        self.protocol.finish()
