"""
Distributions of values that are not stored: moments, and percentiles by a histogram.

Memory is bounded: the histogram has 128 buckets for each doubling of the value.  The error of a
percentile is less than 0.4 % of the value, or of its distance from an origin.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import mul

#: Bits of a value that its bucket keeps, besides the leading one.
SUB_BITS = 7

#: Buckets for each doubling.
SUB_BUCKETS = 1 << SUB_BITS

#: Larger values are counted as this one: about 146 years in nanoseconds.
MAXIMUM_VALUE = (1 << 62) - 1


def bucketOf(value: int) -> int:
    """Return the number of a value's bucket; the order of buckets is that of values."""
    if value < 0:
        return ~bucketOf(-value)
    if value < SUB_BUCKETS:
        return value
    if value > MAXIMUM_VALUE:
        value = MAXIMUM_VALUE
    shift = value.bit_length() - 1 - SUB_BITS
    return (shift << SUB_BITS) + (value >> shift)


def rangeOf(bucket: int) -> tuple[int, int]:
    """Return the smallest and the largest value in a bucket."""
    if bucket < 0:
        low, high = rangeOf(~bucket)
        return -high, -low
    if bucket < SUB_BUCKETS:
        return bucket, bucket
    shift = (bucket >> SUB_BITS) - 1
    low = ((bucket & (SUB_BUCKETS - 1)) + SUB_BUCKETS) << shift
    return low, low + (1 << shift) - 1


def known(value: int | None, default: int) -> int:
    """Return the value, or the default if the value is L{None}."""
    return default if value is None else value


class Histogram:
    """
    A histogram of whole numbers, also negative ones; minimum and maximum are exact.

    @ivar origin: buckets are finest around it; to be set before anything is counted.
    """

    __slots__ = ("_counts", "maximum", "minimum", "origin", "total")

    def __init__(self) -> None:
        self.origin = 0
        self._counts: defaultdict[int, int] = defaultdict(int)
        self.total = 0
        self.minimum: int | None = None
        self.maximum: int | None = None

    def add(self, value: int, count: int = 1) -> None:
        self._counts[bucketOf(value - self.origin)] += count
        self.total += count
        if self.minimum is None or value < self.minimum:
            self.minimum = value
        if self.maximum is None or value > self.maximum:
            self.maximum = value

    def extend(self, values: Sequence[int], low: int, high: int) -> None:
        """
        @param values: at least one.
        @param low: the smallest of them.
        @param high: the largest of them.
        """
        counts, origin = self._counts, self.origin
        if origin:
            for value in values:
                counts[bucketOf(value - origin)] += 1
        elif low >= SUB_BUCKETS and high <= MAXIMUM_VALUE:
            # Inlined L{bucketOf}: a call of it takes longer than its work.
            for value in values:
                shift = value.bit_length() - 1 - SUB_BITS
                counts[(shift << SUB_BITS) + (value >> shift)] += 1
        else:
            for value in values:
                counts[bucketOf(value)] += 1
        self.total += len(values)
        self.minimum = min(low, known(self.minimum, low))
        self.maximum = max(high, known(self.maximum, high))

    def merge(self, other: Histogram) -> None:
        """Add all values of another histogram, which has the same origin."""
        assert other.origin == self.origin
        for bucket, count in other._counts.items():
            self._counts[bucket] += count
        self.total += other.total
        if other.minimum is not None:
            self.minimum = min(other.minimum, known(self.minimum, other.minimum))
        if other.maximum is not None:
            self.maximum = max(other.maximum, known(self.maximum, other.maximum))

    def copy(self) -> Histogram:
        twin = Histogram()
        twin.origin = self.origin
        twin.merge(self)
        return twin

    def percentile(self, percent: float) -> int | None:
        """Return the value that C{percent} of all values do not exceed, by nearest rank."""
        if self.minimum is None or self.maximum is None:
            return None
        # Rounded, since binary fractions add a little: 99.9 % of 1000 must stay 999.
        rank = max(1.0, round(percent * self.total / 100, 6))
        if rank <= 1:
            return self.minimum
        if rank > self.total - 1:
            return self.maximum
        count = 0
        value = self.minimum
        for bucket in sorted(self._counts):
            count += self._counts[bucket]
            if count >= rank:
                low, high = rangeOf(bucket)
                value = self.origin + (low + high) // 2
                break
        return max(self.minimum, min(self.maximum, value))

    def ranges(self) -> Iterator[tuple[int, int, int]]:
        """Yield smallest value, largest value and count of each non-empty bucket, in order."""
        for bucket in sorted(self._counts):
            low, high = rangeOf(bucket)
            yield self.origin + low, self.origin + high, self._counts[bucket]

    def countUpTo(self, bound: int) -> int:
        """Count the values that do not exceed C{bound}, or are in the same bucket."""
        limit = bucketOf(bound - self.origin)
        return sum(count for bucket, count in self._counts.items() if bucket <= limit)


