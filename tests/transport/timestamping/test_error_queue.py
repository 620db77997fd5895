"""Tests for L{tsservices.transport.timestamping.error_queue}."""

from __future__ import annotations

import errno
import socket
import struct

import pytest

from tsservices.transport.timestamping.cmsg import IP_RECVERR, IP_TTL, IPV6_RECVERR
from tsservices.transport.timestamping.error_queue import (
    ICMP,
    ICMP6,
    LOCAL,
    NetworkError,
    readNetworkError,
)

NOBODY = bytes(16)
V4 = struct.pack("@HH", socket.AF_INET, 0) + socket.inet_aton("192.0.2.1") + bytes(8)
V6 = (
    struct.pack("@HHI", socket.AF_INET6, 0, 0)
    + socket.inet_pton(socket.AF_INET6, "fe80::1")
    + struct.pack("@I", 2)
)

#: Levels and types of the control messages.
RECVERR, RECVERR6 = (socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)


def entry(number: int, origin: int, kind: int, code: int, info: int, offender: bytes) -> bytes:
    return struct.pack("@IBBBBII", number, origin, kind, code, 0, info, 0) + offender


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (
            RECVERR,
            entry(errno.EHOSTUNREACH, 2, 3, 1, 0, V4),
            NetworkError(errno.EHOSTUNREACH, ICMP, 3, 1, 0, "192.0.2.1"),
        ),
        (
            RECVERR,
            entry(errno.EMSGSIZE, 2, 3, 4, 1400, V4),
            NetworkError(errno.EMSGSIZE, ICMP, 3, 4, 1400, "192.0.2.1"),
        ),
        (
            RECVERR6,
            entry(errno.EHOSTUNREACH, 3, 3, 0, 0, V6),
            NetworkError(errno.EHOSTUNREACH, ICMP6, 3, 0, 0, "fe80::1"),
        ),
        (
            RECVERR,
            entry(errno.EMSGSIZE, 1, 0, 0, 1500, NOBODY),
            NetworkError(errno.EMSGSIZE, LOCAL, 0, 0, 1500, None),
        ),
        (
            RECVERR6,
            entry(errno.EHOSTUNREACH, 3, 3, 0, 0, V6[:10]),
            NetworkError(errno.EHOSTUNREACH, ICMP6, 3, 0, 0, None),
        ),
        (
            RECVERR,
            entry(errno.EHOSTUNREACH, 2, 3, 1, 0, b""),
            NetworkError(errno.EHOSTUNREACH, ICMP, 3, 1, 0, None),
        ),
        # A redirect and a source quench: the packet goes on.
        (RECVERR, entry(errno.EREMOTEIO, 2, 5, 1, 0, V4), None),
        (RECVERR, entry(errno.EREMOTEIO, 2, 4, 0, 0, V4), None),
        (RECVERR6, entry(errno.EREMOTEIO, 3, 137, 0, 0, V6), None),
        # The time of a sent datagram; no error; another control message.
        (RECVERR, entry(errno.ENOMSG, 4, 0, 0, 0, NOBODY), None),
        (RECVERR, entry(0, 2, 0, 0, 0, NOBODY), None),
        ((socket.IPPROTO_IP, IP_TTL), entry(errno.EHOSTUNREACH, 2, 3, 1, 0, V4), None),
    ],
)
def test_entries(kind: tuple[int, int], value: bytes, expected: NetworkError | None) -> None:
    assert readNetworkError([(socket.SOL_SOCKET, 37, bytes(48)), (*kind, value)]) == expected
