"""The times of packets: t0 + i * interval by the monotonic clock, without drift."""

from __future__ import annotations

from collections.abc import Callable

from tsservices.client.probe.timers import Timer, Timers

#: Nanoseconds in a second.
NANOSECONDS = 1_000_000_000

#: Nanoseconds before a packet's scheduled time at which a precise schedule wakes up: the reactor's
#: timer is late by up to a millisecond, the unit of epoll.
WAKE_EARLY = 1_500_000

#: Nanoseconds by which a packet may be late and is still sent at once.  If it is later, and the
#: next packet is due too, it is skipped: a burst would disturb its own measurement.
MAXIMUM_CATCH_UP = 20_000_000


class Schedule:
    """A schedule that calls a function at fixed times of the monotonic clock."""

    def __init__(
        self,
        timers: Timers,
        monotonic: Callable[[], int],
        interval: int,
        send: Callable[[int, int], bool],
        precise: bool = False,
    ) -> None:
        """
        @param monotonic: returns the time in nanoseconds.
        @param interval: nanoseconds between two calls.
        @param send: is called with the nanoseconds since its scheduled time and the number of
            calls skipped before it; returns whether to go on.
        """
        self._timers = timers
        self._monotonic = monotonic
        self._interval = interval
        self._send = send
        self._wakeEarly = WAKE_EARLY if precise else 0
        self._due = 0
        self._timer: Timer | None = None
        self._running = False

    def start(self, first: int) -> None:
        """@param first: the time of the first call, by the monotonic clock."""
        self._due = first
        self._running = True
        self._wait(self._monotonic())

    def stop(self) -> None:
        """Stop; may be called twice."""
        self._running = False
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _wait(self, now: int) -> None:
        delay = max(0, self._due - self._wakeEarly - now)
        self._timer = self._timers.callLater(delay / NANOSECONDS, self._onTimer)

    def _onTimer(self) -> None:
        self._timer = None
        now = self._monotonic()
        while self._running and self._due - now <= self._wakeEarly:
            # This spins, for less than WAKE_EARLY, and only if the schedule is precise.
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
            # Even if the next call is due soon, the reactor first reads the replies.
            now = self._monotonic()
            if self._due > now:
                break
        if self._running:
            self._wait(now)
