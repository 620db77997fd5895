"""
One run: all targets at once, from the first packet to the last reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tsservices.client.probe.command import ProbeCommand
from tsservices.client.probe.reporter import Reporter
from tsservices.client.probe.schedule import NANOSECONDS, Schedule
from tsservices.client.probe.target import Target
from tsservices.client.probe.wire import Times
from tsservices.measure.outcome import Outcome

LEAD = 5_000_000
"""
Nanoseconds from the start of a run to its first packet: the reactor settles.
"""


class Session:
    """
    Sends by the plan, and ends when everything is known or nobody wants to wait.

    @ivar targets: all of them.
    """

    def __init__(
        self, clock: IReactorTime, times: Times, command: ProbeCommand, reporter: Reporter
    ) -> None:
        """
        @param clock: has the timers.
        @param times: this host's clocks.
        @param command: what is asked for.
        @param reporter: tells what happens.
        """
        self.targets: Sequence[Target] = ()
        self._clock = clock
        self._times = times
        self._command = command
        self._reporter = reporter
        self._schedules: dict[Target, Schedule] = {}
        self._sending: set[Target] = set()
        self._deadline: IDelayedCall | None = None
        self._done: Deferred[None] = Deferred()

    def run(self, targets: Sequence[Target]) -> Deferred[None]:
        """
        @param targets: with open wires.
        @return: fires at the end.
        """
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
        """
        End the run now.  Doing it twice does no harm.
        """
        for schedule in self._schedules.values():
            schedule.stop()
        for target in self.targets:
            target.end()
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if not self._done.called:
            self._done.callback(None)

    def interim(self) -> None:
        """
        Tell what is known so far.
        """
        self._reporter.interim(self.targets)

    def happened(self, target: Target, outcome: Outcome) -> None:
        """
        @param target: the one.
        @param outcome: of a packet to it.
        """
        if not self._done.called:
            self._reporter.happened(target, outcome)

    def waited(self, target: Target, sequence: int) -> None:
        """
        @param target: the one.
        @param sequence: of a packet without a reply when the next is sent.
        """
        self._reporter.waited(target, sequence)

    def settled(self, target: Target) -> None:
        """
        @param target: one of which no packet is on its way any more.
        """
        if not self._sending and not any(each.waiting for each in self.targets):
            self.finish()

    def _fire(self, target: Target, lateness: int, skipped: int) -> bool:
        """
        @param target: whose turn it is.
        @param lateness: nanoseconds since its turn.
        @param skipped: turns left out before it.
        @return: whether it has more turns.
        """
        count = self._command.count
        last = count is not None and target.tally.transmitted + 1 >= count
        if last:
            self._sending.discard(target)
        target.fire(lateness, skipped)
        return not last
