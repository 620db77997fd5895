"""Tests for L{tsservices.stamp.stats.distribution}."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.stamp.stats.distribution import (
    MAXIMUM_VALUE,
    Distribution,
    Histogram,
    Moments,
    bucketOf,
    rangeOf,
)

#: Nanoseconds of anything that is measured, signs included.
VALUES = st.integers(-(10**15), 10**15)


def histogramOf(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def nearestRank(values: list[int], percent: float) -> int:
    return sorted(values)[max(1, math.ceil(round(percent * len(values) / 100, 6))) - 1]


class TestHistogram:
    def test_bucketsAreInOrderThroughZero(self) -> None:
        buckets = [bucketOf(value) for value in range(-2000, 2000)]
        assert buckets == sorted(buckets)
        for value in range(-2000, 2000):
            low, high = rangeOf(bucketOf(value))
            assert low <= value <= high

    @given(st.integers(-MAXIMUM_VALUE, MAXIMUM_VALUE))
    def test_error(self, value: int) -> None:
        """The middle of a bucket is within 0.4 % of all that is in it."""
        low, high = rangeOf(bucketOf(value))
        assert low <= value <= high
        assert abs((low + high) / 2 - value) <= 0.004 * abs(value) + 0.5

    @given(st.lists(VALUES, min_size=1, max_size=60), st.floats(0, 100))
    def test_percentiles(self, values: list[int], percent: float) -> None:
        found = histogramOf(values).percentile(percent)
        assert found is not None
        exact = nearestRank(values, percent)
        assert abs(found - exact) <= 0.004 * abs(exact) + 1

    @given(st.lists(VALUES), st.lists(VALUES))
    def test_merge(self, first: list[int], second: list[int]) -> None:
        expected = histogramOf(first + second)
        merged = histogramOf(first)
        merged.merge(histogramOf(second))
        assert list(merged.ranges()) == list(expected.ranges())
        assert (merged.total, merged.minimum) == (expected.total, expected.minimum)
        assert merged.maximum == expected.maximum

    @given(st.lists(VALUES, min_size=1), st.randoms(use_true_random=False))
    def test_order(self, values: list[int], randomness: object) -> None:
        shuffled = list(values)
        randomness.shuffle(shuffled)  # type: ignore[attr-defined]
        assert list(histogramOf(values).ranges()) == list(histogramOf(shuffled).ranges())

    def test_empty(self) -> None:
        empty = Histogram()
        assert (empty.percentile(50), empty.minimum, list(empty.ranges())) == (None, None, [])

    def test_memory(self) -> None:
        histogram = Histogram()
        for exponent in range(200):
            for step in range(1000):
                histogram.add((1 << exponent) * (1000 + step) // 1000)
        assert len(list(histogram.ranges())) < 128 * 62
        assert histogram.total == 200_000

    def test_countUpTo(self) -> None:
        histogram = histogramOf([-5, 0, 5, 10, 1000])
        assert [histogram.countUpTo(bound) for bound in (-6, -5, 4, 10, 2000)] == [0, 1, 2, 4, 5]


class TestMoments:
    def test_byHand(self) -> None:
        moments = Moments()
        for value in (2, 4, 4, 4, 5, 5, 7, 9):
            moments.add(value)
        assert (moments.minimum, moments.mean, moments.maximum) == (2, 5.0, 9)
        assert moments.deviation == pytest.approx(2.0)

    def test_digits(self) -> None:
        """A large offset does not cost digits of the deviation."""
        moments = Moments()
        for value in (10**15 + 1, 10**15 + 2, 10**15 + 3):
            moments.add(value)
        assert moments.deviation == pytest.approx(math.sqrt(2 / 3), rel=1e-6)

    @given(st.lists(VALUES, max_size=30), st.lists(VALUES, max_size=30))
    def test_merge(self, first: list[int], second: list[int]) -> None:
        parts = [Moments(), Moments()]
        for part, values in zip(parts, (first, second), strict=True):
            for value in values:
                part.add(value)
        parts[0].merge(parts[1])
        expected = first + second
        assert parts[0].count == len(expected)
        if expected:
            # Values that cancel out leave the rounding of the largest.
            largest = max(abs(item) for item in expected)
            mean, deviation = statistics.fmean(expected), statistics.pstdev(expected)
            assert parts[0].mean == pytest.approx(mean, rel=1e-9, abs=1e-3 + 1e-14 * largest)
            assert parts[0].deviation == pytest.approx(deviation, rel=1e-6, abs=1 + 1e-12 * largest)

    def test_empty(self) -> None:
        assert (Moments().mean, Moments().deviation, Moments().minimum) == (None, None, None)


class TestDistribution:
    def test_unknown(self) -> None:
        values = Distribution()
        for value in (None, 3, None):
            values.add(value)
        assert (values.count, values.percentile(50)) == (1, 3)

    def test_merge(self) -> None:
        one, other = Distribution(), Distribution()
        one.add(1)
        other.add(9)
        one.merge(other)
        assert (one.count, one.moments.mean, one.percentile(100)) == (2, 5.0, 9)

    @pytest.mark.parametrize("offset", [0, -(10**10), 3 * 10**17])
    def test_relative(self, offset: int) -> None:
        """An offset of seconds, or of years, does not hide differences of microseconds."""
        values = Distribution(relative=True)
        delays = [20_000 + 1000 * number for number in range(100)]
        for delay in delays:
            values.add(offset + delay)
        for percent in (10, 50, 90):
            found = values.percentile(percent)
            assert found is not None
            assert found - offset == pytest.approx(nearestRank(delays, percent), rel=0.004)
        copied = values.histogram.copy()
        assert list(copied.ranges()) == list(values.histogram.ranges())
        assert copied.countUpTo(offset + 69_000) == 50
        low, high, count = next(copied.ranges())
        assert (low, high, count) == (offset + 20_000, offset + 20_000, 1)

    @given(st.lists(VALUES, max_size=100), st.integers(1, 100))
    def test_oneByOne(self, values: list[int], looks: int) -> None:
        """What is counted together has the figures of what is counted one by one."""
        together, moments = Distribution(), Moments()
        for number, value in enumerate(values):
            together.add(value)
            moments.add(value)
            assert together.count == number + 1
            if number % looks == 0:
                assert together.moments.maximum == max(values[: number + 1])
        assert list(together.histogram.ranges()) == list(histogramOf(values).ranges())
        assert (together.moments.minimum, together.moments.maximum) == (
            moments.minimum,
            moments.maximum,
        )
        if values:
            # Values that cancel out leave the rounding of the largest.
            largest = max(map(abs, values))
            mean, deviation = statistics.fmean(values), statistics.pstdev(values)
            assert together.moments.mean == pytest.approx(mean, rel=1e-9, abs=1e-14 * largest)
            assert together.moments.deviation == pytest.approx(
                deviation, rel=1e-6, abs=1 + 1e-12 * largest
            )
