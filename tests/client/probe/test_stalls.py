"""Tests for a probe that does not run for a while: replies are judged by the kernel's times."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.probe import MILLISECOND, RecordingListener, targetOn
from tsservices.client.probe.stall_watch import StallWatch
from tsservices.client.probe.target import MAXIMUM_READS
from tsservices.client.probe.wires.base import READING_ATTEMPTS, Clocks, systemClocks
from tsservices.stamp.stats.stalls import MAXIMUM_STALLS, Stall, Stalls

#: Nanoseconds.
SECOND = 1_000_000_000


class Times:
    """Clocks that a test moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.asleep = 0.0
        self.found: list[Stall] = []
        clocks = Clocks(self.monotonic, self.monotonic, self.running)
        self.read = clocks.read
        self.watch = StallWatch(self.clock, clocks, self.found.append)
        self.watch.start(0)

    def monotonic(self) -> int:
        return round(self.clock.seconds() * 1e9)

    def running(self) -> int:
        return self.monotonic() + round(self.asleep * 1e9)

    def run(self, seconds: float) -> None:
        self.clock.pump([0.1] * round(seconds / 0.1))


class TestStallWatch:
    def test_none(self) -> None:
        times = Times()
        times.run(10)
        times.clock.advance(0.2)
        assert times.found == []
        assert times.watch.stalledTime(times.read()) == 0

    def test_stopped(self) -> None:
        times = Times()
        times.run(1)
        times.clock.advance(3)
        times.run(1)
        assert times.found == [Stall(SECOND, 3 * SECOND)]
        assert (times.watch.total, times.watch.end) == (3 * SECOND, 4 * SECOND)

    def test_whoComesFirstSeesIt(self) -> None:
        times = Times()
        times.clock.rightNow += 2.0
        assert times.watch.stalledTime(times.read()) == 2 * SECOND
        times.run(1)
        assert times.found == [Stall(0, 2 * SECOND)]

    def test_slept(self) -> None:
        """The monotonic clock stood still, so timeouts and schedules are as if nothing was."""
        times = Times()
        times.run(1)
        times.asleep = 3600
        times.run(1)
        assert times.found == [Stall(SECOND, 3600 * SECOND + SECOND // 10, 3600 * SECOND)]
        assert times.watch.stalledTime(times.read()) == SECOND // 10

    def test_stop(self) -> None:
        times = Times()
        times.watch.stop()
        times.watch.stop()
        times.clock.advance(10)
        assert times.found == []
        assert times.clock.getDelayedCalls() == []


def test_memoryOfStalls() -> None:
    stalls = Stalls()
    for number in range(1000):
        stalls.add(Stall(number, 10 + number % 7, 1))
    assert (stalls.count, stalls.longest, stalls.slept) == (1000, 16, 1000)
    assert len(stalls.newest) == MAXIMUM_STALLS


@pytest.mark.parametrize("interruptions", [0, 1, READING_ATTEMPTS])
def test_reading(interruptions: int) -> None:
    """Two clocks are read at one moment, also when the processor was lost in between."""
    now = 0
    left = interruptions

    def monotonic() -> int:
        nonlocal now
        now += 100
        return now

    def wall() -> int:
        nonlocal now, left
        if left:
            left -= 1
            now += 5 * MILLISECOND
        return now + SECOND

    reading = Clocks(monotonic, wall).read()
    assert abs(reading.base - SECOND) < 1000
    assert (reading.slept < 1000) == (interruptions < READING_ATTEMPTS)


def test_systemClocks() -> None:
    reading, later = systemClocks().read(), systemClocks().read()
    assert reading.monotonic <= later.monotonic
    assert later.slept >= -MILLISECOND
    assert abs(later.base - reading.base) < SECOND


class StoppedTargetTests(SynchronousTestCase):
    """The reply was in the socket while this program was stopped."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.listener = RecordingListener()
        self.target, self.transport = targetOn(self.clock, self.listener)
        self.stalled = 0
        self.target.start(0, lambda now: self.stalled)

    def resume(self, after: float, *replies: tuple[int, float]) -> None:
        """Timers come first, as after SIGCONT, and then the reactor reads."""

        def read(sequence: int, age: float) -> None:
            self.transport.reply(sequence, 0, 0, 0, sequence, age=round(age * 1e9))

        self.stalled += round(after * 1e9)
        for number, (sequence, came) in enumerate(replies):
            self.clock.callLater(after + number * 1e-9, read, sequence, after - came)
        self.clock.advance(after + 1e-6)

    def test_cameInTime(self) -> None:
        self.target.sendNext(0, 0)
        self.resume(3, (0, 0.2))
        (result,) = self.listener.results
        assert result.state.value == "ok"
        assert result.delays.network == pytest.approx(200 * MILLISECOND, abs=2000)
        statistics = self.target.statistics
        assert (statistics.received, statistics.lost) == (1, 0)
        # What a program would have seen is not known: the stall is in it.
        assert (result.application or 0) >= 3 * SECOND
        assert (statistics.application.count, statistics.stalls.unmeasured) == (0, 1)

    def test_cameLate(self) -> None:
        """It is read before the timer, but it was not there in time."""
        self.target.sendNext(0, 0)
        self.clock.advance(0.9)
        self.stalled = SECOND
        self.clock.rightNow += 1.0
        self.transport.reply(0, 0, 0, 0, 0, age=300 * MILLISECOND)
        assert self.listener.states() == [(0, "timeout"), (0, "late")]
        assert (self.target.statistics.lost, self.target.statistics.late) == (1, 1)

    def test_neverCame(self) -> None:
        self.target.sendNext(0, 0)
        self.target.sendNext(0, 0)
        self.resume(3, (1, 0.1))
        assert self.listener.states() == [(1, "ok"), (0, "timeout")]
        assert self.clock.getDelayedCalls() == []

    def test_readsUntilNoMoreCome(self) -> None:
        for _ in range(10):
            self.target.sendNext(0, 0)
        self.resume(3, *((number, 0.1) for number in range(10)))
        assert [state for _, state in self.listener.states()] == ["ok"] * 10

    def test_withoutKernelTime(self) -> None:
        """Whether it came in time nobody knows, so the time of the stall does not count."""
        self.target.sendNext(0, 0)
        self.stalled = 3 * SECOND
        self.clock.rightNow += 3.4
        self.transport.reply(0, kernel=False)
        assert self.listener.states() == [(0, "ok")]
        self.target.sendNext(0, 0)
        self.clock.rightNow += 1.4
        self.transport.reply(1, kernel=False)
        assert self.listener.states()[1:] == [(1, "timeout"), (1, "late")]

    def test_clockSetMeanwhile(self) -> None:
        """Then the kernel's times say nothing, and the monotonic clock does."""
        self.target.sendNext(0, 0)
        self.transport.step = 100 * SECOND
        self.clock.advance(0.5)
        self.transport.reply(0, 0, 0, 0, 0)
        (result,) = self.listener.results
        assert (result.state.value, result.delays.network) == ("ok", None)
        assert [step.step for step in self.listener.steps] == [100 * SECOND]

    def test_endlessReplies(self) -> None:
        """Packets are lost in the end, however many replies come."""
        self.target.sendNext(0, 0)
        for _ in range(MAXIMUM_READS * 2):
            self.target.sendNext(0, 0)
        self.resume(3, *((number, 0.1) for number in range(1, MAXIMUM_READS * 2)))
        assert (0, "timeout") in self.listener.states()
        assert self.target.statistics.received == MAXIMUM_READS * 2 - 1

    def test_overflow(self) -> None:
        for drops, counted in ((0, 0), (7, 7), (7, 7), (2, 7), (5, 10)):
            self.transport.drops = drops
            self.target.checkOverflow()
            assert self.target.statistics.stalls.overflowed == counted
