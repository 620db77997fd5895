"""
What Linux knows of a TCP connection: its own view of the round trip.

The timestamp service over TCP: lines out, the same lines back behind stamps.

The service stamps chunks and not lines; two lines that travel together come back with
one stamp, and are two replies here.
"""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure

from tsservices.client.connection import connectReason, lostReason
from tsservices.client.probe.wires.base import (
    Clocks,
    Reply,
    SendError,
    SendTimes,
    TransportListener,
)
from tsservices.client.probe.wires.text_udp import TEXT_SIZE, buildText, sequenceIn
from tsservices.stamp.stats.result import ProbeState

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Where the smoothed round trip stands in C{struct tcp_info}, in microseconds.
RTT_OFFSET = 68

#: The same of its mean deviation.
RTTVAR_OFFSET = 72

#: The same of the least round trip.
MIN_RTT_OFFSET = 148

#: Bytes that are asked for; older kernels give fewer.
TCP_INFO_LENGTH = 232


def tcpInfo(connected: socket.socket) -> dict[str, int | None]:
    """
    The kernel's round trip, its deviation and its minimum in nanoseconds; L{None} for what it
    does not tell.
    """
    data = b""
    if sys.platform.startswith("linux"):
        try:
            data = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_LENGTH)
        except OSError:
            data = b""
    return {
        "rtt": _microseconds(data, RTT_OFFSET),
        "rttvar": _microseconds(data, RTTVAR_OFFSET),
        "min_rtt": _microseconds(data, MIN_RTT_OFFSET),
    }


def _microseconds(data: bytes, offset: int) -> int | None:
    if len(data) < offset + 4:
        return None
    (value,) = struct.unpack_from("@I", data, offset)
    return None if value in (0, 0xFFFFFFFF) else int(value) * 1000


#: To wait for a connection.
CONNECT_SECONDS = 5.0

#: Bytes without a line ending after which the other side speaks something else.
MAXIMUM_LINE = 4096


class LineReader(Protocol):
    """One connection to the service."""

    transport: Connection

    def __init__(self, owner: TCPTextTransport) -> None:
        self._owner = owner
        self._partialLine = b""

    def connectionMade(self) -> None:
        """Send each line at once, with the type of service that is wanted."""
        self.transport.setTcpNoDelay(True)
        self._owner.connected(self)

    def dataReceived(self, data: bytes) -> None:
        """@param data: the next bytes."""
        *lines, self._partialLine = (self._partialLine + data).split(b"\n")
        for line in lines:
            self._owner.lineReceived(line)
        if len(self._partialLine) > MAXIMUM_LINE:
            self._partialLine = b""
            self._owner.lineReceived(b"")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._owner.lost(lostReason(reason))


class TCPTextTransport:
    """
    One TCP connection at a time; when it is lost, the next packet asks for another.

    @ivar label: what is spoken.
    @ivar size: bytes of each packet.
    """

    label = "timestamp over TCP"

    def __init__(
        self,
        reactor: ReactorBase,
        clocks: Clocks,
        address: str,
        port: int,
        session: int,
        size: int | None = None,
        tos: int = 0,
    ) -> None:
        """@param size: bytes of each line; L{None} for the usual."""
        self.size = size or TEXT_SIZE
        self._clocks = clocks
        six = ":" in address
        endpoint = TCP6ClientEndpoint if six else TCP4ClientEndpoint
        self._endpoint = endpoint(reactor, address, port, CONNECT_SECONDS)
        self._option = (
            (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if six else (socket.IPPROTO_IP, socket.IP_TOS)
        )
        self._session = session
        self._tos = tos
        self._listener: TransportListener | None = None
        self._reader: LineReader | None = None
        self._connecting: Deferred[None] | None = None
        self._closed: Deferred[None] | None = None
        self._state, self._reason = ProbeState.UNREACHABLE, "no connection yet"
        self._newest = -1
        self._kernelTimes: dict[str, int | None] = {"rtt": None, "rttvar": None, "min_rtt": None}

    def open(self, listener: TransportListener) -> Deferred[None]:
        """Fires when there is a connection, or it is known why there is none."""
        self._listener = listener
        return self._connect()

    def _connect(self) -> Deferred[None]:
        attempt = self._endpoint.connect(Factory.forProtocol(lambda: LineReader(self)))

        def made(_: object) -> None:
            """The connection has told so itself."""
            self._connecting = None

        def failed(failure: Failure) -> None:
            self._connecting = None
            error = failure.value
            assert isinstance(error, Exception)
            refused = isinstance(error, ConnectionRefusedError)
            self._state = ProbeState.REFUSED if refused else ProbeState.UNREACHABLE
            self._reason = connectReason(error)

        self._connecting = attempt.addCallbacks(made, failed)
        return self._connecting

    def connected(self, reader: LineReader) -> None:
        self._reader = reader
        if self._tos:
            with suppress(OSError):
                reader.transport.getHandle().setsockopt(*self._option, self._tos)

    def lost(self, reason: str) -> None:
        self._reader = None
        self._state, self._reason = ProbeState.UNREACHABLE, f"connection lost: {reason}"
        closed, self._closed = self._closed, None
        if closed is not None:
            closed.callback(None)
        elif self._listener is not None:
            for sequence in range(max(0, self._newest - MAXIMUM_LINE), self._newest + 1):
                self._listener.failed(sequence, self._state, self._reason)

    def lineReceived(self, line: bytes) -> None:
        at = self._clocks.monotonic()
        if self._listener is None:
            return
        number = sequenceIn(line, self._session)
        if number is None:
            self._listener.unmatched()
            return
        self._listener.replied(Reply(number, at, None, False, len(line) + 1))

    def send(self, sequence: int) -> SendTimes:
        """
        When.

        @raise WireError: there is no connection.
        """
        self._newest = sequence
        if self._reader is None:
            if self._connecting is None:
                self._connect()
            raise SendError(self._state, self._reason)
        line = buildText(self._session, sequence, self.size - 1) + b"\n"
        sent = SendTimes(self._clocks.monotonic(), self._clocks.wall())
        self._reader.transport.write(line)
        return sent

    def kernelTimes(self) -> dict[str, int | None]:
        """The kernel's own account of the connection."""
        if self._reader is not None:
            self._kernelTimes = tcpInfo(self._reader.transport.getHandle())
        return self._kernelTimes

    def close(self) -> Deferred[None]:
        """Fires when there is no connection any more."""
        self.kernelTimes()
        self._listener = None
        if self._connecting is not None:
            self._connecting.cancel()
        if self._reader is None:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._closed = closed
        self._reader.transport.abortConnection()
        return closed
