"""Tests for the target, the schedule and the session of the probe."""

from __future__ import annotations

import pickle
from collections import deque
from dataclasses import replace
from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.probe import MILLISECOND, FakeTransport, RecordingListener, clocksOf, targetOn
from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.summary import followUpLine
from tsservices.client.probe.schedule import MAXIMUM_CATCH_UP, Schedule
from tsservices.client.probe.session import ProbeSession
from tsservices.client.probe.target import MAXIMUM_CHANGES, MAXIMUM_PAST, ProbeTarget
from tsservices.client.probe.wires.base import SendError
from tsservices.stamp.stats.errors import ErrorReport, ErrorSource
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.result import ProbeResult, ProbeState
from tsservices.stamp.stats.stalls import Stall

#: Nanoseconds.
SECOND = 1_000_000_000


class TargetTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.listener = RecordingListener()
        self.target, self.transport = targetOn(self.clock, self.listener)

    def send(self, count: int = 1) -> None:
        for _ in range(count):
            self.target.sendNext(0, 0)

    def test_moves(self) -> None:
        """Replies to what the former transport has sent count, and say nothing of directions."""
        former = self.transport
        self.send(3)
        for number in range(2):
            former.reply(number, up=0, number=number)
        moved = FakeTransport(clocksOf(self.clock))
        moved.open(self.target)
        change = TargetChange(3, 0, "192.0.2.9", "192.0.2.1", "198.51.100.1", "198.51.100.1")
        self.target.move(moved, change)
        self.send(3)
        former.reply(2, up=0, number=2)
        for number in range(2):
            moved.reply(3 + number, up=0, number=number)
        moved.reply(5, up=0, number=2)
        assert (former.sent, moved.sent) == ([0, 1, 2], [3, 4, 5])
        statistics = self.target.statistics
        assert (statistics.received, statistics.lost, statistics.strays) == (6, 0, 0)
        assert (statistics.lostUp, statistics.lostDown) == (0, 0)
        assert self.listener.changes == [change]
        assert [self.target.addressOf(number) for number in (2, 3)] == ["192.0.2.1", "192.0.2.9"]

    def test_reconnected(self) -> None:
        self.send()
        self.target.reconnected("connection closed by the server")
        assert [str(change) for change in self.listener.changes] == [
            "connection closed by the server, opened again"
        ]
        assert (self.target.reconnectCount, self.target.changeCount) == (1, 0)

    def test_changesAreBounded(self) -> None:
        for number in range(40):
            change = TargetChange(0, 0, f"192.0.2.{number}", f"192.0.2.{number - 1}")
            self.target.move(self.transport, change)
        assert (len(self.target.changes), self.target.changeCount) == (MAXIMUM_CHANGES, 40)

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

    def test_errorAfterTheTimeout(self) -> None:
        """It changes nothing of the packet; who says what is counted."""
        self.send()
        self.clock.advance(1)
        error = ErrorReport(ErrorSource.SELF, None, 3, 1)
        self.transport.fail(0, ProbeState.UNREACHABLE, "no answer to ARP", error)
        self.transport.fail(7, ProbeState.UNREACHABLE, "never sent", error)
        statistics = self.target.statistics
        assert (statistics.timeouts, statistics.unreachable) == (1, 0)
        assert statistics.errors.counts == {(ErrorSource.SELF, None, "no answer to ARP"): 1}
        assert self.listener.states() == [(0, "timeout")]

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
            "T3 is when the reply left for 1 of 2 packets (follow-up);\n"
            "of the last reply it is not known, so the column network has it not"
        )
        assert self.target.statistics.network.count == 2
        assert self.target.statistics.application.count == 3
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
        self.stalls: list[Stall] = []

    def started(self, targets: object) -> None:
        self.events.append("began")

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        super().resultReady(target, result)
        self.by.append((target.name, result.sequence))

    def stalled(self, stall: Stall) -> None:
        self.stalls.append(stall)

    def interim(self, targets: object) -> None:
        self.events.append("interim")

    def periodic(self, targets: object) -> None:
        self.events.append("report")

    def summary(self, targets: object) -> None:
        self.events.append("summary")


