"""
Pings to all connections of a listener, with one timer.

A timer for each connection would take 559 bytes of memory each.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Pinged(Protocol):
    """A connection."""

    def ping(self) -> None: ...


class Pings:
    """The open connections of one listener, in one set for each second of the interval."""

    def __init__(self, clock: IReactorTime, seconds: int) -> None:
        """@param seconds: between two pings of a connection."""
        self._clock = clock
        self._sets: list[set[Any]] = [set() for _ in range(seconds)]
        self._count = 0
        self._second = 0
        self._call: IDelayedCall | None = None

    @property
    def running(self) -> bool:
        """Whether the timer runs: it does while there are connections."""
        return self._call is not None

    def add(self, connection: Pinged) -> None:
        # In the set that was pinged last.
        self._sets[self._second].add(connection)
        self._count += 1
        if self._call is None:
            self._call = self._clock.callLater(1, self._tick)

    def discard(self, connection: Pinged) -> None:
        # In a few microseconds; a table of their places would take 100 bytes for each connection.
        for connections in self._sets:
            if connection in connections:
                connections.remove(connection)
                self._count -= 1
                break
        if not self._count and self._call is not None:
            self._call.cancel()
            self._call = None

    def _tick(self) -> None:
        self._second = (self._second + 1) % len(self._sets)
        self._call = self._clock.callLater(1, self._tick)
        for connection in list(self._sets[self._second]):
            connection.ping()
