"""Tests for the target, the schedule and the session of the probe."""

from __future__ import annotations

import pickle
from collections import deque

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.probe import MILLISECOND, FakeTransport, RecordingListener, clocksOf, targetOn
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.summary import followUpLine
from tsservices.client.probe.schedule import MAXIMUM_CATCH_UP, Schedule
from tsservices.client.probe.session import ProbeSession
from tsservices.client.probe.target import MAXIMUM_PAST, ProbeTarget
from tsservices.client.probe.wires.base import SendError
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.result import ProbeResult, ProbeState


class TargetTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.listener = RecordingListener()
        self.target, self.transport = targetOn(self.clock, self.listener)

    def send(self, count: int = 1) -> None:
        for _ in range(count):
            self.target.sendNext(0, 0)

    def test_ok(self) -> None:
        self.send()
        self.clock.advance(0.25)
        self.transport.stamp(0, age=200 * MILLISECOND)
        self.transport.reply(0, up=90 * MILLISECOND, server=30 * MILLISECOND, down=80 * MILLISECOND)
        (result,) = self.listener.results
        assert result.state is ProbeState.OK
        assert result.application == 250 * MILLISECOND
        assert result.delays.network == 170 * MILLISECOND
        assert result.timestamps is not None
        assert result.timestamps.clocks == "kk"
        assert self.listener.idleCount == 1

    def follow(self, number: int, before: int | None) -> None:
        self.send()
        self.clock.advance(0.01)
        when = None if before is None else clocksOf(self.clock).wall() - before
        departure = FollowUpInfo(max(0, number - 1), when)
        self.transport.reply(number, MILLISECOND, MILLISECOND, 2 * MILLISECOND, number, departure)

    def test_followUpDelaysTheResult(self) -> None:
        self.follow(0, None)
        assert self.listener.results == []
        assert self.target.statistics.outstanding == 1
        self.follow(1, 11 * MILLISECOND)
        (first,) = self.listener.results
        assert (first.sequence, first.followUpDelay) == (0, MILLISECOND)
        assert first.delays.network == 8 * MILLISECOND
        assert first.application == 10 * MILLISECOND
        self.follow(2, None)
        assert self.listener.results[1].followUpDelay is None
        assert self.listener.results[1].delays.network == 9 * MILLISECOND
        self.target.stop()
        assert self.listener.states() == [(0, "ok"), (1, "ok"), (2, "ok")]
        assert self.target.statistics.followedUp == 1
        assert followUpLine(self.target.statistics) == (
            "T3 is when the reply left for 1 of 3 packets (follow-up)"
        )
        assert self.target.statistics.network.moments.minimum == 8 * MILLISECOND

    def test_lostFollowUpComesFirst(self) -> None:
        self.follow(0, None)
        self.send()
        self.clock.advance(1)
        assert self.listener.states() == [(0, "ok"), (1, "timeout")]
        self.follow(2, None)
        self.send()
        self.transport.fail(3, ProbeState.REFUSED, "connection refused")
        assert self.listener.states()[2:] == [(2, "ok"), (3, "refused")]
        assert self.target.statistics.followedUp == 0

    def test_withoutKernelTime(self) -> None:
        self.send()
        self.clock.advance(0.01)
        self.transport.reply(0)
        (result,) = self.listener.results
        assert result.timestamps is not None
        assert result.timestamps.clocks == "uk"
        assert result.delays.network == 10 * MILLISECOND

    def test_timeout(self) -> None:
        self.send()
        self.clock.advance(0.6)
        self.send()
        self.clock.advance(0.4)
        assert self.listener.states() == [(0, "timeout")]
        assert self.target.hasPending
        self.clock.advance(0.6)
        assert self.listener.states() == [(0, "timeout"), (1, "timeout")]
        assert self.clock.getDelayedCalls() == []

    def test_late(self) -> None:
        self.send()
        self.clock.advance(1.5)
        self.transport.reply(0)
        self.transport.reply(0)
        assert self.listener.states() == [(0, "timeout"), (0, "late"), (0, "duplicate")]
        assert self.listener.results[1].application == 1500 * MILLISECOND
        assert (self.target.statistics.received, self.target.statistics.late) == (0, 1)

    def test_lateForgotten(self) -> None:
        self.send(MAXIMUM_PAST + 1)
        self.clock.advance(1.5)
        self.transport.reply(0)
        last = self.listener.results[-1]
        assert (last.state, last.application) == (ProbeState.LATE, None)

    def test_duplicate(self) -> None:
        self.send()
        self.clock.advance(0.1)
        self.transport.reply(0)
        self.clock.advance(0.1)
        self.transport.reply(0)
        assert self.listener.states() == [(0, "ok"), (0, "duplicate")]
        assert self.target.statistics.application.count == 1

    def test_strays(self) -> None:
        self.transport.reply(5)
        self.target.unmatched()
        assert self.listener.results == []
        assert self.target.statistics.strays == 2

    def test_refused(self) -> None:
        """An error belongs to its packet, or else to the newest."""
        self.send(3)
        self.transport.fail(1, ProbeState.REFUSED, "connection refused")
        self.transport.fail(None, ProbeState.UNREACHABLE, "no route to host")
        self.transport.fail(1, ProbeState.REFUSED, "connection refused")
        assert self.listener.states() == [(1, "refused"), (2, "unreachable")]
        self.transport.reply(0)
        assert self.listener.states()[2:] == [(0, "ok")]
        self.transport.fail(None, ProbeState.REFUSED, "connection refused")
        assert len(self.listener.results) == 3

    def test_notSent(self) -> None:
        self.transport.failure = SendError(ProbeState.UNREACHABLE, "network is unreachable")
        self.send(2)
        assert self.listener.states() == [(0, "unreachable"), (1, "unreachable")]
        assert self.clock.getDelayedCalls() == []
        self.transport.failure = None
        self.send()
        self.transport.reply(2)
        assert self.target.statistics.received == 1

    def test_overdue(self) -> None:
        self.send(2)
        self.transport.reply(1)
        self.send()
        assert self.listener.overdueSequences == [0]

    def test_stop(self) -> None:
        self.send()
        self.target.stop()
        self.target.stop()
        assert self.clock.getDelayedCalls() == []
        assert self.target.statistics.outstanding == 1


class ScheduleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clocks = clocksOf(self.clock)
        self.calls: list[tuple[float, int, int]] = []
        self.maximum = 1000

    def fire(self, lateness: int, skipped: int) -> bool:
        self.calls.append((round(self.clock.seconds(), 6), lateness, skipped))
        return len(self.calls) < self.maximum

    def schedule(self, interval: int) -> Schedule:
        schedule = Schedule(self.clock, self.clocks.monotonic, interval * MILLISECOND, self.fire)
        schedule.start(0)
        return schedule

    def test_noDrift(self) -> None:
        self.schedule(10)
        for _ in range(1500):
            self.clock.advance(0.0071)
        calls = len(self.calls)
        assert calls == 1000
        assert self.calls[-1][0] - 9.99 < 0.0072
        assert all(0 <= lateness < 7.2 * MILLISECOND for _, lateness, _ in self.calls)

    def test_skips(self) -> None:
        self.schedule(10)
        self.clock.advance(0)
        self.clock.advance(0.005)
        self.clock.advance(0.1)
        assert self.calls[1:] == [(0.105, 5 * MILLISECOND, 9)]

    def test_catchesUp(self) -> None:
        """A long interval is never skipped for a short one."""
        short = self.schedule(1)
        self.clock.advance(0)
        self.clock.advance(0.01)
        assert len(self.calls) == 11
        short.stop()
        self.calls.clear()
        self.schedule(1000)
        self.clock.advance(2 * MAXIMUM_CATCH_UP / 1e9)
        ((_, lateness, skipped),) = self.calls
        assert (lateness > MAXIMUM_CATCH_UP, skipped) == (True, 0)

    def test_stops(self) -> None:
        self.maximum = 3
        self.schedule(10)
        for _ in range(50):
            self.clock.advance(0.01)
        assert len(self.calls) == 3
        schedule = self.schedule(10)
        schedule.stop()
        schedule.stop()
        assert self.clock.getDelayedCalls() == []

    def test_precise(self) -> None:
        spins: list[int] = []

        def monotonic() -> int:
            spins.append(1)
            return round(self.clock.seconds() * 1e9) + 100 * len(spins)

        schedule = Schedule(self.clock, monotonic, 10 * MILLISECOND, self.fire, precise=True)
        schedule.start(10 * MILLISECOND)
        self.clock.advance(0.008)
        assert self.calls == []
        self.clock.advance(0.001)
        ((_, lateness, _),) = self.calls
        assert 0 <= lateness <= 100
        schedule.stop()


