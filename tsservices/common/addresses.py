"""Addresses of peers: which are one source, and which are trusted.  Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from tsservices.common.text import logged

#: The port of the first service, when the operator names none; the others follow.
DEFAULT_PORT = 21567

#: A port number has 16 bits.
HIGHEST_PORT = 65535

#: The networks that are trusted when the operator names none.
LOOPBACK = ("127.0.0.0/8", "::1/128")

# How a socket bound to :: names an IPv4 peer.
_MAPPED = "::ffff:"

#: The word for an empty list of trusted networks.
NO_NETWORKS = "none"


# Some times for each request of HTTP, mostly of the same addresses: 9 microseconds each.
@lru_cache(maxsize=1024)
def parse(host: str) -> IPv4Address | IPv6Address:
    """
    An address of its text; an IPv4 one that came through an IPv6 socket is IPv4.

    @raise ValueError: it is no address.
    """
    # A socket bound to :: names IPv4 peers ::ffff:192.0.2.1; neither the networks an operator
    # trusts nor the counts for each address may depend on that.
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def source(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    """
    What counts as one source: an IPv4 address, or an IPv6 network of 64 bits, since one person has
    a whole one.

    @return: the version of IP, and the bits.
    """
    if isinstance(address, IPv6Address):
        return 6, int(address) >> 64
    return 4, int(address)


def isLoopback(host: str) -> bool:
    """Whether it is an address of this machine alone."""
    try:
        return parse(host).is_loopback
    except ValueError:
        return False


class TrustedNetworks:
    """The networks whose clients are trusted."""

    def __init__(self, networks: Iterable[str] = LOOPBACK) -> None:
        """@raise ValueError: one of them is no network."""
        self._networks: list[IPv4Network | IPv6Network] = [
            ipaddress.ip_network(network) for network in networks if network != NO_NETWORKS
        ]

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def datagramPeer(host: str, port: int) -> str:
    """The source of a datagram as one writes it; over a UNIX socket its path, if it has one."""
    if port:
        return hostPort(host, port)
    # A path is what its owner likes.
    return f"unix {logged(host)}" if host else "unix"


def hostPort(host: str, port: int) -> str:
    """Host and port as one writes them: IPv6 in brackets, IPv4 that came through IPv6 as IPv4."""
    if host.startswith(_MAPPED) and "." in host:
        host = host.removeprefix(_MAPPED)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
