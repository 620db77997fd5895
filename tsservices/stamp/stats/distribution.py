"""
The distribution of values that are not kept: moments, and percentiles by a histogram.

Memory is bounded, whatever is counted: the histogram has 128 buckets for each doubling.  A
percentile is off by less than 0.4 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

#: Bits of a value that its bucket keeps, beside the leading one.
SUB_BITS = 7

#: Buckets for each doubling.
SUB_BUCKETS = 1 << SUB_BITS

#: Larger values, some 146 years in nanoseconds, are counted as this one.
MAXIMUM_VALUE = (1 << 62) - 1


def bucketOf(value: int) -> int:
    """The number of the bucket; the order of buckets is that of values."""
    if value < 0:
        return ~bucketOf(-value)
    value = min(value, MAXIMUM_VALUE)
    if value < SUB_BUCKETS:
        return value
    shift = value.bit_length() - 1 - SUB_BITS
    return (shift << SUB_BITS) + (value >> shift)


def rangeOf(bucket: int) -> tuple[int, int]:
    """The smallest and the largest value in it."""
    if bucket < 0:
        low, high = rangeOf(~bucket)
        return -high, -low
    if bucket < SUB_BUCKETS:
        return bucket, bucket
    shift = (bucket >> SUB_BITS) - 1
    low = ((bucket & (SUB_BUCKETS - 1)) + SUB_BUCKETS) << shift
    return low, low + (1 << shift) - 1


def known(value: int | None, default: int) -> int:
    """The value, or the default if there is none."""
    return default if value is None else value


class Histogram:
    """Counts whole numbers, negative ones too; minimum and maximum are exact."""

    __slots__ = ("_counts", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.total = 0
        self.minimum: int | None = None
        self.maximum: int | None = None

    def add(self, value: int, count: int = 1) -> None:
        bucket = bucketOf(value)
        self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.total += count
        if self.minimum is None or value < self.minimum:
            self.minimum = value
        if self.maximum is None or value > self.maximum:
            self.maximum = value

    def merge(self, other: Histogram) -> None:
        """Count all values of another as well."""
        for bucket, count in other._counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.total += other.total
        if other.minimum is not None:
            self.minimum = min(other.minimum, known(self.minimum, other.minimum))
        if other.maximum is not None:
            self.maximum = max(other.maximum, known(self.maximum, other.maximum))

    def copy(self) -> Histogram:
        twin = Histogram()
        twin.merge(self)
        return twin

    def percentile(self, percent: float) -> int | None:
        """The value that so many percent of all do not exceed, by nearest rank."""
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
                value = (low + high) // 2
                break
        return max(self.minimum, min(self.maximum, value))

    def ranges(self) -> Iterator[tuple[int, int, int]]:
        """Smallest value, largest value and count of each bucket that is not empty, in order."""
        for bucket in sorted(self._counts):
            low, high = rangeOf(bucket)
            yield low, high, self._counts[bucket]

    def countUpTo(self, bound: int) -> int:
        """How many values do not exceed it, to the end of its bucket."""
        limit = bucketOf(bound)
        return sum(count for bucket, count in self._counts.items() if bucket <= limit)


class Moments:
    """The moments of all values so far."""

    # By Welford's method: a plain sum of squares would lose the digits that matter.
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

    def merge(self, other: Moments) -> None:
        # Chan's formula for the squares of two sets.
        if other.minimum is None or other.maximum is None:
            return
        count = self.count + other.count
        difference = other._mean - self._mean
        self._squares += other._squares + difference**2 * self.count * other.count / count
        self._mean += difference * other.count / count
        self.count = count
        self.minimum = min(other.minimum, known(self.minimum, other.minimum))
        self.maximum = max(other.maximum, known(self.maximum, other.maximum))

    @property
    def mean(self) -> float | None:
        """L{None} if there is no value."""
        return self._mean if self.count else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of these values, not of what they might be a sample of."""
        return math.sqrt(self._squares / self.count) if self.count else None


#: The percentiles that every report has.
PERCENTS = (50.0, 90.0, 95.0, 99.0, 99.9)


class Distribution:
    """Values of one kind, in nanoseconds."""

    __slots__ = ("histogram", "moments")

    def __init__(self) -> None:
        self.moments = Moments()
        self.histogram = Histogram()

    def add(self, value: int | None) -> None:
        """@param value: L{None} is ignored."""
        if value is not None:
            self.moments.add(value)
            self.histogram.add(value)

    def merge(self, other: Distribution) -> None:
        self.moments.merge(other.moments)
        self.histogram.merge(other.histogram)

    @property
    def count(self) -> int:
        return self.moments.count

    def percentile(self, percent: float) -> int | None:
        return self.histogram.percentile(percent)
