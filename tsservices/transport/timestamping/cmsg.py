"""
The control messages of datagrams: facts from the kernel about a datagram.

For a received datagram these are its receive time, the address of this host to which it was sent,
its TTL and its type of service; in the error queue of a socket, the time at which a datagram was
sent.  Linux has all of them, for IPv4, for IPv6 and for both on one socket.  On other systems
L{enableTimestamps} does nothing, and a receiver has only bytes and source.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, cast

from tsservices.common.structs import Table
from tsservices.transport import wildcard
from tsservices.transport.mmsg import HEADER_BYTES, splitControl
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
SO_MEMINFO = 55
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

#: SO_TIMESTAMPING for the times of all received datagrams (RX_SOFTWARE, SOFTWARE), and of those
#: sent with L{REQUEST_TIMESTAMP}: number and time, without bytes (OPT_ID, OPT_TSONLY).
RECEIVE_FLAGS = 8 | 16 | 128 | 2048

#: The same for all datagrams that are sent (TX_SOFTWARE).
TRANSMIT_FLAGS = 2 | RECEIVE_FLAGS

#: The kernel's numbers of sent datagrams wrap around to 0 here.
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

#: Destination addresses that are cached: a host has few, but a whole prefix may be routed to it.
MAX_DESTINATIONS = 1024

#: The destination of a datagram that was sent to more hosts than this: broadcast or multicast.
GROUP_DESTINATION = ""

#: Control messages as C{recvmsg} gives them: level, kind and value of each.
Ancillary = Iterable[tuple[int, int, bytes]]

#: The control message that requests the send time of a datagram.
REQUEST_TIMESTAMP = (socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@I", 2))

_unpackTime = struct.Struct("@ll").unpack_from
# Nine numbers, of which the last is that of drops.
_MEMORY = struct.Struct("@9I")
_EXTENDED_ERROR = struct.Struct("@IBBBBII")
_UNSPECIFIED = bytes(4)
_INT = struct.Struct("@i")

# Constants: a tuple of names in the loop would be built again for each control message.
_TIME_KINDS = (SO_TIMESTAMPNS, SO_TIMESTAMPING)

# TTL and traffic class come as an int of 0 to 255: indexing is faster than unpacking.
_LOWEST_BYTE = 0 if sys.byteorder == "little" else 3


class ReceiveInfo(NamedTuple):
    """The facts about the arrival of a datagram."""

    #: The receive time, in nanoseconds since 1970.
    ns: int
    #: Whether the kernel took that time, when the datagram arrived; otherwise it was taken when the
    #: datagram was read.
    kernel: bool
    #: The address of this host to which it was sent, a link-local one of IPv6 with the number of
    #: its interface (C{fe80::1%2}); L{GROUP_DESTINATION} for broadcast and multicast; L{None} if
    #: not known.
    destination: str | None
    #: TTL or hop limit, if known.
    ttl: int | None
    #: Type of service or traffic class, if requested and known.
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
    # The kernel takes times only while some socket on the machine requests them, and starts in a
    # work queue: 1.6 to 3 milliseconds after the first request.  A datagram that arrives earlier
    # has no time if only SO_TIMESTAMPING is set (then `ReceiveInfo.kernel` is false).  If
    # SO_TIMESTAMPNS is set, it has the time of its read, without any sign of that.  Therefore a
    # server requests times when it binds the socket, some time before it serves it.
    #
    # An IPv6 socket receives IPv4 datagrams too, for which only the IPv4 options work.
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
    Enable send times for the datagrams that are sent with L{REQUEST_TIMESTAMP}.

    From then on the control messages of received datagrams are longer, and take longer to read.
    """
    try:
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, RECEIVE_FLAGS)
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 0)
    except OSError:
        return False
    return True


def restartCounter(udpSocket: socket.socket, flags: int = TRANSMIT_FLAGS) -> None:
    """Make the kernel number sent datagrams from 0 again."""
    # It does so whenever the flag OPT_ID (128) changes from not set to set.
    for value in (flags & ~128, flags):
        udpSocket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, value)


