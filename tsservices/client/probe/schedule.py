"""
When packets are sent: at t0 + i * interval, whatever the way there was like.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: In a second.
NANOSECONDS = 1_000_000_000

#: Nanoseconds before a packet's turn at which a precise schedule is awake: the reactor's timer is
#: late by up to a millisecond, as epoll counts in these.
WAKE_EARLY = 1_500_000

#: Nanoseconds of delay that are made up for by sending at once. Later than that, and with the next
#: packet's turn come too, a turn is skipped: a burst would measure itself.
MAXIMUM_CATCH_UP = 20_000_000


class Schedule:
    """Calls something at fixed times of the monotonic clock."""

    def __init__(
        self,
        clock: IReactorTime,
        monotonic: Callable[[], int],
        interval: int,
        send: Callable[[int, int], bool],
        precise: bool = False,
    ) -> None:
        """
        @param monotonic: gives the time in nanoseconds.
        @param interval: nanoseconds between two calls.
        @param send: is called with the nanoseconds since its turn and the number of
            turns skipped before it; gives whether to go on.
        """
        self._clock = clock
        self._monotonic = monotonic
        self._interval = interval
        self._send = send
        self._wakeEarly = WAKE_EARLY if precise else 0
        self._due = 0
        self._timer: IDelayedCall | None = None
        self._running = False

    def start(self, first: int) -> None:
        """@param first: the time of the first call, by the monotonic clock."""
        self._due = first
        self._running = True
        self._wait(self._monotonic())

    def stop(self) -> None:
        """Call nothing any more.  Doing it twice does no harm."""
        self._running = False
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _wait(self, now: int) -> None:
        delay = max(0, self._due - self._wakeEarly - now)
        self._timer = self._clock.callLater(delay / NANOSECONDS, self._onTimer)

    def _onTimer(self) -> None:
        """Call for every turn that has come, and sleep again."""
        self._timer = None
        now = self._monotonic()
        while self._running and self._due - now <= self._wakeEarly:
            while now < self._due:
                now = self._monotonic()
            skipped = 0
            if now - self._due > MAXIMUM_CATCH_UP:
                skipped = max(0, (now - self._due) // self._interval)
                self._due += skipped * self._interval
            lateness = now - self._due
            self._due += self._interval
            if not self._send(lateness, skipped):
                self.stop()
            # Turns that come soon wait for the reactor: replies are read between them.
            now = self._monotonic()
            if self._due > now:
                break
        if self._running:
            self._wait(now)
