"""Addresses of peers: parsing, grouping into sources, and trusted networks.  Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from tsservices.common.text import logged

#: The default port of the first service; those of the others follow.
DEFAULT_PORT = 21567

#: A port number has 16 bits.
HIGHEST_PORT = 65535

#: The networks that are trusted by default.
LOOPBACK = ("127.0.0.0/8", "::1/128")

# The prefix of IPv4 addresses on a socket bound to ::.
_MAPPED = "::ffff:"

#: The word for an empty list of trusted networks.
NO_NETWORKS = "none"


# Cached: each HTTP request parses addresses several times, mostly the same, 9 microseconds each.
@lru_cache(maxsize=1024)
def parse(host: str) -> IPv4Address | IPv6Address:
    """
    Parse an address; an IPv4 address mapped into IPv6 becomes IPv4.

    @raise ValueError: it is no address.
    """
    # On a socket bound to :: IPv4 peers have addresses like ::ffff:192.0.2.1.  Trusted networks and
    # counts for each address must not depend on that.
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def source(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    """
    Get the key of a source: an IPv4 address, or an IPv6 network of 64 bits, because one user has a
    whole one.

    @return: the version of IP, and the bits.
    """
    if isinstance(address, IPv6Address):
        return 6, int(address) >> 64
    return 4, int(address)


def isLoopback(host: str) -> bool:
    """Whether it is a loopback address."""
    try:
        return parse(host).is_loopback
    except ValueError:
        return False


class TrustedNetworks:
    """The networks whose clients are trusted."""

    def __init__(self, networks: Iterable[str] = LOOPBACK) -> None:
        """@raise ValueError: one of C{networks} is no network."""
        self._networks: list[IPv4Network | IPv6Network] = [
            ipaddress.ip_network(network) for network in networks if network != NO_NETWORKS
        ]

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def datagramPeer(host: str, port: int) -> str:
    """Format the source of a datagram; over a UNIX socket its path, if it has one."""
    if port:
        return hostPort(host, port)
    # The owner of a path may choose any characters.
    return f"unix {logged(host)}" if host else "unix"


def hostPort(host: str, port: int) -> str:
    """Format host and port: IPv6 in brackets, IPv4 mapped into IPv6 as IPv4."""
    if host.startswith(_MAPPED) and "." in host:
        host = host.removeprefix(_MAPPED)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
