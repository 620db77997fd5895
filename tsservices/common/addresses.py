"""
Addresses of peers: which are one source, and which are trusted.  Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

#: Where the first offering listens when nothing else is asked for.
DEFAULT_PORT = 21567

#: A port number is 16 bits.
HIGHEST_PORT = 65535


#: The networks that are trusted when none is named.
LOOPBACK = ("127.0.0.0/8", "::1/128")

#: The word for an empty list of trusted networks.
NOBODY = "none"


def parse(host: str) -> IPv4Address | IPv6Address:
    """
    The address; an IPv4 one that came through an IPv6 socket is IPv4.

    @raise ValueError: it is no address.
    """
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def source(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    """
    What counts as one source: an IPv4 address, or an IPv6 network of 64 bits,
    which is what one person has.
    """
    if isinstance(address, IPv6Address):
        return 6, int(address) >> 64
    return 4, int(address)


class TrustedNetworks:
    """The networks whose people are trusted."""

    def __init__(self, networks: Iterable[str] = LOOPBACK) -> None:
        """@raise ValueError: one of them is no network."""
        self._networks: list[IPv4Network | IPv6Network] = [
            ipaddress.ip_network(each) for each in networks if each != NOBODY
        ]

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether it is in one of the networks."""
        return any(address in network for network in self._networks)


def hostPort(host: str, port: int) -> str:
    """Both, as one writes them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
