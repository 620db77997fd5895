"""
The sources of datagrams, classified by their addresses.  Pure.

The text services and STAMP use this for each datagram, and have their own rate limits.
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

#: The only broadcast address that does not depend on the network.
BROADCAST = IPv4Address("255.255.255.255")


@dataclass(slots=True)
class Source:
    """A source of datagrams."""

    #: Whether an honest client can have the address.
    usable: bool
    #: Whether the address is in a trusted network.
    trusted: bool
    #: The key for rate limits: addresses with the same key count as one source.
    key: SourceKey
    #: The rate limit of the source, if the user of the table stores it here.
    bucket: TokenBucket | None = None


class SourceTable(BoundedDict[str, Source]):
    """
    A cache of sources by host, because parsing an address takes longer than all other checks
    together.  Use it as C{table.get(host) or table.add(host)}.
    """

    __slots__ = ("_trust",)

    def __init__(self, trust: TrustedNetworks, maximum: int = PEERS_REMEMBERED) -> None:
        super().__init__(maximum)
        self._trust = trust

    def add(self, host: str) -> Source:
        """Add a host that is not in the table; a host that is no address is not stored."""
        try:
            address = addresses.parse(host)
        except ValueError:
            return Source(usable=False, trusted=False, key=(0, 0))
        usable = not (address.is_multicast or address.is_unspecified or address == BROADCAST)
        return self.put(host, Source(usable, address in self._trust, addresses.source(address)))


class PathTable(SourceTable):
    """The sources that are UNIX sockets, by their paths; "" is a socket without a path."""

    __slots__ = ("_closed", "_trusting")

    def __init__(self, trusting: bool, closed: Set[str], maximum: int = PEERS_REMEMBERED) -> None:
        """
        @param trusting: whether all sources are trusted: they are all on this machine.
        @param closed: paths of this server, to which no answer is sent.
        """
        super().__init__(TrustedNetworks(()), maximum)
        self._trusting = trusting
        self._closed = closed

    def add(self, host: str) -> Source:
        # A relative path is relative to the folder of the process that has bound it: for this
        # process it is another file, or none.
        usable = host.startswith(("/", "\0")) and host not in self._closed
        return self.put(host, Source(usable, self._trusting, (0, host)))


#: An address of a socket: host and port; for IPv6 also flow information and scope.
Sockaddr = tuple[str, int] | tuple[str, int, int, int]


def readSockaddr(raw: bytes) -> Sockaddr:
    """
    Parse the kernel's bytes of an address into the form of Python's sockets.

    @param raw: for IPv4 the first 8 bytes of C{sockaddr_in}, for IPv6 the whole C{sockaddr_in6}.
    """
    port = int.from_bytes(raw[2:4], "big")
    if len(raw) == 8:
        return socket.inet_ntop(socket.AF_INET, raw[4:]), port
    flow, scope = int.from_bytes(raw[4:8], "big"), int.from_bytes(raw[24:], sys.byteorder)
    return socket.inet_ntop(socket.AF_INET6, raw[8:24]), port, flow, scope


class SockaddrTable(BoundedDict[bytes, Sockaddr]):
    """A cache of L{readSockaddr}.  Use it as C{table.get(raw) or table.add(raw)}."""

    __slots__ = ()

    def add(self, raw: bytes) -> Sockaddr:
        """Add an address that is not in the table."""
        return self.put(raw, readSockaddr(raw))
