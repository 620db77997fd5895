"""
Timers of many hosts that use one timer of the reactor.

The reactor's own timers cost more: each is an object whose place in the heap is found by
comparisons in Python, 20 for each packet with 1,000 hosts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Timer(Protocol):
    """A future call."""

    def active(self) -> bool:
        """Return whether the call is still pending."""

    def cancel(self) -> None:
        """Cancel the call."""


class Timers(Protocol):
    """The part of a reactor, or of a L{TimerQueue}, that hosts need."""

    def callLater(self, seconds: float, function: Callable[[], object], /) -> Timer:
        pass


class QueuedCall:
    """A L{Timer} of a L{TimerQueue}."""

    __slots__ = ("_canceled", "_function")

    def __init__(self, function: Callable[[], object], canceled: Callable[[], None]) -> None:
        """@param canceled: is called when the timer is canceled."""
        self._function: Callable[[], object] | None = function
        self._canceled = canceled

    def active(self) -> bool:
        return self._function is not None

    def cancel(self) -> None:
        if self._function is not None:
            self._function = None
            self._canceled()

    def fire(self) -> None:
        function, self._function = self._function, None
        if function is not None:
            function()


class TimerQueue:
    """Timers in the order of their times, and of their creation."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, QueuedCall]] = []
        self._numbers = count()
        self._call: IDelayedCall | None = None
        self._callTime = 0.0

    def callLater(self, seconds: float, function: Callable[[], object], /) -> QueuedCall:
        """@param seconds: not negative; with 0 the call comes in the reactor's next turn."""
        now = self._clock.seconds()
        timer = QueuedCall(function, self._dropCanceled)
        heappush(self._heap, (now + seconds, next(self._numbers), timer))
        self._arm(now)
        return timer

    def _arm(self, now: float) -> None:
        time = self._heap[0][0]
        if self._call is not None:
            if self._callTime <= time:
                return
            self._call.cancel()
        self._callTime = time
        self._call = self._clock.callLater(max(0.0, time - now), self._fire)

    def _dropCanceled(self) -> None:
        heap = self._heap
        while heap and not heap[0][2].active():
            heappop(heap)
        if not heap and self._call is not None and self._call.active():
            self._call.cancel()
            self._call = None

    def _fire(self) -> None:
        now = self._clock.seconds()
        heap = self._heap
        # All are removed before the first is called, since a function may add a timer of 0 seconds.
        due: deque[QueuedCall] = deque()
        while heap and heap[0][0] <= now:
            due.append(heappop(heap)[2])
        # Prevents that a called function arms the timer.
        self._callTime = now
        try:
            while due:
                due.popleft().fire()
        finally:
            # The reactor reports an exception of one function; the others are still called.
            for timer in due:
                heappush(heap, (now, next(self._numbers), timer))
            self._call = None
            self._dropCanceled()
            if heap:
                self._arm(self._clock.seconds())