class Moments:
    """The moments of all values so far."""

    # By Welford's method: a plain sum of squares would lose the significant digits.
    __slots__ = ("_mean", "_squares", "count", "maximum", "minimum")

    def __init__(self) -> None:
        self.count = 0
        self.minimum: int | None = None
        self.maximum: int | None = None
        self._mean = 0.0
        self._squares = 0.0

    def add(self, value: int) -> None:
        self.count += 1
        if self.minimum is None or value < self.minimum:
            self.minimum = value
        if self.maximum is None or value > self.maximum:
            self.maximum = value
        difference = value - self._mean
        self._mean += difference / self.count
        self._squares += difference * (value - self._mean)

    def extend(self, values: Sequence[int], low: int, high: int) -> None:
        """
        @param values: at least one.
        @param low: the smallest of them.
        @param high: the largest of them.
        """
        # Integers lose no digits, so plain sums are exact here.
        count, total = len(values), sum(values)
        squares = (count * sum(map(mul, values, values)) - total**2) / count
        self._merge(count, total / count, squares, low, high)

    def merge(self, other: Moments) -> None:
        if other.minimum is not None and other.maximum is not None:
            self._merge(other.count, other._mean, other._squares, other.minimum, other.maximum)

    def _merge(self, count: int, mean: float, squares: float, low: int, high: int) -> None:
        # Chan's formula for the squares of two sets.
        both = self.count + count
        difference = mean - self._mean
        self._squares += squares + difference**2 * self.count * count / both
        self._mean += difference * count / both
        self.count = both
        self.minimum = min(low, known(self.minimum, low))
        self.maximum = max(high, known(self.maximum, high))

    @property
    def mean(self) -> float | None:
        """L{None} if there is no value."""
        return self._mean if self.count else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of these values themselves, not estimated from a sample."""
        return math.sqrt(self._squares / self.count) if self.count else None


#: The percentiles of every report.
PERCENTS = (50.0, 90.0, 95.0, 99.0, 99.9)


#: Values that are collected and counted together: 0.8 microseconds each, instead of 1.1 one at a
#: time.  One at a time, the histograms of many hosts would also miss the processor's cache.
WAITING_VALUES = 32


class Distribution:
    """Values of one kind, in nanoseconds."""

    __slots__ = ("_histogram", "_moments", "_relative", "_waiting")

    def __init__(self, relative: bool = False) -> None:
        """
        @param relative: all values contain the same offset, which may be a thousand times as large
            as their differences: percentiles are as precise as for the differences alone.
        """
        self._relative = relative
        self._moments = Moments()
        self._histogram = Histogram()
        self._waiting: list[int] = []

    def add(self, value: int | None) -> None:
        """@param value: L{None} is ignored."""
        if value is not None:
            waiting = self._waiting
            waiting.append(value)
            if len(waiting) == WAITING_VALUES:
                self._countWaiting()

    def extend(self, values: Sequence[int]) -> None:
        if values:
            low, high = min(values), max(values)
            if self._relative and not self._moments.count:
                self._histogram.origin = low
            self._moments.extend(values, low, high)
            self._histogram.extend(values, low, high)

    def _countWaiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.extend(waiting)

    @property
    def moments(self) -> Moments:
        self._countWaiting()
        return self._moments

    @property
    def histogram(self) -> Histogram:
        self._countWaiting()
        return self._histogram

    def merge(self, other: Distribution) -> None:
        self._moments.merge(other.moments)
        self._histogram.merge(other.histogram)

    @property
    def count(self) -> int:
        return self._moments.count + len(self._waiting)

    def percentile(self, percent: float) -> int | None:
        return self.histogram.percentile(percent)
