"""
Twisted's WebSocket, with the features that it lacks.

Twisted's protocol takes messages of any size, never checks whether the peer is still there, does
not check C{Origin}, and raises when data is sent while the connection closes.  It registers its own
producer only on request; here the stream is its own producer, as for every frontend.  Output does
not go through Twisted's protocol: frames are built once for all clients.
"""

from __future__ import annotations

import re
from typing import Any

import h11
from twisted.internet.interfaces import ITransport
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.websocket import WebSocketResource
from wsproto import ConnectionType
from wsproto.events import CloseConnection
from wsproto.handshake import H11Handshake
from wsproto.utilities import LocalProtocolError, RemoteProtocolError
from zope.interface import implementer

from tsservices.chat.outlet import BroadcastMember
from tsservices.frontends.web.connection import WebConnection
from tsservices.frontends.web.cookies import tokenOf
from tsservices.frontends.web.frames import GOING_AWAY, NORMAL, PING, TOO_BIG
from tsservices.frontends.web.requests import LONGEST_MESSAGE
from tsservices.transport.stock import CountsBytes
from tsservices.transport.stream import FULL

#: Seconds in which the peer has to answer a close.
CLOSE_SECONDS = 2.0

#: Seconds between two pings of a browser.
PING_SECONDS = 25

#: Unanswered pings in a row after which a peer counts as lost: after about 50 to 75 seconds.
UNANSWERED = 2

#: Browsers that may be connected without a name.
MOST_NAMELESS = 4000


@implementer(ITransport)
class SocketStream:
    """
    One WebSocket: the stream below a L{WebConnection}, and the transport of Twisted's protocol.

    @ivar host: the address of the browser.
    @ivar peer: its name for the log.
    @ivar ending: whether it is closing: nothing is read or written any more.
    @ivar code: the code with which it is closed.
    """

    __slots__ = (
        "_closing",
        "_connection",
        "_isFull",
        "_isHeldUp",
        "_nameless",
        "_protocol",
        "_silent",
        "_wire",
        "bottomTransport",
        "code",
        "cookie",
        "ending",
        "host",
        "member",
        "peer",
        "secure",
        "write",
        "writeLast",
    )

    _log = Logger("tsservices")

    def __init__(self, protocol: Any, request: Any, cookie: str) -> None:
        """@param cookie: the token by which the browser is signed in; empty: it is not."""
        sender = request.sender
        self._protocol = protocol
        self._connection: WebConnection | None = None
        self._wire: Any = None
        self._closing: Any = None
        self._silent = 0
        self._nameless = False
        # Why reading is paused: the transport's buffer is full; messages wait for the chat.
        self._isFull = self._isHeldUp = False
        self.host = sender.host
        self.peer = sender.host if sender.proxied else protocol.peer
        self.secure = sender.secure
        self.cookie = cookie
        self.code = NORMAL
        self.ending = False
        self.write = protocol.write
        self.writeLast = protocol.writeLast
        self.member: BroadcastMember | None = protocol.member
        self.bottomTransport: CountsBytes = protocol.bottomTransport

    # Called by Twisted's protocol.

    def negotiationStarted(self, transport: Any) -> None:
        self._wire = transport

    def negotiationFinished(self) -> None:
        factory = self._protocol.factory
        factory.server.nameless += 1
        self._nameless = True
        factory.pings.add(self)
        self._connection = WebConnection(self, factory.shared, factory.server, self.cookie)

    def pongReceived(self, payload: bytes) -> None:
        """Do nothing: any received data shows that the peer is there."""

    def textMessageReceived(self, message: str) -> None:
        if self._connection is None or self.ending:
            return
        if len(message) > LONGEST_MESSAGE:
            self._tooBig()
        else:
            self._protocol.factory.counters.messages += 1
            self._connection.messageReceived(message)

    def bytesMessageReceived(self, data: bytes | bytearray) -> None:
        if self._connection is not None and not self.ending:
            self._connection.binaryReceived()

    def connectionLost(self, reason: Any) -> None:
        """Do nothing: L{closed} is called too."""

    def loseConnection(self) -> None:
        # The peer has closed, or has answered a close.
        self._end()

    def getPeer(self) -> Any:
        return self._protocol.transport.getPeer()

    def getHost(self) -> Any:
        return self._protocol.transport.getHost()

    def writeSequence(self, iovec: Any) -> None:
        self.write(b"".join(iovec))

    # Called by the stream.

    def received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        self._silent = 0
        wire = self._wire
        try:
            wire.dataReceived(data)
        except LocalProtocolError:
            # A pong after this side has closed.
            self._end()
            return
        # Private attributes, because Twisted joins the parts of a message without a bound.
        texts, binary = wire._textBuffer, wire._bytesBuffer
        if self._connection is not None:
            self._connection.bytesReceived(len(data))
        if self.ending:
            texts.done()
            binary.done()
        elif len(texts.data) > LONGEST_MESSAGE or len(binary.data) > LONGEST_MESSAGE:
            self._tooBig()

    def endOfInput(self) -> None:
        # A peer that has half-closed does not answer a close any more.
        if self._connection is not None:
            self._connection.endOfInput()
        self._end()

    def pauseOutput(self) -> None:
        if self._connection is not None:
            self._connection.pauseOutput()
            # Otherwise unread pongs would be queued.  Not while TLS waits for input.
            if self.bottomTransport.pendingBytes() >= FULL:
                self._isFull = True
                self._protocol.pauseReading()

    def resumeOutput(self) -> None:
        if self._connection is not None:
            self._isFull = False
            self._readOn()
            self._connection.resumeOutput()

    def serverStopping(self) -> None:
        self.code = GOING_AWAY
        if self._connection is not None:
            self._connection.serverStopping()
        else:
            self._end()

    def closed(self) -> None:
        self.ending = True
        factory = self._protocol.factory
        factory.pings.discard(self)
        factory.counters.sockets -= 1
        self.named()
        if self._closing is not None and self._closing.active():
            self._closing.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.closed()

    # Called by the connection.

    @property
    def deadline(self) -> float | None:
        """See L{ChatStream<tsservices.frontends.connection.ChatStream>}."""
        deadline: float | None = self._protocol.deadline
        return deadline

    @deadline.setter
    def deadline(self, deadline: float | None) -> None:
        self._protocol.deadline = deadline
        if deadline is None:
            self.named()

    def named(self) -> None:
        """Note that the user has a name now, or has left."""
        if self._nameless:
            self._nameless = False
            self._protocol.factory.server.nameless -= 1

    def pauseReading(self) -> None:
        self._isHeldUp = True
        self._protocol.pauseReading()

    def resumeReading(self) -> None:
        self._isHeldUp = False
        self._readOn()

    def _readOn(self) -> None:
        if not (self._isFull or self._isHeldUp or self._protocol.ending):
            self._protocol.resumeReading()

    def finish(self) -> None:
        """Send the written data, then close."""
        if self.ending:
            return
        self.ending = True
        try:
            self.write(_closeFrame(self._wire, self.code))
        except LocalProtocolError:
            # The peer has closed first.
            self._end()
            return
        # The answer to the close has to be read.
        self._isFull = self._isHeldUp = False
        self._readOn()
        self._closing = self._protocol.factory.context.clock.callLater(CLOSE_SECONDS, self._end)

    def _end(self) -> None:
        self.ending = True
        self._protocol.finish()

    def _tooBig(self) -> None:
        protocol = self._protocol
        protocol.factory.counters.overlong += 1
        protocol.noteRefusal(TOO_BIG, f"a message has at most {LONGEST_MESSAGE} bytes")
        self.code = TOO_BIG
        connection = self._connection
        if connection is not None:
            connection.controller.quit("")
            connection.finish()

    # Pings.

    def ping(self) -> None:
        """Send a ping, or close if the peer is lost."""
        if self._silent >= UNANSWERED:
            self._protocol.expired("unanswered")
        elif self.bottomTransport.pendingBytes() == 0 and not self.ending:
            self._silent += 1
            self.write(PING)


