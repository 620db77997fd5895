"""
Packets as UDP datagrams: the port they leave from, and what STAMP and text over UDP share.

The port is connected, so that the system tells it of refusals.  On Linux it also learns which
packet an ICMP message is about: from the error queue, where the times of sent packets are too.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import MessageLengthError

from tsservices.client.probe.wires.base import (
    Clocks,
    Reply,
    SendError,
    SendTimes,
    TransportConfig,
    TransportListener,
)
from tsservices.stamp.stats.result import ProbeState
from tsservices.transport.timestamping import cmsg as ancillary
from tsservices.transport.timestamping.cmsg import ReceiveInfo
from tsservices.transport.timestamping.udp import (
    MAX_ERRORS_PER_DRAIN,
    TimestampedDatagramProtocol,
    TimestampedUDPPort,
)

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Octets kept of the packet that an ICMP message is about: enough to find its number.
RETURNED_OCTETS = 128

#: SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6: where entries of the error queue come from.
ICMP_ORIGINS = (2, 3)

#: Level and type of the control messages with such an error.
ERROR_MESSAGES = (
    (socket.IPPROTO_IP, ancillary.IP_RECVERR),
    (socket.IPPROTO_IPV6, ancillary.IPV6_RECVERR),
)

#: How often sending is tried: the kernel answers a first attempt with the error of a packet before,
#: and does not send.
SEND_ATTEMPTS = 3

#: Octets of the receive buffer: no datagram is cut.
MAXIMUM_DATAGRAM = 65_536

#: Sent datagrams whose T1 the kernel has still to tell.
MAXIMUM_PENDING = 1024

# struct sock_extended_err: errno, origin, type, code, padding, info, data.
_EXTENDED_ERROR = struct.Struct("@IBBBBII")


def describeError(code: int) -> tuple[ProbeState, str]:
    """
    What becomes of a packet, and why in words.

    @param code: the number of an error of the system.
    """
    if code == errno.ECONNREFUSED:
        return ProbeState.REFUSED, "connection refused"
    return ProbeState.UNREACHABLE, os.strerror(code).lower()


class ProbeProtocol(TimestampedDatagramProtocol):
    """Gets errors from a L{ProbePort}, besides datagrams and their times."""

    def icmpReceived(self, code: int, datagram: bytes | None) -> None:
        """
        A packet was refused, or there is no way to the target.

        @param code: the number of the system's error.
        @param datagram: the beginning of that packet; L{None} if it is unknown.
        """
        raise NotImplementedError


class ProbePort(TimestampedUDPPort):
    """A connected port for the packets to one target."""

    protocol: ProbeProtocol

    def __init__(
        self, protocol: ProbeProtocol, interface: str, tos: int, reactor: ReactorBase
    ) -> None:
        super().__init__(
            0, protocol, interface, MAXIMUM_DATAGRAM, reactor, transmit=True, tos=False
        )
        self._sentTOS = tos
        self._receivesICMP = False

    def _bindSocket(self) -> None:
        super()._bindSocket()
        isIPv6 = self.addressFamily == socket.AF_INET6
        level = socket.IPPROTO_IPV6 if isIPv6 else socket.IPPROTO_IP
        if self._sentTOS:
            option = socket.IPV6_TCLASS if isIPv6 else socket.IP_TOS
            self.socket.setsockopt(level, option, self._sentTOS)
        if self.transmitting:
            # Without it a refusal is an error of the next call, whichever packet it was about.
            option = ancillary.IPV6_RECVERR if isIPv6 else ancillary.IP_RECVERR
            with suppress(OSError):
                self.socket.setsockopt(level, option, 1)
                self._receivesICMP = True

    def send(self, datagram: bytes) -> None:
        """@raise SendError: this host does not send it."""
        for attempt in range(SEND_ATTEMPTS):
            self._drainErrors()
            try:
                if self.write(datagram) is not None:
                    return
            except MessageLengthError as error:
                raise SendError(ProbeState.UNREACHABLE, "too long for one datagram") from error
            except OSError as error:
                if attempt == SEND_ATTEMPTS - 1:
                    raise SendError(*describeError(error.errno or 0)) from error
        raise SendError(*describeError(errno.ECONNREFUSED))

    def _peerRefused(self, number: int | None) -> None:
        # The error queue has the same news, and knows the packet too.
        if number and not self._receivesICMP:
            self.protocol.icmpReceived(number, None)

    def _drainErrors(self) -> None:
        # In place of the base's, which reads times only: ICMP messages stand between them.
        for _ in range(MAX_ERRORS_PER_DRAIN):
            # The protocol may have closed the port.
            if not (self.transmitting and self.connected):
                return
            try:
                data, ancillaryData, _, _ = self.socket.recvmsg(
                    RETURNED_OCTETS, ancillary.ERROR_CONTROL_BYTES, socket.MSG_ERRQUEUE
                )
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                return
            timestamp = ancillary.readTransmitTimestamp(ancillaryData)
            if timestamp is not None:
                self._transmitted(*timestamp)
                continue
            for level, kind, value in ancillaryData:
                if (level, kind) in ERROR_MESSAGES:
                    code, origin, *_ = _EXTENDED_ERROR.unpack_from(value)
                    if origin in ICMP_ORIGINS and code:
                        self.protocol.icmpReceived(code, data)


class UDPProbeTransport(ProbeProtocol):
    """Packets as datagrams; subclasses make and read them."""

    label = ""
    transport: ProbePort

    def __init__(
        self, reactor: ReactorBase, clocks: Clocks, config: TransportConfig, usualSize: int
    ) -> None:
        """@param usualSize: octets of a packet if the configuration has no size."""
        self.size = config.size or usualSize
        self._reactor = reactor
        self._clocks = clocks
        self._config = config
        # The number of a packet by that of its datagram, by which the kernel tells T1.
        self._sequences: dict[int, int] = {}
        self._listener: TransportListener | None = None

    def open(self, listener: TransportListener) -> Deferred[None]:
        self._listener = listener
        interface = "::" if ":" in self._config.address else "0.0.0.0"
        ProbePort(self, interface, self._config.tos, self._reactor).startListening()
        return succeed(None)

    def startProtocol(self) -> None:
        self.transport.connect(self._config.address, self._config.port)

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        """@param wall: nanoseconds since 1970."""
        raise NotImplementedError

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, monotonic: int) -> Reply | None:
        """
        L{None} if it is no reply.

        @param monotonic: when this program had it, by the monotonic clock.
        """
        raise NotImplementedError

    def sequenceOf(self, datagram: bytes) -> int | None:
        """The number of a packet of this host, of which perhaps only the beginning is there."""
        raise NotImplementedError

    def send(self, sequence: int) -> SendTimes:
        port = self.transport
        datagram = self.buildPacket(sequence, self._clocks.wall())
        self._sequences[port.sent] = sequence
        if len(self._sequences) > MAXIMUM_PENDING:
            del self._sequences[next(iter(self._sequences))]
        # As late as can be: what this program does before is no part of any round trip.
        times = SendTimes(self._clocks.monotonic(), self._clocks.wall())
        port.send(datagram)
        return times

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        monotonic = self._clocks.monotonic()
        if self._listener is not None:
            reply = self.parseReply(datagram, arrival, monotonic)
            if reply is None:
                self._listener.unmatched()
            else:
                self._listener.replied(reply)

    def transmitStamp(self, number: int, nanoseconds: int) -> None:
        sequence = self._sequences.pop(number, None)
        if sequence is not None and self._listener is not None:
            self._listener.stamped(sequence, nanoseconds)

    def icmpReceived(self, code: int, datagram: bytes | None) -> None:
        if self._listener is not None:
            sequence = None if datagram is None else self.sequenceOf(datagram)
            self._listener.failed(sequence, *describeError(code))

    def kernelTimes(self) -> dict[str, int | None]:
        # The kernel measures connections, not datagrams.
        return {}

    def close(self) -> Deferred[None]:
        self._listener = None
        if self.transport is None:
            return succeed(None)
        return maybeDeferred(self.transport.stopListening)
