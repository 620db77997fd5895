"""
The timestamp service over TCP: lines out, the same lines back after timestamps.

The service puts a timestamp before each chunk, not before each line.  Two lines that arrive there
together are returned with one timestamp, and are two replies here.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure

from tsservices.client.connection import connectReason, lostReason
from tsservices.client.probe.schedule import NANOSECONDS
from tsservices.client.probe.wires.base import (
    Clocks,
    PathMTU,
    Reading,
    Reply,
    SendError,
    TransportConfig,
    TransportListener,
)
from tsservices.client.probe.wires.text_udp import TEXT_SIZE, buildText, sequenceIn
from tsservices.stamp.stats.result import ProbeState
from tsservices.transport.twisted_internals import reactorWithSockets

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: The offsets in Linux's C{struct tcp_info} of the round trip, its mean deviation and its minimum,
#: in microseconds.
RTT_OFFSET = 68
RTTVAR_OFFSET = 72
MIN_RTT_OFFSET = 148

#: Octets that are requested; older kernels return fewer.
TCP_INFO_LENGTH = 232

#: Seconds to wait for a connection.
CONNECT_SECONDS = 5.0

#: Seconds until packets are due although the first connection is not made: more than a handshake
#: with one loss takes, and less than a run waits for a host.
OPEN_SECONDS = 2.0

#: Seconds without an acknowledgement after which the kernel gives a connection up, so that another
#: one is opened.  By itself it waits for a quarter of an hour, although a firewall or NAT that has
#: forgotten the connection lets it never pass again.
SILENT_SECONDS = 10.0

#: The most seconds before a scheduled packet at which a lost connection is opened again: more than
#: a handshake takes, and less than any server waits for the first bytes.
LEAD_SECONDS = 1.0

#: Packets that may be lost with a connection.
MAXIMUM_PENDING = 4096

#: Octets without a line ending after which the peer is taken to speak another protocol.
MAXIMUM_LINE = 4096


def tcpInfo(connected: socket.socket) -> dict[str, int | None]:
    """Return the kernel's measurements of a connection, in nanoseconds; L{None} if unknown."""
    data = b""
    if sys.platform.startswith("linux"):
        with suppress(OSError):
            data = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_LENGTH)
    return {
        "rtt": _nanosecondsAt(data, RTT_OFFSET),
        "rttvar": _nanosecondsAt(data, RTTVAR_OFFSET),
        "min_rtt": _nanosecondsAt(data, MIN_RTT_OFFSET),
    }


def _nanosecondsAt(data: bytes, offset: int) -> int | None:
    if len(data) < offset + 4:
        return None
    (value,) = struct.unpack_from("@I", data, offset)
    # The kernel's minimum is all ones before the first sample.
    return None if value in (0, 0xFFFFFFFF) else int(value) * 1000


class LineReader(Protocol):
    """One connection to the service."""

    transport: Connection

    def __init__(self, owner: TCPTextTransport) -> None:
        self._owner = owner
        self._partialLine = b""

    def connectionMade(self) -> None:
        # Nagle's algorithm would delay a line until the previous one is acknowledged.
        self.transport.setTcpNoDelay(True)
        self._owner.connected(self)

    def dataReceived(self, data: bytes) -> None:
        *lines, self._partialLine = (self._partialLine + data).split(b"\n")
        for line in lines:
            self._owner.lineReceived(line)
        if len(self._partialLine) > MAXIMUM_LINE:
            self._partialLine = b""
            self._owner.lineReceived(b"")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # Without an error of this system the server has closed the connection, cleanly or not.
        causes = getattr(reason.value, "args", ())
        if any(isinstance(cause, OSError) for cause in causes):
            self._owner.lost(f"lost: {lostReason(reason)}")
        elif reason.check(ConnectionLost) and self._owner.isGivenUp:
            # Twisted does not tell the error, with which the kernel has given it up.
            self._owner.lost(f"lost: {os.strerror(errno.ETIMEDOUT)}")
        else:
            self._owner.lost("closed by the server")


