"""Tests for L{tsservices.client.probe.wires.network_errors}."""

from __future__ import annotations

import errno

import pytest

from tsservices.client.probe.wires.network_errors import (
    describeError,
    describeNetworkError,
    largestPayload,
)
from tsservices.stamp.stats.errors import ErrorReport, ErrorSource
from tsservices.stamp.stats.result import ProbeState
from tsservices.transport.timestamping.error_queue import ICMP, ICMP6, LOCAL, NetworkError

TARGET, HERE, ROUTER = "192.0.2.1", "198.51.100.7", "203.0.113.1"
TARGET6, HERE6, ROUTER6 = "2001:db8::1", "2001:db8:1::2", "2001:db8:2::3"

NO_NEIGHBOUR = "address unreachable (no answer to neighbour discovery)"

REFUSED, UNREACHABLE = ProbeState.REFUSED, ProbeState.UNREACHABLE
NO_HOST, TOO_LONG = errno.EHOSTUNREACH, errno.EMSGSIZE


@pytest.mark.parametrize(
    ("number", "kind", "offender", "text"),
    [
        (NO_HOST, (3, 1), ROUTER, f"{ROUTER} (a router): host unreachable"),
        (NO_HOST, (3, 1), HERE, "this host: host unreachable (no answer to ARP)"),
        (NO_HOST, (3, 1), "127.0.0.1", "this host: host unreachable (no answer to ARP)"),
        (NO_HOST, (3, 1), TARGET, f"{TARGET}: host unreachable"),
        (errno.ENETUNREACH, (3, 0), ROUTER, f"{ROUTER} (a router): network unreachable"),
        (NO_HOST, (3, 13), ROUTER, f"{ROUTER} (a router): administratively prohibited"),
        (NO_HOST, (11, 0), ROUTER, f"{ROUTER} (a router): time to live exceeded in transit"),
        (NO_HOST, (3, 99), ROUTER, f"{ROUTER} (a router): ICMP type 3 code 99"),
        (NO_HOST, (3, 1), None, "an unknown address (a router): host unreachable"),
        (errno.ECONNREFUSED, (3, 3), TARGET, f"{TARGET}: connection refused"),
        (errno.ECONNREFUSED, (3, 3), ROUTER, f"{ROUTER} (a router): port unreachable"),
        (errno.ENOPROTOOPT, (3, 2), TARGET, f"{TARGET}: protocol unreachable"),
    ],
)
def test_icmp(number: int, kind: tuple[int, int], offender: str | None, text: str) -> None:
    state, reason, report = describeNetworkError(
        NetworkError(number, ICMP, *kind, 0, offender), TARGET, HERE
    )
    assert f"{report.sender}: {reason}" == text
    assert state is (REFUSED if number == errno.ECONNREFUSED else UNREACHABLE)
    assert (report.icmpType, report.icmpCode, report.mtu) == (*kind, None)


@pytest.mark.parametrize(
    ("number", "kind", "offender", "text"),
    [
        (errno.EACCES, (1, 1), ROUTER6, f"{ROUTER6} (a router): administratively prohibited"),
        (
            NO_HOST,
            (1, 3),
            HERE6,
            f"this host: {NO_NEIGHBOUR}",
        ),
        (NO_HOST, (3, 0), ROUTER6, f"{ROUTER6} (a router): hop limit exceeded in transit"),
        (errno.ENETUNREACH, (1, 0), ROUTER6, f"{ROUTER6} (a router): no route to destination"),
        (errno.ECONNREFUSED, (1, 4), "2001:db8:0::1", "2001:db8:0::1: connection refused"),
    ],
)
def test_icmp6(number: int, kind: tuple[int, int], offender: str, text: str) -> None:
    _, reason, report = describeNetworkError(
        NetworkError(number, ICMP6, *kind, 0, offender), TARGET6, HERE6
    )
    assert f"{report.sender}: {reason}" == text


def test_zoneOfTarget() -> None:
    error = NetworkError(errno.ECONNREFUSED, ICMP6, 1, 4, 0, "fe80::1")
    _, _, report = describeNetworkError(error, "fe80::1%eth0", "fe80::2%eth0")
    assert report.source is ErrorSource.TARGET


@pytest.mark.parametrize(
    ("error", "target", "reason", "report"),
    [
        (
            NetworkError(TOO_LONG, ICMP, 3, 4, 1400, ROUTER),
            TARGET,
            "fragmentation needed, MTU 1400 (largest -s 1372)",
            ErrorReport(ErrorSource.ROUTER, ROUTER, 3, 4, 1400),
        ),
        (
            NetworkError(TOO_LONG, ICMP6, 2, 0, 1400, ROUTER6),
            TARGET6,
            "packet too big, MTU 1400 (largest -s 1352)",
            ErrorReport(ErrorSource.ROUTER, ROUTER6, 2, 0, 1400),
        ),
        # Old routers do not say how long a packet may be.
        (
            NetworkError(TOO_LONG, ICMP, 3, 4, 0, ROUTER),
            TARGET,
            "fragmentation needed",
            ErrorReport(ErrorSource.ROUTER, ROUTER, 3, 4),
        ),
        (
            NetworkError(TOO_LONG, LOCAL, 0, 0, 1500, None),
            TARGET,
            "message too long, MTU 1500 (largest -s 1472)",
            ErrorReport(ErrorSource.SELF, mtu=1500),
        ),
    ],
)
def test_tooLong(error: NetworkError, target: str, reason: str, report: ErrorReport) -> None:
    assert describeNetworkError(error, target, None) == (UNREACHABLE, reason, report)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ECONNREFUSED, (REFUSED, "connection refused")),
        (errno.EHOSTUNREACH, (UNREACHABLE, "no route to host")),
        (errno.EPERM, (UNREACHABLE, "operation not permitted (by a firewall of this host)")),
    ],
)
def test_describeError(number: int, expected: tuple[ProbeState, str]) -> None:
    assert describeError(number) == expected


def test_largestPayload() -> None:
    assert (largestPayload(1500, TARGET), largestPayload(1500, TARGET6)) == (1472, 1452)
    assert largestPayload(10, TARGET) == 0
