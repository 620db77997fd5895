"""Host name look-ups, and checks of address zones."""

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

#: The number of names that are looked up at the same time.
LOOKUPS = 16


class _Detached(Thread):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, daemon=True, **named)


class _DetachedPool(ThreadPool):
    threadFactory = _Detached


def detachLookups(reactor: Any) -> None:
    """
    Make the reactor look names up in daemon threads, which do not delay the end of the program.

    A look-up at an unreachable name server blocks its thread for seconds, even after Ctrl-C.
    """
    pool = _DetachedPool(0, LOOKUPS, "names")
    pool.start()
    reactor.installNameResolver(threadedResolver(reactor, pool))


def checkZone(host: str) -> None:
    """
    Check that a link-local address, and no other, has a zone with an existing interface.

    @raise ClientError: the zone is missing, not allowed, or not an interface.
    """
    bare, _, zone = host.partition("%")
    if not isIPv6Address(bare):
        return
    if not ipaddress.IPv6Address(bare).is_link_local:
        if zone:
            raise ClientError(f"{host}: only link-local addresses (fe80::...) are on an interface")
    elif not zone:
        names = [name for _, name in socket.if_nameindex()]
        # The loopback interface has no link-local addresses.
        example = next((name for name in names if name != "lo"), "eth0")
        raise ClientError(f"{host} is link-local: add the interface, like {host}%{example}")
    elif not any(zone in (name, str(number)) for number, name in socket.if_nameindex()):
        raise ClientError(f"{host}: there is no interface {zone}")


async def resolve(resolver: IHostnameResolver, host: str, port: int) -> list[tuple[str, int]]:
    """
    Find the addresses of a server, in the order in which they are tried.

    @raise ClientError: the name is unknown, or the zone of the address is missing or wrong.
    """
    checkZone(host)
    if isIPAddress(host) or isIPv6Address(host):
        # No answer comes from the unspecified address: a server that listens on it answers from
        # the loopback address.
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

    # A name that IDNA can't encode does not exist, so no look-up is needed.
    try:
        host.encode("idna")
    except UnicodeError:
        pass
    else:
        resolver.resolveHostName(Receiver(), host, port, [IPv4Address, IPv6Address], "UDP")
        await complete
    if not addresses:
        # Pings have no port.
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