class TCPTextTransport:
    """
    A transport with one TCP connection at a time.

    A lost connection is opened again shortly before the next packet is due: a server that closes
    silent connections would close one that was opened earlier.
    """

    label = "timestamp over TCP"

    def __init__(
        self, reactor: ReactorBase, clocks: Clocks, config: TransportConfig, session: int
    ) -> None:
        self.size = config.size or TEXT_SIZE
        self._clocks = clocks
        isIPv6 = ":" in config.address
        endpoint = TCP6ClientEndpoint if isIPv6 else TCP4ClientEndpoint
        source = config.source
        connecting = reactorWithSockets(reactor, source.apply) if source.interface else reactor
        bindAddress = (source.address, 0) if source.address else None
        self._endpoint = endpoint(
            connecting, config.address, config.port, CONNECT_SECONDS, bindAddress
        )
        self._clock = reactor
        self._interval = config.interval
        if isIPv6:
            level, tos, ttl = socket.IPPROTO_IPV6, socket.IPV6_TCLASS, socket.IPV6_UNICAST_HOPS
        else:
            level, tos, ttl = socket.IPPROTO_IP, socket.IP_TOS, socket.IP_TTL
        # Set on the connection, because Twisted creates the socket only when it connects.
        self._options = [(level, tos, config.tos)] * bool(config.tos)
        if config.ttl is not None:
            self._options.append((level, ttl, config.ttl))
        self._patience = max(SILENT_SECONDS, config.timeout)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = int(1000 * self._patience)
            self._options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds))
        self._session = session
        self._listener: TransportListener | None = None
        self._reader: LineReader | None = None
        self._connecting: Deferred[None] | None = None
        self._closed: Deferred[None] | None = None
        self._state, self._reason = ProbeState.UNREACHABLE, "no connection yet"
        self._newest = -1
        self._lastSent = clocks.monotonic()
        # When the first line was sent after the last one that came; None before.
        self._askedAt: int | None = None
        # Why the connection before this one was lost; empty without one.
        self._lossReason = ""
        # Attempts to connect since the last packet, after the time at which the next one was due.
        self._lateAttempts = 0
        self._timer: IDelayedCall | None = None
        self._kernelTimes: dict[str, int | None] = dict.fromkeys(("rtt", "rttvar", "min_rtt"))

    def open(self, listener: TransportListener) -> Deferred[None]:
        self._listener = listener
        opened: Deferred[None] = Deferred()
        # A host that is silent has been asked too: its packets are lost, and not left out.
        waiting = self._clock.callLater(OPEN_SECONDS, opened.callback, None)

        def tried(_: object) -> None:
            if waiting.active():
                waiting.cancel()
                opened.callback(None)

        self._connect().addCallback(tried)
        return opened

    def _connect(self) -> Deferred[None]:
        attempt = self._endpoint.connect(Factory.forProtocol(lambda: LineReader(self)))

        def made(_: object) -> None:
            # The protocol itself has called connected.
            self._connecting = None

        def failed(failure: Failure) -> None:
            self._connecting = None
            error = failure.value
            assert isinstance(error, Exception)
            refused = isinstance(error, ConnectionRefusedError)
            self._state = ProbeState.REFUSED if refused else ProbeState.UNREACHABLE
            self._reason = connectReason(error)
            self._connectLater(0)

        self._connecting = attempt.addCallbacks(made, failed)
        return self._connecting

    def _connectLater(self, late: int) -> None:
        # Shortly before the next packet; later at once, but only C{late} times: the peer may
        # accept connections only to close them.
        if self._listener is None or self._timer is not None:
            return
        lead = min(self._interval / 2, LEAD_SECONDS)
        passed = (self._clocks.monotonic() - self._lastSent) / NANOSECONDS
        wait = self._interval - lead - passed
        if wait <= 0:
            if self._lateAttempts >= late:
                return
            self._lateAttempts += 1
        self._timer = self._clock.callLater(max(0.0, wait), self._connectNow)

    def _connectNow(self) -> None:
        self._timer = None
        if self._reader is None and self._connecting is None and self._listener is not None:
            self._connect()

    @property
    def isGivenUp(self) -> bool:
        """Whether a lost connection was silent for so long that the kernel gives it up."""
        if self._askedAt is None:
            return False
        return self._clocks.monotonic() - self._askedAt >= self._patience * NANOSECONDS

    def connected(self, reader: LineReader) -> None:
        self._reader = reader
        self._askedAt = None
        reason, self._lossReason = self._lossReason, ""
        if reason and self._listener is not None:
            self._listener.reconnected(reason)
        for option in self._options:
            with suppress(OSError):
                reader.transport.getHandle().setsockopt(*option)

    def lost(self, reason: str) -> None:
        self._reader = None
        self._state, self._reason = ProbeState.UNREACHABLE, f"connection {reason}"
        closed, self._closed = self._closed, None
        if closed is not None:
            closed.callback(None)
        elif self._listener is not None:
            # All packets that may be under way; answered ones are not pending any more.
            for sequence in range(max(0, self._newest - MAXIMUM_PENDING), self._newest + 1):
                self._listener.failed(sequence, self._state, self._reason)
            self._lossReason = self._reason
            self._connectLater(1)

    def lineReceived(self, line: bytes) -> None:
        monotonic = self._clocks.monotonic()
        self._askedAt = None
        if self._listener is None:
            return
        number = sequenceIn(line, self._session)
        if number is None:
            self._listener.unmatched()
            return
        self._listener.replied(Reply(number, monotonic, None, False, len(line) + 1))

    def send(self, sequence: int) -> Reading:
        self._newest = sequence
        self._lastSent = self._clocks.monotonic()
        self._lateAttempts = 0
        if self._reader is None:
            if self._connecting is None:
                self._connect()
            raise SendError(self._state, self._reason)
        line = buildText(self._session, sequence, self.size - 1) + b"\n"
        times = self._clocks.read()
        if self._askedAt is None:
            self._askedAt = times.monotonic
        self._reader.transport.write(line)
        return times

    def kernelTimes(self) -> dict[str, int | None]:
        if self._reader is not None:
            self._kernelTimes = tcpInfo(self._reader.transport.getHandle())
        return self._kernelTimes

    def overflowed(self) -> int:
        # TCP sends unread data again.
        return 0

    def pathMTU(self) -> PathMTU | None:
        # TCP chooses segments that fit.
        return None

    def close(self) -> Deferred[None]:
        # Saved for the summary, which is printed later.
        self.kernelTimes()
        self._listener = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._connecting is not None:
            self._connecting.cancel()
        if self._reader is None:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._closed = closed
        self._reader.transport.abortConnection()
        return closed
