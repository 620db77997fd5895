"""
Percentiles of a bucketed histogram (the same arithmetic as C{histogram.h}) and of a plain list.
"""

from __future__ import annotations

from collections.abc import Sequence

# A bucket is 1/128 of its power of two.
SUB_BITS = 7
SUB_BUCKETS = 1 << SUB_BITS


def bucketOf(value: int) -> int:
    """The number of the bucket that counts C{value}; each doubling has 128."""
    if value < SUB_BUCKETS:
        return value
    shift = value.bit_length() - 1 - SUB_BITS
    return ((shift + 1) << SUB_BITS) + (value >> shift) - SUB_BUCKETS


def middleOf(bucket: int) -> float:
    """The middle of a bucket in nanoseconds, within 0.4 % of all values in it."""
    group = bucket >> SUB_BITS
    if group == 0:
        return float(bucket)
    width = 1 << (group - 1)
    return ((bucket & (SUB_BUCKETS - 1)) + SUB_BUCKETS) * width + (width - 1) / 2


class Histogram:
    """
    Durations counted in buckets that grow with the value.

    @ivar counts: Number of durations in each bucket.
    @ivar total: Number of all durations.
    @ivar maximum: The longest duration in nanoseconds, exact.
    """

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.total = 0
        self.maximum = 0

    def add(self, value: int) -> None:
        """Count one duration in nanoseconds."""
        bucket = bucketOf(value)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += 1
        self.maximum = max(self.maximum, value)

    def at(self, fraction: float) -> float:
        """The percentile at C{fraction} (0 to 1) in nanoseconds; 0 when nothing was counted."""
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= fraction * self.total:
                return middleOf(bucket)
        return 0.0


def nearestRank(values: Sequence[float], fraction: float) -> float:
    """
    The percentile at C{fraction} (0 to 1) of a plain list, by nearest rank, in the list's unit.

    @raise ValueError: The list is empty.
    """
    if not values:
        raise ValueError("no percentile of nothing")
    # Rounding removes the errors of binary fractions: 0.99 * 100 must be rank 99.
    exact = round(fraction * len(values), 9)
    rank = int(exact) + (exact > int(exact))
    return sorted(values)[max(rank, 1) - 1]
