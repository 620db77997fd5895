"""The sending part of a run: all targets at once, from the first packet to the last reply."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall

from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Reporter
from tsservices.client.probe.schedule import NANOSECONDS, Schedule
from tsservices.client.probe.stall_watch import StallWatch
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.timers import TimerQueue
from tsservices.client.probe.wires.base import Clocks
from tsservices.stamp.stats.clock_steps import ClockStep
from tsservices.stamp.stats.result import ProbeResult, ProbeState
from tsservices.stamp.stats.stalls import Stall

#: Nanoseconds from the start of a run to its first packet: the reactor starts up, and Linux begins
#: to take the times of received packets a moment after the request.
START_DELAY = 5_000_000

#: Nanoseconds: packets to several hosts within this time are sent together.
TURN = 8_000_000

#: Packets that are sent together at most.  The first reply waits while the others are sent, about
#: 0.03 ms each, which is a part of its application round trip.
SENT_TOGETHER = 8

#: Seconds to wait for the follow-up of the last reply.
FOLLOW_UP_SECONDS = 0.1


class ProbeSession:
    """
    The sending by schedule, until the last reply, the deadline or L{finish}.

    It owns the schedules, not the targets.
    """

    def __init__(
        self, clock: IReactorTime, clocks: Clocks, options: ProbeOptions, reporter: Reporter
    ) -> None:
        self.targets: Sequence[ProbeTarget] = ()
        self._clock = clock
        self._timers = TimerQueue(clock)
        self._clocks = clocks
        self._options = options
        self._reporter = reporter
        self._interval = round(options.interval * NANOSECONDS)
        self._schedules: dict[ProbeTarget, Schedule] = {}
        self._reports: LoopingCall | None = None
        self._sending: set[ProbeTarget] = set()
        self._deadline: IDelayedCall | None = None
        # The timer that ends a finishing run; and whether follow-ups are awaited.
        self._closing: IDelayedCall | None = None
        self._finishing = False
        self._requested = False
        self._watch = StallWatch(clock, clocks, self._stalled)
        self._done: Deferred[None] = Deferred()

    def run(self, targets: Sequence[ProbeTarget]) -> Deferred[None]:
        """Start; the result fires at the end of the run, or at once after L{finish}."""
        self.targets = targets
        if self._done.called:
            return self._done
        self._reporter.started(targets)
        origin = self._clocks.monotonic() + START_DELAY
        self._watch.start(origin)
        for number, target in enumerate(targets):
            target.start(origin, self._watch.stalledTime)
            if target.address:
                self._schedule(target, origin + self._firstOf(number, len(targets)))
        if self._options.deadline is not None:
            self._deadline = self._clock.callLater(self._options.deadline, self.finish)
        if self._options.report is not None:
            self._reports = LoopingCall(self._reporter.periodic, targets)
            self._reports.clock = self._clock
            self._reports.start(self._options.report, now=False)
        return self._done

    def joined(self, target: ProbeTarget) -> None:
        """Begin to send to a target that had no address at the start."""
        if self.targets and not (self._done.called or self._finishing):
            self._schedule(target, self._clocks.monotonic() + START_DELAY)

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        if not self._done.called:
            self._reporter.changed(target, change)

    def _firstOf(self, number: int, count: int) -> int:
        # Spread over the interval, so that no target's packet waits for another's.  But if there is
        # more than one per 4 ms, some are sent together, because most of a packet's cost is
        # waking up: 1000 hosts at a packet a second took 37 % of a core one by one, 22 % in eights.
        together = max(1, min(SENT_TOGETHER, TURN * count // self._interval))
        return number // together * together * self._interval // count

    def _schedule(self, target: ProbeTarget, first: int) -> None:
        self._sending.add(target)
        schedule = Schedule(
            self._timers,
            self._clocks.monotonic,
            self._interval,
            partial(self._send, target),
            self._options.precise,
        )
        self._schedules[target] = schedule
        schedule.start(first)

    def finish(self) -> None:
        """
        Send no more, and end the run when the results are complete; called again, end it now.

        Before the end the reactor reads the replies that have arrived, and L{FOLLOW_UP_SECONDS} are
        allowed for the follow-up of the last reply.
        """
        for schedule in self._schedules.values():
            schedule.stop()
        if self._reports is not None and self._reports.running:
            self._reports.stop()
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if self._finishing:
            self._end()
        else:
            self._finishing = True
            self._readReplies(None)

    def _readReplies(self, before: int | None) -> None:
        # If this program was stopped, replies wait in the sockets: repeat until no more are read.
        received = sum(target.statistics.received for target in self.targets)
        if received != before and any(target.hasPending for target in self.targets):
            self._closing = self._clock.callLater(0, self._readReplies, received)
        else:
            self._requestFollowUps()

    def _requestFollowUps(self) -> None:
        # All are requested before any is awaited: a transport may answer at once.
        requested = [target for target in self.targets if target.requestFollowUp()]
        if requested:
            self._requested = True
            self._closing = self._clock.callLater(FOLLOW_UP_SECONDS, self._end)
            self._endIfComplete()
        else:
            self._end()

    def _endIfComplete(self) -> None:
        if not any(target.awaitsFollowUp for target in self.targets):
            self._end()

    def _end(self) -> None:
        self._watch.stop()
        for target in self.targets:
            target.stop()
        if self._closing is not None and self._closing.active():
            self._closing.cancel()
        if not self._done.called:
            self._done.callback(None)

    def interim(self) -> None:
        """Print an interim report."""
        self._reporter.interim(self.targets)

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        if not self._done.called:
            self._reporter.resultReady(target, result)
        if self._options.listing and result.state is ProbeState.OK:
            # The host is known to be alive, and a listing needs no more.
            self._sending.discard(target)
            self._schedules[target].stop()

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        self._reporter.overdue(target, sequence)

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        if not self._done.called:
            self._reporter.clockStepped(target, step)

    def idle(self, target: ProbeTarget) -> None:
        if self._finishing:
            if self._requested:
                self._endIfComplete()
        elif not self._sending and not any(other.hasPending for other in self.targets):
            self.finish()

    def _send(self, target: ProbeTarget, lateness: int, skipped: int) -> bool:
        count = self._options.count
        last = count is not None and target.statistics.transmitted + 1 >= count
        if last:
            # Before the packet is sent: if sending fails, the target is idle at once.
            self._sending.discard(target)
        now = self._clocks.read()
        self._watch.look(now)
        turn = now.monotonic - lateness - skipped * self._interval
        target.sendNext(lateness, skipped, turn <= self._watch.end, now)
        return not last

    def _stalled(self, stall: Stall) -> None:
        for target in self.targets:
            target.statistics.stalls.add(stall)
            target.checkOverflow()
        self._reporter.stalled(stall)
