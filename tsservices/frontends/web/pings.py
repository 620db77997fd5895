"""
Asks all WebSockets from time to time whether their peers are there, by one timer.

A timer for each connection would cost 559 bytes of memory each.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two pings of a connection.
PING_SECONDS = 25

#: Pings in a row without an answer after which a peer is gone: some 50 to 75 seconds.
UNANSWERED = 2


class Pinged(Protocol):
    """A connection."""

    def ping(self, most: int) -> None: ...


class Pings:
    """The open connections of one listener, those of one second in a set each."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._sets: list[set[Any]] = [set() for _ in range(PING_SECONDS)]
        self._places: dict[Any, int] = {}
        self._second = 0
        self._call: IDelayedCall | None = None

    def add(self, connection: Pinged) -> None:
        # In the set that has just had its turn.
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
