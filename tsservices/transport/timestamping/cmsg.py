"""
The control messages of datagrams: what the kernel says of one beside its bytes.

With a received datagram these are the time at which it came, the address of this host that it was
sent to, its TTL and its type of service; in the error queue of a socket, the time at which a
datagram was sent.  Linux has all of it, for IPv4, for IPv6 and for both on one socket.  Elsewhere
L{enableTimestamps} asks for nothing, and a receiver has no more than bytes and source.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Iterable
from typing import NamedTuple

from tsservices.transport import wildcard
from tsservices.transport.wildcard import (
    IP_PKTINFO,
    IPV6_PKTINFO,
    IPV6_RECVPKTINFO,
    PKTINFO,
    PKTINFO6,
)

# From the kernel's headers: Python's socket module lacks most of them.
SO_TIMESTAMPNS = 35
SO_TIMESTAMPING = 37
IP_TOS = 1
IP_TTL = 2
IP_RECVERR = 11
IP_RECVTTL = 12
IP_RECVTOS = 13
IPV6_RECVERR = 25
IPV6_RECVHOPLIMIT = 51
IPV6_HOPLIMIT = 52
IPV6_RECVTCLASS = 66
IPV6_TCLASS = 67

#: SO_TIMESTAMPING for the times of all datagrams that come (RX_SOFTWARE, SOFTWARE), and of those
#: sent ones that ask by L{REQUEST_TIMESTAMP}: number and time, without bytes (OPT_ID, OPT_TSONLY).
RECEIVE_FLAGS = 8 | 16 | 128 | 2048

#: The same for all datagrams that are sent (TX_SOFTWARE).
TRANSMIT_FLAGS = 2 | RECEIVE_FLAGS

#: The kernel's numbers of sent datagrams begin again from 0 here.
PACKET_NUMBERS = 1 << 32

#: The origin of an entry of the error queue that is the time of a sent datagram
#: (SO_EE_ORIGIN_TIMESTAMPING).
ORIGIN_TIMESTAMPING = 4

#: Whether the kernel has these messages.
LINUX = wildcard.LINUX

#: Bytes of control messages to receive with a datagram: they need about 200.
CONTROL_BYTES = 512

#: The same for an entry of the error queue.
ERROR_CONTROL_BYTES = 512

#: Destination addresses that are remembered: a host has few, but a whole prefix may lead to it.
MAX_DESTINATIONS = 1024

#: The destination of a datagram that was sent to more hosts than this: broadcast or multicast.
GROUP_DESTINATION = ""

#: Control messages as C{recvmsg} gives them: level, kind and value of each.
Ancillary = Iterable[tuple[int, int, bytes]]

#: The control message by which a datagram that is sent asks for its time.
REQUEST_TIMESTAMP = (socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@I", 2))

_unpackTime = struct.Struct("@ll").unpack_from
_EXTENDED_ERROR = struct.Struct("@IBBBBII")
_UNSPECIFIED = bytes(4)

# A tuple of names would be built anew for each control message.
_TIME_KINDS = (SO_TIMESTAMPNS, SO_TIMESTAMPING)

# TTL and traffic class come as an int of 0 to 255: indexing is faster than unpacking.
_LOWEST_BYTE = 0 if sys.byteorder == "little" else 3


class ReceiveInfo(NamedTuple):
    """How a datagram came."""

    #: When, in nanoseconds since 1970.
    ns: int
    #: Whether the kernel took that time, when the datagram came; otherwise it was taken when the
    #: datagram was read.
    kernel: bool
    #: The address of this host that it was sent to, a link-local one of IPv6 with the number of its
    #: interface (C{fe80::1%2}); L{GROUP_DESTINATION} for broadcast and multicast; L{None} if not
    #: known.
    destination: str | None
    #: TTL or hop limit, if known.
    ttl: int | None
    #: Type of service or traffic class, if asked for and known.
    tos: int | None


def enableTimestamps(
    udpSocket: socket.socket, transmit: bool = False, destination: bool = True, tos: bool = False
) -> bool:
    """
    Ask the kernel for the control messages of each received datagram.

    @param transmit: also for the times of all sent datagrams.
    @return: whether the kernel will give receive times.
    """
    if not LINUX:
        return False
    # The kernel takes times only while some socket on the machine asks for them, and starts in a
    # work queue: 1.6 to 3 milliseconds after the first socket asks.  A datagram that comes before
    # has no time if SO_TIMESTAMPING alone is set (so `ReceiveInfo.kernel` is false).  If
    # SO_TIMESTAMPNS is set it has the time of its read, and nothing shows the difference.  So a
    # server asks when it binds the socket, some time before it serves it.
    #
    # An IPv6 socket gets IPv4 datagrams too, and only the IPv4 options work for these.
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
    Let single datagrams ask for the time at which they leave, by L{REQUEST_TIMESTAMP}.

    From then on the control messages of received datagrams are longer, and cost more to read.
    """
    try:
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, RECEIVE_FLAGS)
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 0)
    except OSError:
        return False
    return True


