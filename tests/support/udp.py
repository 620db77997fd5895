"""
A datagram transport in memory, and a kernel that takes the times of datagrams.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from tsservices.server.registry import BY_NAME
from tsservices.transport.context import ServiceContext
from tsservices.transport.timestamping import cmsg

#: Seconds until the kernel must have begun to take times.
STAMPS_LIMIT = 5.0


class FakeDatagramTransport:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.written: list[tuple[bytes, tuple[str, int]]] = []
        self.error: Exception | None = None

    def write(self, data: bytes, address: tuple[str, int]) -> None:
        if self.error is not None:
            raise self.error
        self.written.append((data, address))


def startKernelStamps() -> socket.socket:
    """
    A socket for which the kernel takes receive times already.

    It begins milliseconds after the first socket on the machine asks, and stops after the last one
    is closed.  So a test that needs these times keeps this socket open.
    """
    keeper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    keeper.bind(("127.0.0.1", 0))
    keeper.settimeout(STAMPS_LIMIT)
    # Not SO_TIMESTAMPNS, for which the kernel fills in the time of the read.
    cmsg.enableTransmitTimestamps(keeper)
    reader = cmsg.ControlMessageReader(None)
    deadline = time.monotonic() + STAMPS_LIMIT
    while time.monotonic() < deadline:
        keeper.sendto(b"x", keeper.getsockname())
        _, control, _, _ = keeper.recvmsg(1, cmsg.CONTROL_BYTES)
        if reader.read(control)[0]:
            return keeper
        os.sched_yield()
    keeper.close()
    raise AssertionError("the kernel takes no receive times")


def serve(name: str, environment: ServiceContext) -> tuple[Any, FakeDatagramTransport]:
    offering = BY_NAME[name]
    assert offering.datagram is not None
    counters = offering.counters()
    protocol = offering.datagram(environment, counters, offering.guard(environment, counters))
    transport = FakeDatagramTransport()
    protocol.makeConnection(transport)  # type: ignore[arg-type]
    return protocol, transport