def _closeFrame(wire: Any, code: int) -> bytes:
    frame: bytes = wire._wsconn.send(CloseConnection(code))
    return frame


class SocketResource(Resource):
    """C{/ws}."""

    isLeaf = True

    def __init__(self, factory: Any) -> None:
        super().__init__()
        self._factory = factory
        self._resource = WebSocketResource(self)

    def buildProtocol(self, request: Any) -> SocketStream:
        """See L{WebSocketServerFactory<twisted.web.websocket.WebSocketServerFactory>}."""
        cookie = tokenOf(request) if request.sender.secure else ""
        return SocketStream(request.protocol, request, cookie)

    def render_HEAD(self, request: Any) -> bytes:
        return self.render_GET(request)  # type: ignore[no-any-return]

    def render_GET(self, request: Any) -> Any:
        headers = request.requestHeaders
        if (
            b"websocket" not in [value.lower() for value in headers.getRawHeaders(b"Upgrade", [])]
            or request.method == b"HEAD"
        ):
            request.setHeader(b"Upgrade", b"websocket")
            request.answer(426, "this is for WebSocket")
        elif not request.fromOwnPage:
            request.refuse(403, "this comes from a page of somebody else")
        elif not _isHandshake(request):
            request.setHeader(b"Sec-WebSocket-Version", b"13")
            request.refuse(400, "this is no handshake of WebSocket 13")
        elif not self._factory.server.chat.open or self._factory.server.nameless >= MOST_NAMELESS:
            request.setHeader(b"Retry-After", b"5")
            request.answer(503, "come again in a moment")
        elif request.sender.proxied and not self._factory.admitClient(
            request.protocol, request.sender.host
        ):
            request.setHeader(b"Retry-After", b"5")
            request.answer(429, "your address has its connections")
        else:
            return self._resource.render_GET(request)
        return NOT_DONE_YET


# 16 bytes in base64.
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")


def _isHandshake(request: Any) -> bool:
    # The library accepts any key, several keys, and HTTP/1.0.
    keys = request.requestHeaders.getRawHeaders(b"Sec-WebSocket-Key", [])
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]) or request.clientproto != b"HTTP/1.1":
        return False
    # Tried before Twisted does it, because Twisted logs each invalid handshake.
    headers = request.requestHeaders.getAllRawHeaders()
    handshake = H11Handshake(ConnectionType.SERVER)
    try:
        handshake.initiate_upgrade_connection(
            [(name, value) for name, values in headers for value in values], request.path
        )
    except (RemoteProtocolError, h11.RemoteProtocolError, UnicodeDecodeError):
        # The last error is for headers that are not ASCII.
        return False
    return True