def droppedDatagrams(udpSocket: socket.socket) -> int:
    """Get the number of datagrams that the kernel dropped, mostly because a buffer was full."""
    # The same counter as SO_RXQ_OVFL, which comes with the next datagram after a drop; this one can
    # be read at any time, and costs nothing for other datagrams.
    if not LINUX:
        return 0
    try:
        values = udpSocket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMORY.size)
    except OSError:
        return 0
    return _MEMORY.unpack(values)[-1] if len(values) == _MEMORY.size else 0


#: The receive time of a datagram, in nanoseconds since 1970 (0 if the kernel has none), and its
#: destination, TTL and type of service, as in L{ReceiveInfo}.
ControlFacts = tuple[int, str | None, int | None, int | None]


class ControlColumns(NamedTuple):
    """L{ControlFacts} of a batch by columns, with the time in two parts."""

    seconds: Sequence[int]
    nanoseconds: Sequence[int]
    destinations: Sequence[str | None]
    #: C{bytes} if they are known.
    ttls: Sequence[int | None]
    tosses: Sequence[int | None]

    def rows(self) -> Sequence[ControlFacts]:
        """Get the facts of each datagram."""
        parts = zip(self.seconds, self.nanoseconds, strict=True)
        times = [whole * 1_000_000_000 + fraction for whole, fraction in parts]
        return list(zip(times, self.destinations, self.ttls, self.tosses, strict=True))


_TIME = tuple((1, kind) for kind in _TIME_KINDS)
_DESTINATION = ((0, IP_PKTINFO), (41, IPV6_PKTINFO))
_TTL = ((0, IP_TTL), (41, IPV6_HOPLIMIT))
_TOS = ((0, IP_TOS), (41, IPV6_TCLASS))


class ControlBatch(Protocol):
    """The control messages of a batch, in memory of equal size for each datagram."""

    controlTable: Table
    count: int

    def controls(self) -> Sequence[bytes]:
        """Get the control messages of each datagram."""

    def controlsAreOf(self, size: int) -> bool:
        """Whether each datagram has so many bytes of them, and none was cut off."""


class _Layout(NamedTuple):
    # The offsets of the values in control messages of one kind.  Control messages have this layout
    # if their headers are equal.
    size: int
    headers: tuple[tuple[int, bytes], ...]
    time: int | None
    destination: tuple[int, int] | None
    ttl: int | None
    tos: int | None


def _layoutOf(control: bytes) -> _Layout | None:
    # None if there are no control messages, or one was cut off.
    offset = 0
    headers = []
    time = destination = ttl = tos = None
    for level, kind, value in splitControl(control):
        headers.append((offset, control[offset : offset + HEADER_BYTES]))
        at = offset + HEADER_BYTES
        key = (level, kind)
        # Of duplicates the same one counts as in `ControlMessageReader.read`.
        if key in _TIME:
            time = at
        elif key in _DESTINATION:
            destination = destination or (at, len(value))
        elif key in _TTL:
            ttl = at + _LOWEST_BYTE
        elif key in _TOS:
            tos = at + (_LOWEST_BYTE if len(value) > 1 else 0)
        offset = at + (len(value) + 7) // 8 * 8
    if not offset or offset != len(control):
        return None
    return _Layout(offset, tuple(headers), time, destination, ttl, tos)


