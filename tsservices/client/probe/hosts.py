"""
The hosts of a run: from the command line, from files, and all of a network.  Pure.

Each host has the place where it was given, for messages; empty for the command line.
"""

from __future__ import annotations

import ipaddress
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tsservices.client.argtypes import hostName
from tsservices.common.text import BYTE_ORDER_MARK, plural

#: Hosts of one run.  Each takes a descriptor, and about 20 kB of memory.
MAXIMUM_HOSTS = 65_536

#: Octets of a list of hosts: enough for that many of the longest names.
MAXIMUM_FILE = 16_000_000

#: Repeated hosts that a message names; it counts the others.
NAMED_REPEATS = 3

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class HostListError(ValueError):
    """An invalid host or list of hosts; the text says which and why."""


class Host(NamedTuple):
    """A host as the user wrote it, and where."""

    name: str
    place: str = ""


def readHost(text: str, place: str = "") -> Host:
    """@raise HostListError: the text is no name and no address."""
    where = f"{place}: " if place else ""
    try:
        name = hostName(text)
    except ArgumentTypeError as error:
        raise HostListError(f"{where}{error}") from None
    if "/" in name:
        raise HostListError(f"{where}{text!r} is a network, which needs -g")
    return Host(name, place)


def listedHosts(content: bytes, file: str) -> list[Host]:
    """
    Return the hosts of a file: one in each line, with any line ending; C{#} begins a comment.

    @param file: its name, for messages.
    @raise HostListError: a line is no host; the text has its number.
    """
    if len(content) > MAXIMUM_FILE:
        raise HostListError(f"{file} is longer than {MAXIMUM_FILE} bytes: it is no list of hosts")
    hosts = []
    for number, line in enumerate(content.removeprefix(BYTE_ORDER_MARK.encode()).splitlines(), 1):
        place = f"{file}:{number}"
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise HostListError(f"{place}: this is no UTF-8") from None
        text = text.partition("#")[0].strip()
        if text:
            hosts.append(readHost(text, place))
    if not hosts:
        raise HostListError(f"{file} names no host")
    return hosts


def generatedHosts(texts: Sequence[str]) -> Iterator[Host]:
    """
    Return the hosts of networks, C{ADDRESS/LENGTH}, or those from one address to another.

    A network's own address and its broadcast address are left out.

    @raise HostListError: the texts are neither of these, or mean too many hosts.
    """
    if len(texts) == 2 and not any("/" in text for text in texts):
        return _between(_address(texts[0]), _address(texts[1]))
    return (Host(str(address)) for network in map(_network, texts) for address in network.hosts())


def _between(start: _Address, end: _Address) -> Iterator[Host]:
    if start.version != end.version:
        raise HostListError(f"-g: {start} and {end} are of two families")
    count = int(end) - int(start) + 1
    if count <= 0:
        raise HostListError(f"-g: {start} is behind {end}")
    _checkCount(f"-g: from {start} to {end} there are", count)
    return (Host(str(start + number)) for number in range(count))


def _address(text: str) -> _Address:
    try:
        address = ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise HostListError(
            f"-g: {text!r} is no address: give networks like 192.0.2.0/24, or two addresses"
        ) from None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        raise HostListError(f"-g: {text!r} has a zone, which no network has")
    return address


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    if "/" not in text:
        _address(text)
        raise HostListError(f"-g: {text} alone is no network: give it a length, or two addresses")
    try:
        if "%" in text:
            raise ValueError("a zone")
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise HostListError(f"-g: {text!r} is no network like 192.0.2.0/24") from None
    _checkCount(f"-g: {text} has", network.num_addresses)
    return network


def _checkCount(found: str, count: int) -> None:
    if count > MAXIMUM_HOSTS:
        raise HostListError(f"{found} {count} addresses; a run measures at most {MAXIMUM_HOSTS}")


def distinctHosts(hosts: Iterable[Host]) -> tuple[list[str], list[Host]]:
    """
    Return each host once, in order, and the repeated hosts.

    Statistics are identified by the name of their host.  Two forms of one address are one host, and
    so are names that differ only in upper and lower case.  Two names are two hosts, even if they
    have the same address.

    @raise HostListError: there are too many.
    """
    names: dict[str, str] = {}
    repeated = []
    for host in hosts:
        key = _key(host.name)
        if key in names:
            repeated.append(host)
        else:
            names[key] = host.name
            if len(names) > MAXIMUM_HOSTS:
                raise HostListError(f"a run measures at most {MAXIMUM_HOSTS} hosts")
    return list(names.values()), repeated


def _key(name: str) -> str:
    try:
        return ipaddress.ip_address(name).compressed
    except ValueError:
        return name.casefold()


def repeatsNotice(repeated: Sequence[Host]) -> str:
    """Return the notice for hosts that were given more than once."""
    named = [host.name + f" ({host.place})" * bool(host.place) for host in repeated[:NAMED_REPEATS]]
    if len(repeated) > NAMED_REPEATS:
        named.append(f"{plural(len(repeated) - NAMED_REPEATS, 'other')}")
    return f"given again, and measured once: {', '.join(named)}"
