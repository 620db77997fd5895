"""
The socket that measuring datagrams leave from.

It is connected, so that the system tells it of refusals; and on Linux it is told which
packet an ICMP message is about, by the error queue where the times of sent packets come
from as well.

What the wires over UDP share: one connected port, and the numbers of its datagrams.
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

#: Bytes of the packet that an ICMP message is about: enough to find its number.
RETURNED_OCTETS = 128

#: The origins of entries of the error queue that came as ICMP and as ICMPv6.
ICMP_ORIGINS = (2, 3)

#: How often a packet is offered: the first offers can be turned down with the news about the
#: packets before it.
SEND_ATTEMPTS = 3

#: Bytes of the receive buffer: no datagram is cut.
MAXIMUM_DATAGRAM = 65_536

_EXTENDED_ERROR = struct.Struct("@IBBBBII")


def describeError(code: int) -> tuple[ProbeState, str]:
    """What became of a packet with it, and the same in words."""
    if code == errno.ECONNREFUSED:
        return ProbeState.REFUSED, "connection refused"
    return ProbeState.UNREACHABLE, os.strerror(code).lower()


class ProbeProtocol(TimestampedDatagramProtocol):
    """What a L{ProbePort} calls, beside datagrams and stamps."""

    def icmpReceived(self, code: int, datagram: bytes | None) -> None:
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
        """Ask the kernel for ICMP messages as well."""
        super()._bindSocket()
        six = self.addressFamily == socket.AF_INET6
        level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
        if self._sentTOS:
            option = socket.IPV6_TCLASS if six else socket.IP_TOS
            self.socket.setsockopt(level, option, self._sentTOS)
        if self.transmitting:
            option = ancillary.IPV6_RECVERR if six else ancillary.IP_RECVERR
            with suppress(OSError):
                self.socket.setsockopt(level, option, 1)
                self._receivesICMP = True

    def send(self, datagram: bytes) -> None:
        """
        Send a packet.

        @raise WireError: this host does not send it.
        """
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
        """Pass the news on, unless the error queue has them too, and knows more."""
        if number and not self._receivesICMP:
            self.protocol.icmpReceived(number, None)

    def _drainErrors(self) -> None:
        """
        Take what waits in the error queue: times of sent packets, and ICMP messages with
        the beginning of the packet they are about.
        """
        for _ in range(MAX_ERRORS_PER_DRAIN):
            # The protocol may have closed the port.
            if not (self.transmitting and self.connected):
                return
            try:
                data, told, _, _ = self.socket.recvmsg(
                    RETURNED_OCTETS, ancillary.ERROR_CONTROL_BYTES, socket.MSG_ERRQUEUE
                )
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                return
            found = ancillary.readTransmitTimestamp(told)
            if found is not None:
                self._transmitted(*found)
                continue
            for level, kind, value in told:
                if (level, kind) in ((0, ancillary.IP_RECVERR), (41, ancillary.IPV6_RECVERR)):
                    number, origin, *_ = _EXTENDED_ERROR.unpack_from(value)
                    if origin in ICMP_ORIGINS and number:
                        self.protocol.icmpReceived(number, data)


#: Sent datagrams whose time is still waited for.
MAXIMUM_PENDING = 1024


class UDPProbeTransport(ProbeProtocol):
    """
    Packets as datagrams.  What is in them, subclasses say.

    @ivar label: what is spoken.
    @ivar size: bytes of each packet.
    """

    label = ""
    transport: ProbePort

    def __init__(
        self,
        reactor: ReactorBase,
        clocks: Clocks,
        address: str,
        port: int,
        size: int,
        tos: int = 0,
    ) -> None:
        """@param size: bytes of each packet."""
        self.size = size
        self._reactor = reactor
        self._clocks = clocks
        self._address = address
        self._port = port
        self._tos = tos
        self._sequences: dict[int, int] = {}
        self._listener: TransportListener | None = None

    def open(self, listener: TransportListener) -> Deferred[None]:
        """
        Has fired.

        @raise CannotListenError: there is no socket to be had.
        """
        self._listener = listener
        everywhere = "::" if ":" in self._address else "0.0.0.0"
        ProbePort(self, everywhere, self._tos, self._reactor).startListening()
        return succeed(None)

    def startProtocol(self) -> None:
        """Connect the port."""
        self.transport.connect(self._address, self._port)

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        """
        The packet.

        @param wall: the time in nanoseconds since 1970.
        """
        raise NotImplementedError

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, at: int) -> Reply | None:
        """
        What it says; L{None} if it is no reply.

        @param at: when this program had it, by the monotonic clock.
        """
        raise NotImplementedError

    def sequenceOf(self, datagram: bytes) -> int | None:
        """Its number, if that can be read."""
        raise NotImplementedError

    def send(self, sequence: int) -> SendTimes:
        """
        When.

        @raise WireError: it could not be sent.
        """
        port = self.transport
        datagram = self.buildPacket(sequence, self._clocks.wall())
        self._sequences[port.sent] = sequence
        if len(self._sequences) > MAXIMUM_PENDING:
            del self._sequences[next(iter(self._sequences))]
        # As late as can be: what this program does before is no part of any round trip.
        sent = SendTimes(self._clocks.monotonic(), self._clocks.wall())
        port.send(datagram)
        return sent

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        at = self._clocks.monotonic()
        if self._listener is not None:
            reply = self.parseReply(datagram, arrival, at)
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
        """Nothing: the system keeps no account of datagrams."""
        return {}

    def close(self) -> Deferred[None]:
        """Fires when the port is closed."""
        self._listener = None
        if self.transport is None:
            return succeed(None)
        return maybeDeferred(self.transport.stopListening)
