"""From the name of a server to the addresses its datagrams go to."""

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
    Find the addresses of a server, in the order in which they are tried.

    @raise ClientError: the name is unknown.
    """
    if isIPAddress(host) or isIPv6Address(host):
        # Nothing answers from the unspecified address: a server that is
        # opened on it is reached, and answers, through the loopback one.
        if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
        return [(host, port)]
    addresses: list[IAddress] = []
    complete: Deferred[None] = Deferred()

    @implementer(IResolutionReceiver)
    class Receiver:
        def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
            pass

        def addressResolved(self, address: IAddress) -> None:
            addresses.append(address)

        def resolutionComplete(self) -> None:
            complete.callback(None)

    # What IDNA has no form for is no name: nobody need be asked.
    try:
        host.encode("idna")
    except UnicodeError:
        pass
    else:
        resolver.resolveHostName(Receiver(), host, port, [IPv4Address, IPv6Address], "UDP")
        await complete
    if not addresses:
        raise ClientError(f"cannot reach {place(host, port)}: the host name is unknown")
    return _inOrder(addresses)


def _inOrder(addresses: Iterable[IAddress]) -> list[tuple[str, int]]:
    ipv4 = [
        (candidate.host, candidate.port)
        for candidate in addresses
        if isinstance(candidate, IPv4Address)
    ]
    ipv6 = [
        (candidate.host, candidate.port)
        for candidate in addresses
        if isinstance(candidate, IPv6Address)
    ]
    return ipv4 + ipv6
