"""
Who sends datagrams: what their addresses say about them.  Pure.

Both kinds of services that answer datagrams, the text ones and STAMP, ask this of each datagram.
How often a source may ask is theirs.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Set
from dataclasses import dataclass
from ipaddress import IPv4Address

from tsservices.common import addresses
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.bounded import BoundedDict
from tsservices.common.ratelimit import PEERS_REMEMBERED, TokenBucket

#: An IP address or network, see L{addresses.source}; or 0 and the path of a UNIX socket.
SourceKey = tuple[int, int | str]

#: The one broadcast address that is known without knowing the networks.
BROADCAST = IPv4Address("255.255.255.255")


@dataclass(slots=True)
class Source:
    """An address that sends datagrams."""

    #: An honest client may have it.
    usable: bool
    #: Whether it is in a trusted network.
    trusted: bool
    #: What counts as one source.
    key: SourceKey
    #: What it may still send, if the user of the table keeps that here.
    bucket: TokenBucket | None = None


class SourceTable(BoundedDict[str, Source]):
    """
    The sources by the host as the socket names it: parsing an address takes longer than all the
    other guards together.  To be asked as C{table.get(host) or table.meet(host)}.
    """

    __slots__ = ("_trust",)

    def __init__(self, trust: TrustedNetworks, maximum: int = PEERS_REMEMBERED) -> None:
        super().__init__(maximum)
        self._trust = trust

    def meet(self, host: str) -> Source:
        """Add a host that is not there; what is no address is not kept."""
        try:
            address = addresses.parse(host)
        except ValueError:
            return Source(usable=False, trusted=False, key=(0, 0))
        usable = not (address.is_multicast or address.is_unspecified or address == BROADCAST)
        return self.put(host, Source(usable, address in self._trust, addresses.source(address)))


class PathTable(SourceTable):
    """The sources that are UNIX sockets, by their paths; "" is one that has bound none."""

    __slots__ = ("_closed", "_trusting")

    def __init__(self, trusting: bool, closed: Set[str], maximum: int = PEERS_REMEMBERED) -> None:
        """
        @param trusting: whether they are trusted: whoever may open the socket is on this machine.
        @param closed: paths of this server, from which nothing is answered.
        """
        super().__init__(TrustedNetworks(()), maximum)
        self._trusting = trusting
        self._closed = closed

    def meet(self, host: str) -> Source:
        # A path that does not begin at the root begins at the folder of whoever has bound it: from
        # here it names another file, or none.
        usable = host.startswith(("/", "\0")) and host not in self._closed
        return self.put(host, Source(usable, self._trusting, (0, host)))


#: What a socket takes as an address: host and port; of IPv6 also flow information and scope.
Sockaddr = tuple[str, int] | tuple[str, int, int, int]


def readSockaddr(raw: bytes) -> Sockaddr:
    """
    An address as a socket gives and takes it, from the kernel's bytes.

    @param raw: of IPv4 the first 8 bytes of C{struct sockaddr_in}, of IPv6 all of C{sockaddr_in6}.
    """
    port = int.from_bytes(raw[2:4], "big")
    if len(raw) == 8:
        return socket.inet_ntop(socket.AF_INET, raw[4:]), port
    flow, scope = int.from_bytes(raw[4:8], "big"), int.from_bytes(raw[24:], sys.byteorder)
    return socket.inet_ntop(socket.AF_INET6, raw[8:24]), port, flow, scope


class SockaddrTable(BoundedDict[bytes, Sockaddr]):
    """What L{readSockaddr} gives; to be asked as C{table.get(raw) or table.meet(raw)}."""

    __slots__ = ()

    def meet(self, raw: bytes) -> Sockaddr:
        """Add an address that is not there."""
        return self.put(raw, readSockaddr(raw))