def restartCounter(udpSocket: socket.socket, flags: int = TRANSMIT_FLAGS) -> None:
    """Let the kernel number the datagrams that are sent from 0 again."""
    # It does so whenever the flag OPT_ID (128) is set that was not set before.
    for value in (flags & ~128, flags):
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, value)


class ControlMessageReader:
    """Reads the control messages of the datagrams of one socket."""

    def __init__(self, destination: str | None) -> None:
        """@param destination: the address of a socket that is bound to one; else L{None}."""
        self._destination = destination
        self._addresses: dict[bytes, str] = {}

    def read(self, ancillary: Ancillary) -> tuple[int, str | None, int | None, int | None]:
        """
        When the datagram came in nanoseconds since 1970 (0 if the kernel does not say), and its
        destination, TTL and type of service, as in L{ReceiveInfo}.
        """
        nanoseconds = 0
        destination = self._destination
        ttl = tos = None
        for level, kind, value in ancillary:
            if level == 1:
                # Both begin with the time that the kernel's software took.
                if kind in _TIME_KINDS:
                    whole, fraction = _unpackTime(value)
                    nanoseconds = whole * 1_000_000_000 + fraction
            elif level == 0:
                if kind == IP_TTL:
                    ttl = value[_LOWEST_BYTE]
                elif kind == IP_TOS:
                    tos = value[0]
                elif kind == IP_PKTINFO and destination is None:
                    destination = self._addresses.get(value)
                    if destination is None:
                        _, local, header = PKTINFO.unpack(value)
                        destination = self._remember(value, header, local != header)
            elif level == 41:
                if kind == IPV6_HOPLIMIT:
                    ttl = value[_LOWEST_BYTE]
                elif kind == IPV6_TCLASS:
                    tos = value[_LOWEST_BYTE]
                elif kind == IPV6_PKTINFO and destination is None:
                    destination = self._addresses.get(value)
                    if destination is None:
                        destination = self._remember(value, value[:16], value[0] == 0xFF)
        return nanoseconds, destination, ttl, tos

    def _remember(self, pktinfo: bytes, packed: bytes, group: bool) -> str:
        # With the whole control message as the key, reading it again is one look into a dictionary:
        # 2.5 % of the time of a datagram less than taking it apart.
        if len(self._addresses) >= MAX_DESTINATIONS:
            self._addresses.clear()
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        text = GROUP_DESTINATION if group else socket.inet_ntop(family, packed)
        if packed[0] == 0xFE and packed[1] & 0xC0 == 0x80 and family == socket.AF_INET6:
            # Link-local: each interface has such addresses of its own.
            text += f"%{PKTINFO6.unpack(pktinfo)[1]}"
        self._addresses[pktinfo] = text
        return text


def sourceControl(family: int, source: str) -> list[tuple[int, int, bytes]]:
    """
    The control message by which C{sendmsg} sends from an address of this host.

    @param source: as in L{ReceiveInfo.destination}.
    @raise OSError: if it is no address of the family.
    """
    if family == socket.AF_INET6:
        address, _, index = source.partition("%")
        packed = PKTINFO6.pack(socket.inet_pton(socket.AF_INET6, address), int(index or 0))
        return [(socket.IPPROTO_IPV6, IPV6_PKTINFO, packed)]
    packed = PKTINFO.pack(0, socket.inet_aton(source), _UNSPECIFIED)
    return [(socket.IPPROTO_IP, IP_PKTINFO, packed)]


def readTransmitTimestamp(ancillary: Ancillary) -> tuple[int, int] | None:
    """
    From an entry of the error queue, the kernel's number of a datagram and when it was sent, in
    nanoseconds since 1970; L{None} if the entry is about something else.
    """
    number = nanoseconds = None
    for level, kind, value in ancillary:
        if level == 1 and kind == SO_TIMESTAMPING:
            whole, fraction = _unpackTime(value)
            nanoseconds = whole * 1_000_000_000 + fraction
        elif (level, kind) in ((0, IP_RECVERR), (41, IPV6_RECVERR)):
            _, origin, _, _, _, _, data = _EXTENDED_ERROR.unpack_from(value)
            if origin == ORIGIN_TIMESTAMPING:
                number = data
    return None if number is None or not nanoseconds else (number, nanoseconds)