class RecordingReporter(RecordingListener):
    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []
        self.by: list[tuple[str, int]] = []

    def started(self, targets: object) -> None:
        self.events.append("began")

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        super().resultReady(target, result)
        self.by.append((target.name, result.sequence))

    def interim(self, targets: object) -> None:
        self.events.append("interim")

    def summary(self, targets: object) -> None:
        self.events.append("summary")


class SessionTests(SynchronousTestCase):
    def startRun(
        self, command: ProbeOptions, *answering: bool
    ) -> tuple[ProbeSession, list[FakeTransport]]:
        self.clock = Clock()
        self.reporter = RecordingReporter()
        session = ProbeSession(self.clock, clocksOf(self.clock), command, self.reporter)
        targets, wires = [], []
        for number, answers in enumerate(answering):
            target, wire = targetOn(self.clock, session, command.timeout, f"h{number}")
            if answers:
                wire.replyWith(wire.reply)
            targets.append(target)
            wires.append(wire)
        self.done = session.run(targets)
        return session, wires

    def advance(self, seconds: float) -> None:
        self.clock.pump([0.005] * round(seconds / 0.005))

    def test_count(self) -> None:
        _, wires = self.startRun(ProbeOptions(("h0", "h1"), count=3, interval=0.1), True, True)
        self.advance(0.2)
        self.assertNoResult(self.done)
        self.advance(0.1)
        self.successResultOf(self.done)
        assert [wire.sent for wire in wires] == [[0, 1, 2], [0, 1, 2]]
        assert self.clock.getDelayedCalls() == []

    def test_spread(self) -> None:
        self.startRun(ProbeOptions(("h0", "h1"), count=2, interval=0.1), True, True)
        self.advance(0.4)
        assert self.reporter.by == [("h0", 0), ("h1", 0), ("h0", 1), ("h1", 1)]

    def test_waitsForLast(self) -> None:
        command = ProbeOptions(("h0", "h1"), count=1, timeout=0.5, interval=0.01)
        self.startRun(command, True, False)
        self.advance(0.45)
        self.assertNoResult(self.done)
        self.advance(0.1)
        self.successResultOf(self.done)
        assert self.reporter.states() == [(0, "ok"), (0, "timeout")]

    def test_deadline(self) -> None:
        self.startRun(ProbeOptions(("h0",), deadline=1.0, interval=0.3, timeout=5), False)
        self.advance(1.01)
        self.successResultOf(self.done)
        assert self.clock.getDelayedCalls() == []

    def test_unsent(self) -> None:
        _, (wire,) = self.startRun(ProbeOptions(("h0",), count=2, interval=0.1), False)
        wire.failure = SendError(ProbeState.UNREACHABLE, "no route")
        self.advance(0.2)
        self.successResultOf(self.done)

    def test_finish(self) -> None:
        session, _ = self.startRun(ProbeOptions(("h0",)), True)
        session.interim()
        session.finish()
        session.finish()
        self.successResultOf(self.done)
        assert self.reporter.events == ["began", "interim"]
        early = ProbeSession(self.clock, clocksOf(self.clock), ProbeOptions(("h",)), self.reporter)
        early.finish()
        self.successResultOf(early.run([]))

    def test_memory(self) -> None:
        session, (wire,) = self.startRun(ProbeOptions(("h0",), interval=0.01), True)
        wire.sent = deque(maxlen=1)  # type: ignore[assignment]
        (target,) = session.targets
        sizes = []
        for _ in range(3):
            for _ in range(3000):
                self.clock.advance(0.01)
                self.reporter.results.clear()
                self.reporter.by.clear()
            sizes.append(len(pickle.dumps(vars(target.statistics.directions))))
            sizes.append(len(target._past) + len(target._pending))
        assert target.statistics.transmitted > 8000
        assert sizes[3] == sizes[5] <= MAXIMUM_PAST + 1
        assert sizes[4] < 1.1 * sizes[2]
