"""
Smallest, mean, largest and spread of values that are not kept.  Pure.
"""

from __future__ import annotations

import math


class Moments:
    """
    The moments of all values so far, by Welford's method: no sum of squares that loses
    the digits which matter.

    @ivar count: how many values there were.
    @ivar minimum: the smallest; L{None} when there is none.
    @ivar maximum: the largest; L{None} when there is none.
    """

    __slots__ = ("_mean", "_squares", "count", "maximum", "minimum")

    def __init__(self) -> None:
        """
        Start with no value.
        """
        self.count = 0
        self.minimum: int | None = None
        self.maximum: int | None = None
        self._mean = 0.0
        self._squares = 0.0

    def add(self, value: int) -> None:
        """
        @param value: one more.
        """
        self.count += 1
        if self.minimum is None or value < self.minimum:
            self.minimum = value
        if self.maximum is None or value > self.maximum:
            self.maximum = value
        difference = value - self._mean
        self._mean += difference / self.count
        self._squares += difference * (value - self._mean)

    def merge(self, other: Moments) -> None:
        """
        Take all values of another in.

        @param other: is left as it is.
        """
        if other.minimum is None or other.maximum is None:
            return
        count = self.count + other.count
        difference = other._mean - self._mean
        self._squares += other._squares + difference**2 * self.count * other.count / count
        self._mean += difference * other.count / count
        self.count = count
        self.minimum = min(other.minimum, other.minimum if self.minimum is None else self.minimum)
        self.maximum = max(other.maximum, other.maximum if self.maximum is None else self.maximum)

    @property
    def mean(self) -> float | None:
        """
        @return: the average; L{None} when there is no value.
        """
        return self._mean if self.count else None

    @property
    def deviation(self) -> float | None:
        """
        @return: the standard deviation of these values (not of what they might be a
            sample of); L{None} when there is no value.
        """
        return math.sqrt(self._squares / self.count) if self.count else None
