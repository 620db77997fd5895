"""
Histograms of durations.  Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

#: Upper bounds in seconds: three for each power of ten, from the time of one call to the time after
#: which a user gives up.
SECONDS = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)


class Histogram:
    """
    The numbers of durations in intervals.

    @ivar counts: for each of L{SECONDS} the number of durations up to it, and above the bound
        before; last, the number above all bounds.
    @ivar total: the sum in seconds.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0

    def count(self, times: Iterable[float]) -> None:
        """
        Count many durations at once: sorted, they cost less than counted one by one.

        @param times: in seconds.
        """
        ordered = sorted(times)
        self.total += sum(ordered)
        below = 0
        for place, bound in enumerate(SECONDS):
            upTo = bisect_right(ordered, bound, below)
            self.counts[place] += upTo - below
            below = upTo
        self.counts[-1] += len(ordered) - below
