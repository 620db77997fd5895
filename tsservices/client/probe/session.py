"""
Session.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorTime,
)

from tsservices.client.probe.options import (
    ProbeOptions,
)
from tsservices.client.probe.reports.base import Reporter
from tsservices.client.probe.schedule import NANOSECONDS, Schedule
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks
from tsservices.stamp.stats.result import ProbeResult

#: Nanoseconds from the start of a run to its first packet: the reactor settles.
LEAD = 5_000_000


class ProbeSession:
    """
    Sends by the plan, and ends when everything is known or nobody wants to wait.

    @ivar targets: all of them.
    """

    def __init__(
        self, clock: IReactorTime, times: Clocks, command: ProbeOptions, reporter: Reporter
    ) -> None:
        self.targets: Sequence[ProbeTarget] = ()
        self._clock = clock
        self._times = times
        self._command = command
        self._reporter = reporter
        self._schedules: dict[ProbeTarget, Schedule] = {}
        self._sending: set[ProbeTarget] = set()
        self._deadline: IDelayedCall | None = None
        self._done: Deferred[None] = Deferred()

    def run(self, targets: Sequence[ProbeTarget]) -> Deferred[None]:
        """Fires at the end."""
        self.targets = targets
        if self._done.called:
            return self._done
        self._reporter.began(targets)
        interval = round(self._command.interval * NANOSECONDS)
        origin = self._times.monotonic() + LEAD
        self._sending = set(targets)
        for number, target in enumerate(targets):
            target.begin(origin)
            schedule = self._schedules[target] = Schedule(
                self._clock,
                self._times.monotonic,
                interval,
                partial(self._fire, target),
                self._command.precise,
            )
            # Spread, so that no target's packet waits for another's.
            schedule.start(origin + number * interval // len(targets))
        if self._command.deadline is not None:
            self._deadline = self._clock.callLater(self._command.deadline, self.finish)
        return self._done

    def finish(self) -> None:
        """End the run now.  Doing it twice does no harm."""
        for schedule in self._schedules.values():
            schedule.stop()
        for target in self.targets:
            target.end()
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if not self._done.called:
            self._done.callback(None)

    def interim(self) -> None:
        """Tell what is known so far."""
        self._reporter.interim(self.targets)

    def happened(self, target: ProbeTarget, outcome: ProbeResult) -> None:
        if not self._done.called:
            self._reporter.happened(target, outcome)

    def waited(self, target: ProbeTarget, sequence: int) -> None:
        self._reporter.waited(target, sequence)

    def settled(self, target: ProbeTarget) -> None:
        if not self._sending and not any(each.waiting for each in self.targets):
            self.finish()

    def _fire(self, target: ProbeTarget, lateness: int, skipped: int) -> bool:
        count = self._command.count
        last = count is not None and target.tally.transmitted + 1 >= count
        if last:
            self._sending.discard(target)
        target.sendNext(lateness, skipped)
        return not last
