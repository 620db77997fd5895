"""Tests for L{tsservices.stamp.stats.clock_offset} and L{tsservices.stamp.stats.delay}."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsservices.stamp.stats.clock_offset import MAXIMUM_SPANS, ClockFilter, ClockSample
from tsservices.stamp.stats.delay import MAXIMUM_MINIMA, Jitter, QueueingDelay

#: Nanoseconds.
SECOND = 1_000_000_000


class TestClockFilter:
    def test_leastDelayHasTheOffset(self) -> None:
        clock = ClockFilter()
        for delay, offset in ((500, 90), (201, 41), (300, -10)):
            clock.add(ClockSample(0, offset, delay))
        found = clock.offset()
        assert found is not None
        assert (found.value, found.bound, found.age) == (41, 101, 0)

    def test_age(self) -> None:
        """Clocks may have drifted since an old sample."""
        clock = ClockFilter()
        clock.add(ClockSample(0, 1, 1000))
        clock.add(ClockSample(10 * SECOND, 2, 100_000))
        found = clock.offset()
        assert found is not None
        assert (found.value, found.age) == (2, 0)
        clock.add(ClockSample(11 * SECOND, 3, 900_000))
        found = clock.offset()
        assert found is not None
        assert (found.value, found.age) == (2, SECOND)

    @settings(max_examples=50)
    @given(
        st.integers(-(10**12), 10**12),
        st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=80),
    )
    def test_bound(self, offset: int, trips: list[tuple[int, int]]) -> None:
        """It holds however the delay is shared between the directions."""
        clock = ClockFilter()
        for number, (up, down) in enumerate(trips):
            found = (up + offset - (down - offset)) // 2
            clock.add(ClockSample(number * SECOND, found, up + down))
        estimate = clock.offset()
        assert estimate is not None
        assert abs(estimate.value - offset) <= estimate.bound + 1

    def test_skewUnderVaryingDelays(self) -> None:
        path = Random(7)
        clock = ClockFilter()
        for number in range(600):
            time = number * SECOND // 2
            up, down = 1000 + path.expovariate(1e-5), 1000 + path.expovariate(1e-5)
            offset = 10**9 + 50e-6 * time + (up - down) / 2
            clock.add(ClockSample(time, round(offset), round(up + down)))
        skew = clock.skew()
        assert skew is not None
        assert skew.ppm == pytest.approx(50, abs=0.5)
        assert abs(skew.ppm - 50) < 4 * skew.error
        assert skew.significant

    def test_noSkew(self) -> None:
        clock = ClockFilter()
        for number in range(4):
            clock.add(ClockSample(number * SECOND, 0, 100))
        assert clock.skew() is None
        path = Random(3)
        for number in range(4, 100):
            clock.add(ClockSample(number * SECOND, path.randrange(-50, 50), 100))
        skew = clock.skew()
        assert skew is not None
        assert abs(skew.ppm) < 0.01

    def test_memory(self) -> None:
        clock = ClockFilter()
        for number in range(20_000):
            clock.add(ClockSample(number * SECOND, number, 100 + number % 7))
        assert len(clock._best) <= MAXIMUM_SPANS


class TestQueueing:
    def test_byHand(self) -> None:
        """Negative raw delays too."""
        queue = QueueingDelay(lambda: 0.0)
        for time, delay in enumerate((-1000, -990, None, -1000, -900)):
            queue.add(time, delay)
        found = queue.summary()
        assert (found.count, found.moments.maximum, found.moments.mean) == (4, 100, 27.5)

    @pytest.mark.parametrize("skew", [0.0, 40e-6])
    def test_skew(self, skew: float) -> None:
        """With the skew taken off, a path without queues has no queueing delay."""
        queue = QueueingDelay(lambda: skew)
        for number in range(2000):
            time = number * SECOND // 10
            queue.add(time, round(5 * SECOND + 40e-6 * time) + (1000 if number % 10 == 9 else 0))
        p99 = queue.summary().percentile(99)
        assert p99 is not None
        assert (p99 <= 1010) == bool(skew)

    def test_summaryChangesNothing(self) -> None:
        queue = QueueingDelay(lambda: 0.0)
        for time in range(700):
            queue.add(time, 5 + time % 3)
            if time % 100 == 0:
                queue.summary()
        assert queue.summary().count == 700
        assert queue.summary().percentile(100) == 2

    def test_memory(self) -> None:
        queue = QueueingDelay(lambda: 0.0)
        for time in range(512 * 150):
            queue.add(time, 1 if time == 700 else 50)
        assert len(queue._minima) <= MAXIMUM_MINIMA
        assert queue.summary().percentile(99) == 49


class TestJitter:
    def test_byHand(self) -> None:
        """RFC 3550: each difference moves the estimate by a sixteenth."""
        jitter = Jitter()
        for sequence, delay in enumerate((100, 260, 100)):
            jitter.add(sequence, delay)
        assert jitter.estimate == pytest.approx(10 + (160 - 10) / 16)
        assert jitter.variation.moments.minimum == -160
        assert jitter.variation.moments.maximum == 160

    def test_noDifferenceOverAGap(self) -> None:
        jitter = Jitter()
        for sequence, delay in ((0, 5), (2, 50), (1, 99), (3, 51), (4, None), (5, 9)):
            jitter.add(sequence, delay)
        assert jitter.variation.count == 1
        assert jitter.variation.moments.maximum == 1
        assert Jitter().estimate is None
