"""
A datagram transport in memory.
"""

from __future__ import annotations

from typing import Any

from tsservices.server.registry import BY_NAME
from tsservices.transport.context import ServiceContext


class FakeDatagramTransport:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.written: list[tuple[bytes, tuple[str, int]]] = []
        self.error: Exception | None = None

    def write(self, data: bytes, address: tuple[str, int]) -> None:
        if self.error is not None:
            raise self.error
        self.written.append((data, address))


def serve(name: str, environment: ServiceContext) -> tuple[Any, FakeDatagramTransport]:
    offering = BY_NAME[name]
    assert offering.datagram is not None
    counters = offering.counters()
    protocol = offering.datagram(environment, counters, offering.guard(environment, counters))
    transport = FakeDatagramTransport()
    protocol.makeConnection(transport)  # type: ignore[arg-type]
    return protocol, transport
