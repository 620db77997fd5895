"""
What the kernel tells with a datagram, beside its bytes: when it came, to which of
this host's addresses, and with which TTL and type of service.

Linux has all of it, for IPv4, IPv6 and both on one socket.  Elsewhere L{enableTimestamps} asks for
nothing, and whoever receives has to do with less.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Iterable
from typing import NamedTuple

#: Whether the numbers below mean something. Python's socket module lacks them.
LINUX = sys.platform.startswith("linux")

SO_TIMESTAMPNS = 35
SO_TIMESTAMPING = 37
IP_TOS = 1
IP_TTL = 2
IP_PKTINFO = 8
IP_RECVERR = 11
IP_RECVTTL = 12
IP_RECVTOS = 13
IPV6_RECVERR = 25
IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50
IPV6_RECVHOPLIMIT = 51
IPV6_HOPLIMIT = 52
IPV6_RECVTCLASS = 66
IPV6_TCLASS = 67

#: Of SO_TIMESTAMPING: what comes, in software; and of a datagram that asks for itself when it is
#: sent, its number, without its bytes.
RECEIVE_FLAGS = 8 | 16 | 128 | 2048

#: The same, and all datagrams ask.
TRANSMIT_FLAGS = 2 | RECEIVE_FLAGS

#: The kernel's numbers of sent datagrams go round here.
PACKET_NUMBERS = 1 << 32

#: The origin of an entry of the error queue that is the time of a sent datagram.
ORIGIN_TIMESTAMPING = 4

#: Bytes that all of it needs at most, with room to spare.
CONTROL_BYTES = 512

#: The same for an entry of the error queue.
ERROR_CONTROL_BYTES = 512

#: Destination addresses whose text is kept.
MAX_DESTINATIONS = 1024

#: The destination of a datagram that was not for this host alone: broadcast, multicast.
GROUP_DESTINATION = ""

#: As recvmsg gives it.
Ancillary = Iterable[tuple[int, int, bytes]]

#: Beside a datagram that is sent: it asks for its time.
REQUEST_TIMESTAMP = (socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@I", 2))

_TIME = struct.Struct("@ll")
_INT = struct.Struct("@i")
_PKTINFO = struct.Struct("@I4s4s")
_PKTINFO6 = struct.Struct("@16sI")
_EXTENDED_ERROR = struct.Struct("@IBBBBII")
_UNSPECIFIED = bytes(4)


class ReceiveInfo(NamedTuple):
    """
    How a datagram came.

    @ivar ns: when, in nanoseconds since 1970.
    @ivar kernel: the kernel took that time when it came; otherwise it was taken when
        the datagram was read.
    @ivar destination: the address of this host that it was sent to; L{GROUP_DESTINATION} for
        one that went to many; L{None} if not known.
    @ivar ttl: its TTL or hop limit, if known.
    @ivar tos: its type of service or traffic class, if asked for and known.
    """

    ns: int
    kernel: bool
    destination: str | None
    ttl: int | None
    tos: int | None


def enableTimestamps(
    udpSocket: socket.socket, transmit: bool = False, destination: bool = True, tos: bool = False
) -> bool:
    """Have the kernel tell more with each datagram."""
    if not LINUX:
        return False
    # An IPv6 socket gets IPv4 datagrams too, and of these only the IPv4 options tell.
    options = [(socket.IPPROTO_IP, IP_RECVTTL)]
    options += [(socket.IPPROTO_IP, IP_RECVTOS)] * tos
    if udpSocket.family == socket.AF_INET6:
        options += [(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT)]
        options += [(socket.IPPROTO_IPV6, IPV6_RECVTCLASS)] * tos
        options += [(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO)] * destination
    else:
        options += [(socket.IPPROTO_IP, IP_PKTINFO)] * destination
    for level, option in options:
        with contextlib.suppress(OSError):
            udpSocket.setsockopt(level, option, 1)
    try:
        if transmit:
            udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, TRANSMIT_FLAGS)
        else:
            udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def enableTransmitTimestamps(udpSocket: socket.socket) -> bool:
    """
    Have the kernel tell of datagrams that ask for themselves, with L{REQUEST_TIMESTAMP}.  What
    it tells of those that come is longer from then on, and costs more to read.
    """
    try:
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, RECEIVE_FLAGS)
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 0)
    except OSError:
        return False
    return True


def restartCounter(udpSocket: socket.socket, wanted: int = TRANSMIT_FLAGS) -> None:
    """Have the kernel number the datagrams that are sent from 0 on again."""
    for flags in (wanted & ~128, wanted):
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags)


class ControlMessageReader:
    """
    Reads what recvmsg gives beside the bytes.

    @ivar destination: of all datagrams, where the socket is bound to one address.
    """

    def __init__(self, destination: str | None) -> None:
        self.destination = destination
        self._texts: dict[bytes, str] = {}

    def read(self, ancillary: Ancillary) -> tuple[int, str | None, int | None, int | None]:
        """
        When it came in nanoseconds since 1970 (0 if the kernel does not tell), its destination,
        TTL and type of service, as in L{ReceiveInfo}.
        """
        nanoseconds = 0
        destination = self.destination
        ttl = tos = None
        for level, kind, value in ancillary:
            if level == 1:
                # Both begin with the time that the kernel's software took.
                if kind in (SO_TIMESTAMPNS, SO_TIMESTAMPING):
                    seconds, rest = _TIME.unpack_from(value)
                    nanoseconds = seconds * 1_000_000_000 + rest
            elif level == 0:
                if kind == IP_TTL:
                    (ttl,) = _INT.unpack(value)
                elif kind == IP_TOS:
                    tos = value[0]
                elif kind == IP_PKTINFO and destination is None:
                    _, local, header = _PKTINFO.unpack(value)
                    destination = self._text(local) if local == header else GROUP_DESTINATION
            elif level == 41:
                if kind == IPV6_HOPLIMIT:
                    (ttl,) = _INT.unpack(value)
                elif kind == IPV6_TCLASS:
                    (tos,) = _INT.unpack(value)
                elif kind == IPV6_PKTINFO and destination is None:
                    header = value[:16]
                    destination = GROUP_DESTINATION if header[0] == 0xFF else self._text(header)
        return nanoseconds, destination, ttl, tos

    def _text(self, packed: bytes) -> str:
        text = self._texts.get(packed)
        if text is None:
            family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
            if len(self._texts) >= MAX_DESTINATIONS:
                self._texts.clear()
            text = self._texts[packed] = socket.inet_ntop(family, packed)
        return text


def sourceControl(family: int, source: str) -> list[tuple[int, int, bytes]]:
    """
    What sendmsg needs to send from it.

    @raise OSError: it is no address of the family.
    """
    if family == socket.AF_INET6:
        packed = _PKTINFO6.pack(socket.inet_pton(socket.AF_INET6, source), 0)
        return [(socket.IPPROTO_IPV6, IPV6_PKTINFO, packed)]
    packed = _PKTINFO.pack(0, socket.inet_aton(source), _UNSPECIFIED)
    return [(socket.IPPROTO_IP, IP_PKTINFO, packed)]


def readTransmitTimestamp(ancillary: Ancillary) -> tuple[int, int] | None:
    """
    The kernel's number of a datagram, and when it was sent in nanoseconds since 1970; L{None}
    if the entry is about something else.
    """
    number = nanoseconds = None
    for level, kind, value in ancillary:
        if level == 1 and kind == SO_TIMESTAMPING:
            seconds, rest = _TIME.unpack_from(value)
            nanoseconds = seconds * 1_000_000_000 + rest
        elif (level, kind) in ((0, IP_RECVERR), (41, IPV6_RECVERR)):
            _, origin, _, _, _, _, data = _EXTENDED_ERROR.unpack_from(value)
            if origin == ORIGIN_TIMESTAMPING:
                number = data
    return None if number is None or not nanoseconds else (number, nanoseconds)
