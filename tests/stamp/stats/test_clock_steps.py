"""Tests for clocks that are set in the middle of a run, and for the pieces that begin then."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsservices.stamp.stats.clock_steps import MAXIMUM_STEPS, ClockOwner
from tsservices.stamp.stats.result import ProbeResult, ProbeState, Timestamps
from tsservices.stamp.stats.summary import summarize
from tsservices.stamp.stats.target import PieceReason, TargetStatistics
from tsservices.stamp.stats.thresholds import parseThresholds, violations

#: Nanoseconds.
MICROSECOND, MILLISECOND, SECOND = 1_000, 1_000_000, 1_000_000_000

EPOCH = 1_795_000_000 * SECOND

OWN, OTHER = ClockOwner.THIS_HOST, ClockOwner.REFLECTOR


@dataclass
class Run:
    """A run of which the test sets the clocks: C{base} is this host's, C{offset} the other's."""

    interval: int = SECOND // 10
    up: int = 100 * MICROSECOND
    down: int = 100 * MICROSECOND
    statistics: TargetStatistics = field(default_factory=TargetStatistics)
    base: int = EPOCH
    offset: int = 3 * MILLISECOND
    number: int = 0
    #: Of the reflector's clock; 0 if it is fine.
    tick: int = 0

    def send(self, count: int = 1) -> None:
        for _ in range(count):
            self.statistics.add(self.packet())

    def packet(self, setInFlight: int = 0) -> ProbeResult:
        sequence = self.statistics.transmitted
        at = self.interval * sequence
        self.statistics.addSent(at, 0, 0)
        self.statistics.classifyReply(sequence, self.number)
        self.number += 1
        t1, trip = self.base + at, self.up + self.down + 50 * MICROSECOND
        before = self.base
        self.base += setInFlight
        t2 = EPOCH + at + self.up + self.offset
        t3 = t2 + 50 * MICROSECOND
        if self.tick:
            t2, t3 = t2 // self.tick * self.tick, t3 // self.tick * self.tick
        t4 = t1 + trip + setInFlight
        times = Timestamps(t1, t4, t2, t3, "kk")
        return ProbeResult(
            sequence,
            ProbeState.OK,
            at,
            t1,
            trip + 200 * MICROSECOND,
            times,
            sequence,
            64,
            64,
            sentBase=before,
            receivedBase=self.base,
        )

    def steps(self) -> list[tuple[ClockOwner, int]]:
        # To the tenth of a millisecond: a step is known as well as the offset is.
        found = self.statistics.steps.newest
        assert all(step.bound <= 2 * MILLISECOND for step in found)
        return [(step.owner, round(step.step / (MILLISECOND / 10)) * 100) for step in found]


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        (0, 10 * SECOND, [(OTHER, 10_000_000)]),
        (0, -10 * SECOND, [(OTHER, -10_000_000)]),
        (10 * SECOND, 0, [(OWN, 10_000_000)]),
        (-2 * MILLISECOND, 0, [(OWN, -2_000)]),
        (3 * SECOND, -5 * SECOND, [(OWN, 3_000_000), (OTHER, -5_000_000)]),
        # Both clocks are one, as on loopback.
        (SECOND, SECOND, [(OWN, 1_000_000), (OTHER, 1_000_000)]),
        (700 * MICROSECOND, 0, [(OWN, 700)]),
        (0, 700 * MICROSECOND, [(OTHER, 700)]),
        # Within the bounds of the offset, and what a kernel may steer.
        (0, 150 * MICROSECOND, []),
        (20 * MICROSECOND, 0, []),
        (0, 0, []),
    ],
)
@pytest.mark.parametrize("before", [1, 30])
@pytest.mark.parametrize("after", [1, 30])
def test_step(
    own: int, other: int, expected: list[tuple[ClockOwner, int]], before: int, after: int
) -> None:
    run = Run()
    run.send(before)
    run.base += own
    run.offset += other
    run.send(after)
    assert run.steps() == expected
    assert [step.time for step in run.statistics.steps.newest] == [
        before * run.interval for _ in expected
    ]
    statistics = run.statistics
    assert statistics.network.moments.maximum == 200 * MICROSECOND
    for queue in (statistics.queueingUp.summary(), statistics.queueingDown.summary()):
        assert queue.count == before + after
        assert (queue.moments.maximum or 0) <= 150 * MICROSECOND
    offset = statistics.clock.offset()
    assert offset is not None
    assert abs(offset.value - (run.offset - (run.base - EPOCH))) <= offset.bound
    if expected:
        assert statistics.up.count == after
    skew = statistics.clock.skew()
    if skew is not None:
        assert abs(skew.ppm) < 100


def test_thresholdsAreNotFooled() -> None:
    """A step between two long pieces changes none of the conditions that people set."""
    run = Run(statistics=TargetStatistics(True))
    for step in (0, 10 * SECOND, -4 * SECOND):
        run.offset += step
        run.send(12)
    text = "max>1ms,skew>1ppm,queue.up.max>1ms,queue.down.max>1ms,jitter>1ms,loss>0,loss.up>0"
    assert violations(parseThresholds(text), run.statistics) == []
    figures = summarize(run.statistics)
    assert figures["pieces"] == {"clock": 2, "session": 0, "reflector": 0}
    steps = figures["clock_steps"]
    assert isinstance(steps, dict)
    assert (steps["reflector"], steps["this_host"]) == (2, 0)


@pytest.mark.parametrize("setInFlight", [SECOND, -SECOND, 300 * MICROSECOND, -150 * MICROSECOND])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 5), (5, 0), (5, 5)])
def test_setWhileAPacketIsOnItsWay(setInFlight: int, before: int, after: int) -> None:
    """Nothing by the wall clock is known of that packet."""
    run = Run()
    run.send(before)
    result = run.packet(setInFlight)
    assert result.delays.network is None
    run.statistics.add(result)
    run.send(after)
    statistics = run.statistics
    assert (statistics.received, statistics.network.count) == (before + 1 + after, before + after)
    assert statistics.contradicted == 1
    if abs(setInFlight) == SECOND:
        assert run.steps() == [(OWN, setInFlight // MICROSECOND)]
    if before + after:
        assert statistics.network.moments.minimum == 200 * MICROSECOND
        # The round trip of the application is no neighbour of those of the network.
        assert not statistics.jitter.absolute.moments.maximum


@pytest.mark.parametrize("ppm", [-500, 100, 500])
def test_slewIsNoStep(ppm: int) -> None:
    run = Run()
    for number in range(300):
        run.offset += ppm * run.interval // 1_000_000 * (100 <= number < 200)
        run.send()
    assert run.steps() == []
    for queue in (run.statistics.queueingUp.summary(), run.statistics.queueingDown.summary()):
        assert (queue.moments.maximum or 0) <= 200 * MICROSECOND


def test_skewIsNoStep() -> None:
    run = Run(interval=10 * SECOND)
    for _ in range(50):
        run.offset += 100 * run.interval // 1_000_000
        run.send()
    assert run.steps() == []
    skew = run.statistics.clock.skew()
    assert skew is not None
    assert skew.ppm == pytest.approx(100, abs=1)


def test_skewOfManyPieces() -> None:
    """Setting a clock does not change how fast it runs."""
    run = Run()
    for number in range(300):
        run.offset += 50 * run.interval // 1_000_000 + (number % 15 == 14) * SECOND
        run.send()
    skew = run.statistics.clock.skew()
    assert skew is not None
    assert skew.ppm == pytest.approx(50, abs=1)
    assert run.statistics.steps.total == 20
    assert len(run.statistics.steps.newest) == MAXIMUM_STEPS


def test_overtaken() -> None:
    """A reply from before a step that comes after it begins no piece."""
    run = Run()
    run.send(5)
    late = run.packet()
    run.base += SECOND
    run.offset += 5 * SECOND
    run.send(3)
    run.statistics.add(late)
    run.send(3)
    assert run.steps() == [(OWN, 1_000_000), (OTHER, 5_000_000)]
    assert (run.statistics.network.count, run.statistics.up.count) == (12, 6)


def test_congestedPacketHidesNoStep() -> None:
    """One bound is wide, but those before it were not."""
    run = Run()
    run.send(5)
    run.down = 100 * MILLISECOND
    run.send()
    run.down = 100 * MICROSECOND
    run.offset += 10 * MILLISECOND
    run.send(5)
    assert len(run.statistics.steps.newest) == 1


def test_lostPacketsShowOwnSteps() -> None:
    statistics = TargetStatistics()
    for sequence, base in enumerate((EPOCH, EPOCH, EPOCH + SECOND, EPOCH + SECOND)):
        statistics.addSent(sequence, 0, 0)
        statistics.add(ProbeResult(sequence, ProbeState.TIMEOUT, sequence, base, sentBase=base))
    assert [(step.owner, step.step, step.time) for step in statistics.steps.newest] == [
        (OWN, SECOND, 2)
    ]


def test_otherReflector() -> None:
    """Another clock is no clock that was set."""
    run = Run(statistics=TargetStatistics())
    run.send(30)
    run.statistics.beginPiece(PieceReason.REFLECTOR)
    run.number = 0
    offset = run.statistics.clock.offset()
    assert offset is not None
    run.offset += 100 * SECOND
    run.send(2)
    assert run.steps() == []
    assert run.statistics.clock.skew() is None
    assert run.statistics.up.count == 2
    run.statistics.beginPiece(PieceReason.SESSION)
    run.offset += SECOND
    run.send(1)
    assert run.steps() == [(OTHER, 1_000_000)]
    assert run.statistics.piece == 3


@pytest.mark.parametrize("tick", [0, MILLISECOND, 10 * MILLISECOND])
def test_coarseClock(tick: int) -> None:
    """Its ticks are no steps."""
    run = Run(interval=SECOND // 10 + 333 * MICROSECOND, tick=tick)
    run.send(100)
    assert run.steps() == []
    run.offset += 50 * MILLISECOND
    run.send(100)
    assert run.statistics.steps.total == 1


@pytest.mark.parametrize("tick", [15_600_000, 130 * MILLISECOND + 7])
def test_clockThatJumpsToAndFro(tick: int) -> None:
    """The times of a clock with long ticks, or of two hosts, are no steps for ever."""
    run = Run(interval=SECOND // 10 + 333 * MICROSECOND, tick=tick)
    run.send(200)
    few = run.statistics.steps.total
    assert few <= 40
    run.send(1000)
    assert run.statistics.steps.total <= few + 2
    assert 0.5 * tick <= run.statistics.clockNoise <= 2 * tick
    offset = run.statistics.clock.offset()
    assert offset is not None
    assert abs(offset.value - run.offset) <= offset.bound <= 3 * tick
    # Nobody can know it any more.
    assert run.statistics.queueingUp.summary().count <= 200
    run.statistics.beginPiece(PieceReason.REFLECTOR)
    assert run.statistics.clockNoise == 0


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(-(10**10), 10**10),
            st.integers(-(10**10), 10**10),
            st.integers(0, 5 * 10**6),
            st.integers(0, 5 * 10**6),
            st.sampled_from([0, 0, 0, 1]),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_queueingNeverExceedsTheRoundTrip(events: list[tuple[int, int, int, int, int]]) -> None:
    run = Run()
    for own, other, up, down, steps in events:
        run.base += own * steps
        run.offset += other * steps
        run.up, run.down = up, down
        run.send()
    trips = run.statistics.network
    for queue in (run.statistics.queueingUp.summary(), run.statistics.queueingDown.summary()):
        assert queue.count == len(events)
        for percent in (0, 25, 50, 75, 90, 100):
            # Two buckets of the same value can be half a percent apart.
            assert (queue.percentile(percent) or 0) <= (trips.percentile(percent) or 0) * 1.01
