"""
The socket that measuring datagrams leave from.

It is connected, so that the system tells it of refusals; and on Linux it is told which
packet an ICMP message is about, by the error queue where the times of sent packets come
from as well.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from twisted.internet.error import MessageLengthError

from tsservices.client.probe.wire import WireError
from tsservices.measure.outcome import State
from tsservices.transport import ancillary
from tsservices.transport.stampedudp import (
    ERRORS_AT_ONCE,
    StampedDatagramProtocol,
    StampedUDPPort,
)

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

PACKET_ROOM = 128
"""
Bytes of the packet that an ICMP message is about: enough to find its number.
"""

ORIGIN_NETWORK = (2, 3)
"""
The origins of entries of the error queue that came as ICMP and as ICMPv6.
"""

ATTEMPTS = 3
"""
How often a packet is offered: the first offers can be turned down with the news about
the packets before it.
"""

LARGEST_DATAGRAM = 65_536
"""
Bytes of the receive buffer: no datagram is cut.
"""

_EXTENDED_ERROR = struct.Struct("@IBBBBII")


def failureOf(number: int) -> tuple[State, str]:
    """
    @param number: of an error of the system.
    @return: what became of a packet with it, and the same in words.
    """
    if number == errno.ECONNREFUSED:
        return State.REFUSED, "connection refused"
    return State.UNREACHABLE, os.strerror(number).lower()


class ProbeProtocol(StampedDatagramProtocol):
    """
    What a L{ProbePort} calls, beside datagrams and stamps.
    """

    def peerFailed(self, number: int, datagram: bytes | None) -> None:
        """
        @param number: of the error that the network reports.
        @param datagram: the beginning of the packet it is about, if that is known.
        """
        raise NotImplementedError


class ProbePort(StampedUDPPort):
    """
    A connected port for the packets to one target.
    """

    protocol: ProbeProtocol

    def __init__(
        self, protocol: ProbeProtocol, interface: str, tos: int, reactor: ReactorBase
    ) -> None:
        """
        @param protocol: gets what comes.
        @param interface: the unspecified address of the family that is wanted.
        @param tos: the type of service of what is sent.
        @param reactor: watches the socket.
        """
        super().__init__(
            0, protocol, interface, LARGEST_DATAGRAM, reactor, transmit=True, tos=False
        )
        self._service = tos
        self._reporting = False

    def _bindSocket(self) -> None:
        """
        Ask the kernel for ICMP messages as well.
        """
        super()._bindSocket()
        six = self.addressFamily == socket.AF_INET6
        level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
        if self._service:
            option = socket.IPV6_TCLASS if six else socket.IP_TOS
            self.socket.setsockopt(level, option, self._service)
        if self.transmitting:
            option = ancillary.IPV6_RECVERR if six else ancillary.IP_RECVERR
            with suppress(OSError):
                self.socket.setsockopt(level, option, 1)
                self._reporting = True

    def offer(self, datagram: bytes) -> None:
        """
        Send a packet.

        @param datagram: the packet.
        @raise WireError: this host does not send it.
        """
        for attempt in range(ATTEMPTS):
            self._drainErrors()
            try:
                if self.write(datagram) is not None:
                    return
            except MessageLengthError as error:
                raise WireError(State.UNREACHABLE, "too long for one datagram") from error
            except OSError as error:
                if attempt == ATTEMPTS - 1:
                    raise WireError(*failureOf(error.errno or 0)) from error
        raise WireError(*failureOf(errno.ECONNREFUSED))

    def _peerRefused(self, number: int | None) -> None:
        """
        Pass the news on, unless the error queue has them too, and knows more.

        @param number: of the error.
        """
        if number and not self._reporting:
            self.protocol.peerFailed(number, None)

    def _drainErrors(self) -> None:
        """
        Take what waits in the error queue: times of sent packets, and ICMP messages with
        the beginning of the packet they are about.
        """
        for _ in range(ERRORS_AT_ONCE):
            # The protocol may have closed the port.
            if not (self.transmitting and self.connected):
                return
            try:
                data, told, _, _ = self.socket.recvmsg(
                    PACKET_ROOM, ancillary.ERROR_ROOM, socket.MSG_ERRQUEUE
                )
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                return
            found = ancillary.transmitted(told)
            if found is not None:
                self._transmitted(*found)
                continue
            for level, kind, value in told:
                if (level, kind) in ((0, ancillary.IP_RECVERR), (41, ancillary.IPV6_RECVERR)):
                    number, origin, *_ = _EXTENDED_ERROR.unpack_from(value)
                    if origin in ORIGIN_NETWORK and number:
                        self.protocol.peerFailed(number, data)
