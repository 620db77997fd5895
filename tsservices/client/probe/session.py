"""The sending part of a run: all targets at once, from the first packet to the last reply."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Reporter
from tsservices.client.probe.schedule import NANOSECONDS, Schedule
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks
from tsservices.stamp.stats.result import ProbeResult

#: Nanoseconds from the start of a run to its first packet: the reactor settles, and Linux begins to
#: take the times of what comes a moment after it was asked to.
START_DELAY = 5_000_000


class ProbeSession:
    """
    Sends by schedule, and ends at the last reply, the deadline or L{finish}.

    It owns the schedules, not the targets.
    """

    def __init__(
        self, clock: IReactorTime, clocks: Clocks, options: ProbeOptions, reporter: Reporter
    ) -> None:
        self.targets: Sequence[ProbeTarget] = ()
        self._clock = clock
        self._clocks = clocks
        self._options = options
        self._reporter = reporter
        self._schedules: list[Schedule] = []
        self._sending: set[ProbeTarget] = set()
        self._deadline: IDelayedCall | None = None
        self._done: Deferred[None] = Deferred()

    def run(self, targets: Sequence[ProbeTarget]) -> Deferred[None]:
        """Fires at the end; at once if L{finish} came before."""
        self.targets = targets
        if self._done.called:
            return self._done
        self._reporter.started(targets)
        interval = round(self._options.interval * NANOSECONDS)
        origin = self._clocks.monotonic() + START_DELAY
        self._sending = set(targets)
        for number, target in enumerate(targets):
            target.start(origin)
            schedule = Schedule(
                self._clock,
                self._clocks.monotonic,
                interval,
                partial(self._send, target),
                self._options.precise,
            )
            self._schedules.append(schedule)
            # Spread over the interval, so that no target's packet waits for another's.
            schedule.start(origin + number * interval // len(targets))
        if self._options.deadline is not None:
            self._deadline = self._clock.callLater(self._options.deadline, self.finish)
        return self._done

    def finish(self) -> None:
        """End the run now.  May be called twice."""
        for schedule in self._schedules:
            schedule.stop()
        for target in self.targets:
            target.stop()
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if not self._done.called:
            self._done.callback(None)

    def interim(self) -> None:
        """Report what is known so far."""
        self._reporter.interim(self.targets)

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        if not self._done.called:
            self._reporter.resultReady(target, result)

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        self._reporter.overdue(target, sequence)

    def idle(self, target: ProbeTarget) -> None:
        if not self._sending and not any(other.hasPending for other in self.targets):
            self.finish()

    def _send(self, target: ProbeTarget, lateness: int, skipped: int) -> bool:
        count = self._options.count
        last = count is not None and target.statistics.transmitted + 1 >= count
        if last:
            # Before the packet goes: if it cannot be sent, the target is idle at once.
            self._sending.discard(target)
        target.sendNext(lateness, skipped)
        return not last
