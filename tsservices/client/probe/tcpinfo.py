"""
What Linux knows of a TCP connection: its own view of the round trip.
"""

from __future__ import annotations

import socket
import struct
import sys

RTT_OFFSET = 68
"""
Where the smoothed round trip stands in C{struct tcp_info}, in microseconds.
"""

RTTVAR_OFFSET = 72
"""
The same of its mean deviation.
"""

MINIMUM_OFFSET = 148
"""
The same of the least round trip.
"""

LENGTH = 232
"""
Bytes that are asked for; older kernels give fewer.
"""


def tcpInfo(connected: socket.socket) -> dict[str, int | None]:
    """
    @param connected: a TCP socket.
    @return: the kernel's round trip, its deviation and its minimum in nanoseconds;
        L{None} for what it does not tell.
    """
    data = b""
    if sys.platform.startswith("linux"):
        try:
            data = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, LENGTH)
        except OSError:
            data = b""
    return {
        "rtt": _microseconds(data, RTT_OFFSET),
        "rttvar": _microseconds(data, RTTVAR_OFFSET),
        "min_rtt": _microseconds(data, MINIMUM_OFFSET),
    }


def _microseconds(data: bytes, offset: int) -> int | None:
    """
    @param data: a C{struct tcp_info}.
    @param offset: of a field of it.
    @return: the field in nanoseconds; L{None} if there is no such field, or no value yet.
    """
    if len(data) < offset + 4:
        return None
    (value,) = struct.unpack_from("@I", data, offset)
    return None if value in (0, 0xFFFFFFFF) else int(value) * 1000