class ControlMessageReader:
    """The parser of the control messages of the datagrams of one socket."""

    def __init__(self, destination: str | None) -> None:
        """@param destination: the address to which the socket is bound; L{None}: a wildcard."""
        self._destination = destination
        self._addresses: dict[bytes, str] = {}
        self._layout: _Layout | None = None
        # By the number of datagrams: the memory of the headers, and their bytes in that layout.
        self._headers: dict[int, list[tuple[memoryview, bytes]]] = {}

    def readAll(self, controls: Sequence[bytes]) -> Sequence[ControlFacts]:
        """Do the same as L{read} for the kernel's bytes of each datagram of a batch."""
        return [self.read(splitControl(control)) for control in controls]

    def readColumns(self, batch: ControlBatch) -> ControlColumns | None:
        """
        Read the facts of a batch, if all its control messages have one layout; otherwise L{None}.

        Whole columns are read by C: 0.05 microseconds for each of 64, against 1.3 when each is
        parsed.
        """
        layout = self._layout
        if layout is None or not self._fits(layout, batch):
            layout = self._layout = _layoutOf(next(iter(batch.controls())))
            self._headers.clear()
            if layout is None or not self._fits(layout, batch):
                return None
        count = batch.count
        column = batch.controlTable.column
        unknown = (None,) * count
        seconds = nanoseconds = [0] * count
        if layout.time is not None:
            seconds = column("q", layout.time)[:count].tolist()
            nanoseconds = column("q", layout.time + 8)[:count].tolist()
        destinations: Sequence[str | None] = (self._destination,) * count
        if self._destination is None and layout.destination is not None:
            found = self._destinationsOf(batch, *layout.destination)
            if found is None:
                return None
            destinations = found
        ttls = unknown if layout.ttl is None else column("B", layout.ttl)[:count].tobytes()
        tosses = unknown if layout.tos is None else column("B", layout.tos)[:count].tobytes()
        return ControlColumns(seconds, nanoseconds, destinations, ttls, tosses)

    def _fits(self, layout: _Layout, batch: ControlBatch) -> bool:
        if not batch.controlsAreOf(layout.size):
            return False
        count = batch.count
        headers = self._headers.get(count)
        if headers is None:
            column = batch.controlTable.column
            headers = self._headers[count] = [
                (column("Q", offset + half)[:count], header[half : half + 8] * count)
                for offset, header in layout.headers
                for half in (0, 8)
            ]
        return all(found.tobytes() == expected for found, expected in headers)

    def _destinationsOf(self, batch: ControlBatch, offset: int, size: int) -> Sequence[str] | None:
        # None if there are more destinations than the cache holds.
        messages = batch.controlTable.parts(offset, size, batch.count)
        destinations = list(map(self._addresses.get, messages))
        if None in destinations:
            # This fills the cache.
            self.readAll(batch.controls())
            destinations = list(map(self._addresses.get, messages))
        return None if None in destinations else cast(Sequence[str], destinations)

    def read(self, ancillary: Ancillary) -> ControlFacts:
        """Read the control messages of a datagram, in C{recvmsg}'s form."""
        nanoseconds = 0
        destination = self._destination
        ttl = tos = None
        for level, kind, value in ancillary:
            if level == 1:
                # Both begin with the kernel's software timestamp.
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
        # The whole control message is the key, so that the next one needs one dictionary lookup: it
        # saves 2.5 % of the time of a datagram, compared with parsing.
        if len(self._addresses) >= MAX_DESTINATIONS:
            self._addresses.clear()
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        text = GROUP_DESTINATION if group else socket.inet_ntop(family, packed)
        if packed[0] == 0xFE and packed[1] & 0xC0 == 0x80 and family == socket.AF_INET6:
            # Link-local addresses are valid only on one interface.
            text += f"%{PKTINFO6.unpack(pktinfo)[1]}"
        self._addresses[pktinfo] = text
        return text


def sourceControl(family: int, source: str) -> list[tuple[int, int, bytes]]:
    """
    Make the control message by which C{sendmsg} sends from an address of this host.

    @param source: as in L{ReceiveInfo.destination}.
    @raise OSError: if it is no address of the family.
    """
    if family == socket.AF_INET6:
        address, _, index = source.partition("%")
        packed = PKTINFO6.pack(socket.inet_pton(socket.AF_INET6, address), int(index or 0))
        return [(socket.IPPROTO_IPV6, IPV6_PKTINFO, packed)]
    packed = PKTINFO.pack(0, socket.inet_aton(source), _UNSPECIFIED)
    return [(socket.IPPROTO_IP, IP_PKTINFO, packed)]


def tosControl(family: int, tos: int) -> list[tuple[int, int, bytes]]:
    """Make the control messages by which C{sendmsg} sets a type of service or traffic class."""
    packed = _INT.pack(tos)
    control = [(socket.IPPROTO_IP, IP_TOS, packed)]
    if family == socket.AF_INET6:
        # The IPv4 message is for datagrams to IPv4 addresses; the kernel uses the one that fits.
        control.append((socket.IPPROTO_IPV6, IPV6_TCLASS, packed))
    return control


def readTransmitTimestamp(ancillary: Ancillary) -> tuple[int, int] | None:
    """
    Read an entry of the error queue: the kernel's number of a datagram and its send time, in
    nanoseconds since 1970; L{None} if the entry is no send time.
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
