"""From the name of a server to the addresses its datagrams go to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from threading import Thread
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from tsservices.client.connection import ClientError, place
from tsservices.transport.twisted_internals import threadedResolver

#: Names that are looked up at once.
LOOKUPS = 16


class _Detached(Thread):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, daemon=True, **named)


class _DetachedPool(ThreadPool):
    threadFactory = _Detached


def detachLookups(reactor: Any) -> None:
    """
    Let the reactor look names up in threads that the end of the program does not wait for.

    A name server that is gone keeps a thread for seconds, Ctrl-C or not.
    """
    pool = _DetachedPool(0, LOOKUPS, "names")
    pool.start()
    reactor.installNameResolver(threadedResolver(reactor, pool))


def checkZone(host: str) -> None:
    """
    Of a link-local address, look whether it says which interface it is on.

    @raise ClientError: it does not, or there is no such interface.
    """
    bare, _, zone = host.partition("%")
    if not isIPv6Address(bare):
        return
    if not ipaddress.IPv6Address(bare).is_link_local:
        if zone:
            raise ClientError(f"{host}: only link-local addresses (fe80::...) are on an interface")
    elif not zone:
        names = [name for _, name in socket.if_nameindex()]
        # The loopback has none.
        example = next((name for name in names if name != "lo"), "eth0")
        raise ClientError(f"{host} is link-local: add the interface, like {host}%{example}")
    elif not any(zone in (name, str(number)) for number, name in socket.if_nameindex()):
        raise ClientError(f"{host}: there is no interface {zone}")


async def resolve(resolver: IHostnameResolver, host: str, port: int) -> list[tuple[str, int]]:
    """
    Find the addresses of a server, in the order in which they are tried.

    @raise ClientError: the name is unknown, or the address has no zone or a wrong one.
    """
    checkZone(host)
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
        # Echo requests go to no port.
        server = place(host, port) if port else host
        raise ClientError(f"cannot reach {server}: the host name is unknown")
    return _inOrder(addresses)


def _inOrder(addresses: Iterable[IAddress]) -> list[tuple[str, int]]:
    ipv4 = [
        (candidate.host, candidate.port)
        for candidate in addresses
        if isinstance(candidate, IPv4Address)
    ]
    ipv6 = [
        (_withZone(candidate), candidate.port)
        for candidate in addresses
        if isinstance(candidate, IPv6Address)
    ]
    return ipv4 + ipv6


def _withZone(address: IPv6Address) -> str:
    return f"{address.host}%{address.scopeID}" if address.scopeID else address.host
