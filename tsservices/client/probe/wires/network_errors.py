"""Errors of the network in words: who reported the loss of a packet, and why."""

from __future__ import annotations

import errno
import ipaddress
import os

from tsservices.stamp.stats.errors import ErrorReport, ErrorSource
from tsservices.stamp.stats.result import ProbeState
from tsservices.transport.timestamping.error_queue import ICMP, ICMP6, LOCAL, NetworkError

#: By type and code of ICMP (RFC 792, 1122, 1812).
ICMP_TEXTS = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 5): "source route failed",
    (3, 6): "network unknown",
    (3, 7): "host unknown",
    (3, 8): "source host isolated",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 11): "network unreachable for this type of service",
    (3, 12): "host unreachable for this type of service",
    (3, 13): "administratively prohibited",
    (3, 14): "host precedence violation",
    (3, 15): "precedence cutoff",
    (11, 0): "time to live exceeded in transit",
    (11, 1): "fragment reassembly time exceeded",
    (12, 0): "parameter problem",
    (12, 1): "required option missing",
    (12, 2): "bad length",
}

#: By type and code of ICMPv6 (RFC 4443).
ICMP6_TEXTS = {
    (1, 0): "no route to destination",
    (1, 1): "administratively prohibited",
    (1, 2): "beyond the scope of the source address",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (1, 5): "source address failed the policy",
    (1, 6): "reject route to destination",
    (2, 0): "packet too big",
    (3, 0): "hop limit exceeded in transit",
    (3, 1): "fragment reassembly time exceeded",
    (4, 0): "erroneous header field",
    (4, 1): "unrecognized next header",
    (4, 2): "unrecognized option",
}

#: Messages of this host to itself: no host on the link answers for the next hop.
NO_NEIGHBOUR = {
    (ICMP, 3, 1): "no answer to ARP",
    (ICMP6, 1, 3): "no answer to neighbour discovery",
}

#: Octets before the payload of a packet, by the version of IP: headers of IP, and of UDP or ICMP.
OVERHEAD = {4: 20 + 8, 6: 40 + 8}

#: Octets of the longest payload, in fragments too.  In IPv6 the IP header is not counted.
LONGEST_PAYLOAD = {4: 65_535 - OVERHEAD[4], 6: 65_535 - 8}


def version(address: str) -> int:
    """Return the version of IP of an address."""
    return 6 if ":" in address else 4


def largestPayload(mtu: int, address: str) -> int:
    """Return the octets of payload of one packet with this MTU: the largest C{-s}."""
    return max(0, mtu - OVERHEAD[version(address)])


def describeError(code: int) -> tuple[ProbeState, str]:
    """
    Return the result of a packet, and the reason in words.

    @param code: the system's number of the error.
    """
    if code == errno.ECONNREFUSED:
        return ProbeState.REFUSED, "connection refused"
    if code == errno.EPERM:
        return ProbeState.UNREACHABLE, "operation not permitted (by a firewall of this host)"
    return ProbeState.UNREACHABLE, os.strerror(code).lower()


def describeNetworkError(
    error: NetworkError, target: str, local: str | None
) -> tuple[ProbeState, str, ErrorReport]:
    """
    Return the result of a packet, the reason in words, and the report with its source.

    @param target: the measured address.
    @param local: the source address of packets to the target, if known.
    """
    state, reason = describeError(error.number)
    if error.origin == LOCAL:
        source = ErrorSource.SELF
    else:
        source = _sourceOf(error.offender, target, local)
        texts = ICMP_TEXTS if error.origin == ICMP else ICMP6_TEXTS
        kind = error.type, error.code
        # A refusal by the target itself has the same name with every protocol.
        if state is not ProbeState.REFUSED or source is ErrorSource.ROUTER:
            reason = texts.get(kind) or f"ICMP type {error.type} code {error.code}"
        neighbour = NO_NEIGHBOUR.get((error.origin, *kind))
        if neighbour and source is ErrorSource.SELF:
            reason += f" ({neighbour})"
    mtu = error.mtu if error.number == errno.EMSGSIZE and error.mtu else None
    if mtu is not None:
        reason += f", MTU {mtu} (largest -s {largestPayload(mtu, target)})"
    isICMP = error.origin != LOCAL
    report = ErrorReport(
        source,
        None if source is ErrorSource.SELF else error.offender,
        error.type if isICMP else None,
        error.code if isICMP else None,
        mtu,
    )
    return state, reason, report


def _sourceOf(offender: str | None, target: str, local: str | None) -> ErrorSource:
    if offender is None:
        return ErrorSource.ROUTER
    found = _plain(offender)
    if found == _plain(target):
        return ErrorSource.TARGET
    isLocal = found.is_loopback or (local is not None and found == _plain(local))
    return ErrorSource.SELF if isLocal else ErrorSource.ROUTER


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    # Without the zone: the name of an interface and its number mean the same.
    return ipaddress.ip_address(address.partition("%")[0])
