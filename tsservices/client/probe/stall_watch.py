"""
Detection of times in which this program did not run.

It reads the clock ten times a second.  A reading that is much later was delayed: by a signal that
stopped the program, by other programs, by a terminal that did not accept output, or by the system,
which slept.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from tsservices.client.probe.wires.base import Clocks, Reading
from tsservices.stamp.stats.stalls import Stall

#: Seconds between two readings of the clock.
LOOK_SECONDS = 0.1

#: Nanoseconds between two readings from which on it is a stall, not the delay of a busy machine.
MINIMUM_STALL = 250_000_000


class StallWatch:
    """
    A watch that calls a function for each stall, at the first reading of the clock after it.

    @ivar total: nanoseconds of all stalls by the monotonic clock.
    @ivar end: the end of the last stall, by the monotonic clock.
    """

    def __init__(
        self, clock: IReactorTime, clocks: Clocks, onStall: Callable[[Stall], None]
    ) -> None:
        self.total = 0
        self.end = -1
        self._clocks = clocks
        self._onStall = onStall
        self._origin = 0
        self._last: Reading | None = None
        self._looking = LoopingCall(self.look)
        self._looking.clock = clock

    def start(self, origin: int) -> None:
        """@param origin: the start of the run by the monotonic clock, in nanoseconds."""
        self._origin = origin
        self._last = self._clocks.read()
        self._looking.start(LOOK_SECONDS, now=False)

    def stop(self) -> None:
        """Stop; may be called twice."""
        self._last = None
        if self._looking.running:
            self._looking.stop()

    def look(self, now: Reading | None = None) -> None:
        """
        Check for a stall; to be called first in each handler that depends on time.

        @param now: a reading of the clocks, if there is one.
        """
        now = now or self._clocks.read()
        last = self._last
        if last is None:
            return
        self._last = now
        passed = now.running - last.running
        if passed >= MINIMUM_STALL:
            awake = now.monotonic - last.monotonic
            slept = passed - awake
            self.total += awake
            self.end = now.monotonic
            asleep = slept if slept >= MINIMUM_STALL else 0
            self._onStall(Stall(last.monotonic - self._origin, passed, asleep))

    def stalledTime(self, now: Reading) -> int:
        """Return the nanoseconds of all stalls until now, by the monotonic clock."""
        self.look(now)
        return self.total
