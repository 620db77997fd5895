"""
How much longer a way takes than at its best.  Pure.

A raw one-way delay contains the offset of two clocks.  The difference of two of them
does not, apart from the skew, which is taken off first.  So this figure needs no
synchronized clocks, and it is the part of the delay that load can change.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.measure.distribution import Distribution

BLOCK = 512
"""
Samples that wait until the skew among them is known.
"""

MINIMA = 64
"""
Smallest delays of earlier blocks that are kept; when there are more, two become one.
"""


class QueueingDelay:
    """
    The delay of one way above its minimum.
    """

    def __init__(self, skew: Callable[[], float]) -> None:
        """
        @param skew: gives by how much raw delays of this way grow, in nanoseconds for
            each nanosecond, as far as known.
        """
        self._skew = skew
        self._done = Distribution()
        self._block: list[tuple[int, int]] = []
        self._minima: list[tuple[int, int]] = []

    def add(self, at: int, delay: int | None) -> None:
        """
        @param at: when, in nanoseconds since the start.
        @param delay: raw, in nanoseconds; L{None} is passed over.
        """
        if delay is None:
            return
        self._block.append((at, delay))
        if len(self._block) == BLOCK:
            skew = self._skew()
            self._take(self._done, skew)
            self._minima.append(_least(self._block, skew))
            self._block = []
            if len(self._minima) > MINIMA:
                pairs = zip(self._minima[::2], self._minima[1::2], strict=False)
                odd = self._minima[-1:] if len(self._minima) % 2 else []
                self._minima = [_least(pair, skew) for pair in pairs] + odd

    def summary(self) -> Distribution:
        """
        @return: the delays above the minimum, of all samples so far.
        """
        whole = Distribution()
        whole.merge(self._done)
        if self._block:
            self._take(whole, self._skew())
        return whole

    def _take(self, into: Distribution, skew: float) -> None:
        """
        Work the block off.

        @param into: gets the delays above the minimum.
        @param skew: of the raw delays.
        """
        start = self._block[0][0]
        floor = min(delay - skew * (at - start) for at, delay in (*self._minima, *self._block))
        for at, delay in self._block:
            into.add(round(delay - skew * (at - start) - floor))


def _least(
    samples: list[tuple[int, int]] | tuple[tuple[int, int], ...], skew: float
) -> tuple[int, int]:
    """
    @param samples: times and delays.
    @param skew: of the delays.
    @return: the sample with the least delay when the skew is taken off.
    """
    start = samples[0][0]
    return min(samples, key=lambda each: each[1] - skew * (each[0] - start))