class SessionTests(SynchronousTestCase):
    #: Whether the replies of L{follow} come.
    answering: bool

    def startRun(
        self, command: ProbeOptions, *answering: bool, stateful: bool | None = None
    ) -> tuple[ProbeSession, list[FakeTransport]]:
        self.clock = Clock()
        self.reporter = RecordingReporter()
        session = ProbeSession(self.clock, clocksOf(self.clock), command, self.reporter)
        targets, wires = [], []
        for number, answers in enumerate(answering):
            target, wire = targetOn(self.clock, session, command.timeout, f"h{number}", stateful)
            if answers:
                wire.replyWith(wire.reply)
            targets.append(target)
            wires.append(wire)
        self.pairs = list(zip(targets, wires, strict=True))
        self.done = session.run(targets)
        return session, wires

    def target(self) -> ProbeTarget:
        return self.pairs[0][0]

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

    def test_sentTogether(self) -> None:
        """Many hosts: eight are sent to at a time, and the next eight 8 ms later."""
        names = tuple(f"h{number}" for number in range(100))
        self.startRun(ProbeOptions(names, count=1, interval=0.1), *[False] * 100)
        self.advance(0.006)
        sent = [len(wire.sent) for _, wire in self.pairs]
        assert sent == [1] * 8 + [0] * 92
        self.advance(0.008)
        assert sum(len(wire.sent) for _, wire in self.pairs) == 16
        self.advance(0.1)
        assert sum(len(wire.sent) for _, wire in self.pairs) == 100

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

    def test_listing(self) -> None:
        """A host that answers gets no further packet, and the run ends when nobody is asked."""
        options = ProbeOptions(("h0", "h1"), count=3, interval=0.1, timeout=0.5, listing="alive")
        _, wires = self.startRun(options, True, False)
        self.advance(0.7)
        self.assertNoResult(self.done)
        self.advance(0.1)
        self.successResultOf(self.done)
        assert [wire.sent for wire in wires] == [[0], [0, 1, 2]]
        self.startRun(replace(options, interval=100), True, True)
        self.advance(51)
        self.successResultOf(self.done)

    def test_reports(self) -> None:
        self.startRun(ProbeOptions(("h0",), deadline=1.0, report=0.3), True)
        self.advance(1.1)
        self.successResultOf(self.done)
        assert self.reporter.events == ["began", *["report"] * 3]
        assert self.clock.getDelayedCalls() == []

    def test_unsent(self) -> None:
        _, (wire,) = self.startRun(ProbeOptions(("h0",), count=2, interval=0.1), False)
        wire.failure = SendError(ProbeState.UNREACHABLE, "no route")
        self.advance(0.2)
        self.successResultOf(self.done)

    def test_joins(self) -> None:
        """A host without an address is waited for, but not longer than the others need."""
        self.clock = Clock()
        self.reporter = RecordingReporter()
        options = ProbeOptions(("h0", "h1"), count=4, interval=0.1)
        session = ProbeSession(self.clock, clocksOf(self.clock), options, self.reporter)
        first, wire = targetOn(self.clock, session, name="h0")
        second, other = targetOn(self.clock, session, name="h1")
        third, _ = targetOn(self.clock, session, name="h2")
        for transport in (wire, other):
            transport.replyWith(transport.reply)
        second.address = third.address = ""
        done = session.run([first, second, third])
        self.advance(0.1)
        assert other.sent == []
        session.joined(second)
        self.advance(0.3)
        assert (wire.sent, other.sent) == ([0, 1, 2, 3], [0, 1, 2])
        self.assertNoResult(done)
        self.advance(0.1)
        self.successResultOf(done)
        session.joined(third)
        assert self.clock.getDelayedCalls() == []

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

    def follow(self, wire: FakeTransport) -> None:
        """Replies as of a stateful reflector that knows the extension."""
        departures: dict[int, int] = {}

        def answer(sequence: int) -> None:
            previous = FollowUpInfo(max(0, sequence - 1), departures.get(sequence - 1))
            departures[sequence] = clocksOf(self.clock).wall() - 3 * MILLISECOND
            wire.reply(sequence, 1, MILLISECOND, 4 * MILLISECOND, sequence, previous)

        def answerLater(sequence: int) -> None:
            if self.answering:
                self.clock.callLater(0.01, answer, sequence)

        self.answering = True
        wire.replyWith(answerLater)

    def test_lastFollowUp(self) -> None:
        """One more packet, which is in no count."""
        _, (wire,) = self.startRun(ProbeOptions(("h0",), count=3, interval=0.1), False)
        self.follow(wire)
        self.advance(0.215)
        self.assertNoResult(self.done)
        self.advance(0.015)
        self.successResultOf(self.done)
        statistics = self.target().statistics
        assert wire.sent == [0, 1, 2, 3]
        assert self.reporter.states() == [(0, "ok"), (1, "ok"), (2, "ok")]
        assert (statistics.transmitted, statistics.received, statistics.strays) == (3, 3, 0)
        assert (statistics.followedUp, statistics.network.count) == (3, 3)
        assert not statistics.lastLeftOut
        assert self.clock.getDelayedCalls() == []
        wire.reply(3)
        assert statistics.strays == 0

    def test_lastFollowUpIsLost(self) -> None:
        """It is waited for a tenth of a second, and the last packet is in no figure of net."""
        _, (wire,) = self.startRun(ProbeOptions(("h0",), count=3, interval=0.1), False)
        self.follow(wire)
        self.advance(0.205)
        self.answering = False
        self.advance(0.1)
        self.assertNoResult(self.done)
        self.advance(0.02)
        self.successResultOf(self.done)
        statistics = self.target().statistics
        assert (statistics.transmitted, statistics.lost, statistics.lossPercent) == (3, 0, 0)
        assert (statistics.network.count, statistics.application.count) == (2, 3)
        assert statistics.lastLeftOut

    def test_lastFollowUpCannotBeSent(self) -> None:
        _, (wire,) = self.startRun(ProbeOptions(("h0",), count=2, interval=0.1), False)
        self.follow(wire)
        self.advance(0.11)
        wire.failure = SendError(ProbeState.UNREACHABLE, "no route")
        self.advance(0.02)
        self.successResultOf(self.done)
        assert self.reporter.states() == [(0, "ok"), (1, "ok")]
        assert self.target().statistics.lastLeftOut

    def test_interruptedTwice(self) -> None:
        """The first time the last follow-up is waited for; the second time nothing is."""
        session, (wire,) = self.startRun(ProbeOptions(("h0",), interval=0.1), False)
        self.follow(wire)
        self.advance(0.25)
        self.answering = False
        session.finish()
        self.assertNoResult(self.done)
        assert wire.sent == [0, 1, 2, 3]
        session.finish()
        self.successResultOf(self.done)
        assert self.reporter.states() == [(0, "ok"), (1, "ok"), (2, "ok")]
        assert self.clock.getDelayedCalls() == []

    def answerStateless(self, wire: FakeTransport, number: int) -> None:
        wire.reply(number, 0, 0, 0, number, FollowUpInfo(0, None))

    def test_statelessReflectorGetsNoMore(self) -> None:
        for count, stateful, sent in ((1, False, 1), (3, None, 3)):
            _, (wire,) = self.startRun(
                ProbeOptions(("h0",), count=count, interval=0.1), False, stateful=stateful
            )
            wire.replyWith(partial(self.answerStateless, wire))
            self.advance(0.5)
            self.successResultOf(self.done)
            assert len(wire.sent) == sent
            statistics = self.target().statistics
            assert (statistics.network.count, statistics.lastLeftOut) == (count, False)

    def test_repliesAreReadAtTheEnd(self) -> None:
        """The deadline comes first after a stop of the program; replies wait in the socket."""
        self.startRun(ProbeOptions(("h0",), deadline=0.5, interval=0.1, timeout=5), False)
        ((_, wire),) = self.pairs
        self.advance(0.35)
        for number in range(4):
            self.clock.callLater(3, wire.reply, number, age=2900 * MILLISECOND)
        self.clock.advance(3)
        self.successResultOf(self.done)
        assert [state for _, state in self.reporter.states()[:4]] == ["ok"] * 4

    def test_stalled(self) -> None:
        """Packets that were due in a stall are no late ones, and no lost ones."""
        self.startRun(ProbeOptions(("h0", "h1"), interval=0.1, timeout=0.5), True, True)
        self.advance(1)
        self.clock.advance(3.03)
        self.advance(0.5)
        ((start, duration),) = [(stall.time, stall.duration) for stall in self.reporter.stalls]
        assert abs(start - SECOND) < SECOND // 10
        assert abs(duration - 3 * SECOND) < SECOND // 5
        for target, _ in self.pairs:
            statistics = target.statistics
            assert statistics.stalls.skipped == statistics.skipped
            assert 29 <= statistics.skipped <= 31
            assert (statistics.lost, statistics.stalls.count) == (0, 1)
            assert (statistics.lateness.moments.maximum or 0) <= 20 * MILLISECOND

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
