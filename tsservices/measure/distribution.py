"""
All that is told of one kind of value: moments and percentiles.  Pure.
"""

from __future__ import annotations

from tsservices.measure.histogram import Histogram
from tsservices.measure.moments import Moments

PERCENTS = (50.0, 90.0, 95.0, 99.0, 99.9)
"""
The percentiles that every report has.
"""


class Distribution:
    """
    Values of one kind, in nanoseconds.

    @ivar moments: their moments.
    @ivar histogram: their histogram.
    """

    __slots__ = ("histogram", "moments")

    def __init__(self) -> None:
        """
        Start with no value.
        """
        self.moments = Moments()
        self.histogram = Histogram()

    def add(self, value: int | None) -> None:
        """
        @param value: one more; L{None} is passed over.
        """
        if value is not None:
            self.moments.add(value)
            self.histogram.add(value)

    def merge(self, other: Distribution) -> None:
        """
        Take all values of another in.

        @param other: is left as it is.
        """
        self.moments.merge(other.moments)
        self.histogram.merge(other.histogram)

    @property
    def count(self) -> int:
        """
        @return: how many values there were.
        """
        return self.moments.count

    def percentile(self, percent: float) -> int | None:
        """
        @param percent: 0 to 100.
        @return: the value that so many percent of all do not exceed; L{None} when there
            is none.
        """
        return self.histogram.percentile(percent)
