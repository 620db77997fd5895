"""
Pings to all WebSockets, to detect lost peers, with one timer.

A timer for each connection would take 559 bytes of memory each.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two pings of a connection.
PING_SECONDS = 25

#: Unanswered pings in a row after which a peer counts as lost: after about 50 to 75 seconds.
UNANSWERED = 2


class Pinged(Protocol):
    """A connection."""

    def ping(self, most: int) -> None: ...


class Pings:
    """The open connections of one listener, in one set for each second of the interval."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._sets: list[set[Any]] = [set() for _ in range(PING_SECONDS)]
        self._places: dict[Any, int] = {}
        self._second = 0
        self._call: IDelayedCall | None = None

    def add(self, connection: Pinged) -> None:
        # In the set that was pinged last.
        self._places[connection] = self._second
        self._sets[self._second].add(connection)
        if self._call is None:
            self._call = self._clock.callLater(1, self._tick)

    def discard(self, connection: Pinged) -> None:
        place = self._places.pop(connection, None)
        if place is not None:
            self._sets[place].discard(connection)
        if not self._places and self._call is not None:
            self._call.cancel()
            self._call = None

    def _tick(self) -> None:
        self._second = (self._second + 1) % PING_SECONDS
        self._call = self._clock.callLater(1, self._tick)
        for connection in list(self._sets[self._second]):
            connection.ping(UNANSWERED)
