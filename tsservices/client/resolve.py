"""
From the name of a server to the addresses its datagrams go to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from zope.interface import implementer

from tsservices.client.connection import ClientError, place


async def resolve(resolver: IHostnameResolver, host: str, port: int) -> list[tuple[str, int]]:
    """
    Find the addresses of a server.

    @raise ClientError: when the name is unknown.
    """
    if isIPAddress(host) or isIPv6Address(host):
        # Nothing answers from the unspecified address: a server that is
        # opened on it is reached, and answers, through the loopback one.
        if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
        return [(host, port)]
    found: list[IAddress] = []
    complete: Deferred[None] = Deferred()

    @implementer(IResolutionReceiver)
    class Receiver:
        """Collects the addresses."""

        def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
            """Nothing has been found yet."""

        def addressResolved(self, address: IAddress) -> None:
            """Keep an address."""
            found.append(address)

        def resolutionComplete(self) -> None:
            """There are no more."""
            complete.callback(None)

    try:
        host.encode("idna")
    except UnicodeError:
        pass
    else:
        resolver.resolveHostName(Receiver(), host, port, [IPv4Address, IPv6Address], "UDP")
        await complete
    if not found:
        raise ClientError(f"cannot reach {place(host, port)}: the host name is unknown")
    return _inOrder(found)


def _inOrder(found: Iterable[IAddress]) -> list[tuple[str, int]]:
    """Put addresses in the order in which they are tried."""
    ipv4 = [(one.host, one.port) for one in found if isinstance(one, IPv4Address)]
    ipv6 = [(one.host, one.port) for one in found if isinstance(one, IPv6Address)]
    return ipv4 + ipv6
