"""
How much the delay changes from one packet to the next.  Pure.

How much longer a way takes than at its best.  Pure.

A raw one-way delay contains the offset of two clocks.  The difference of two of them
does not, apart from the skew, which is taken off first.  So this figure needs no
synchronized clocks, and it is the part of the delay that load can change.

Round trips by time, coarser as the run grows longer.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.stamp.stats.distribution import Distribution


class Jitter:
    """
    Interarrival jitter as RTP has it (RFC 3550, section 6.4.1), and the distribution of
    the differences between neighbours (IPDV, RFC 3393).

    A difference is taken only between packets that were sent one after the other: with
    one lost between them there is none, nor when they arrive in the wrong order.

    @ivar variation: the differences, each of the later packet less the earlier.
    @ivar absolute: the same without their signs.
    """

    def __init__(self) -> None:
        """Start with no packet."""
        self.variation = Distribution()
        self.absolute = Distribution()
        self._estimate = 0.0
        self._last: tuple[int, int] | None = None

    def add(self, sequence: int, delay: int | None) -> None:
        """
        @param delay: of it in nanoseconds; an error of the clocks that stays the same
            does no harm.  L{None} when it is unknown.
        """
        if delay is None:
            return
        if self._last is not None:
            before, earlier = self._last
            if sequence <= before:
                return
            if sequence == before + 1:
                difference = delay - earlier
                self.variation.add(difference)
                self.absolute.add(abs(difference))
                self._estimate += (abs(difference) - self._estimate) / 16
        self._last = sequence, delay

    @property
    def estimate(self) -> float | None:
        """The smoothed jitter in nanoseconds; L{None} before the first difference."""
        return self._estimate if self.absolute.count else None


#: Samples that wait until the skew among them is known.
BLOCK_SAMPLES = 512

#: Smallest delays of earlier blocks that are kept; when there are more, two become one.
MAXIMUM_MINIMA = 64


class QueueingDelay:
    """The delay of one way above its minimum."""

    def __init__(self, skew: Callable[[], float]) -> None:
        """
        @param skew: gives by how much raw delays of this way grow, in nanoseconds for
            each nanosecond, as far as known.
        """
        self._skew = skew
        self._done = Distribution()
        self._block: list[tuple[int, int]] = []
        self._minima: list[tuple[int, int]] = []

    def add(self, time: int, delay: int | None) -> None:
        """
        @param time: when, in nanoseconds since the start.
        @param delay: raw, in nanoseconds; L{None} is passed over.
        """
        if delay is None:
            return
        self._block.append((time, delay))
        if len(self._block) == BLOCK_SAMPLES:
            skew = self._skew()
            self._addBlock(self._done, skew)
            self._minima.append(_minimum(self._block, skew))
            self._block = []
            if len(self._minima) > MAXIMUM_MINIMA:
                pairs = zip(self._minima[::2], self._minima[1::2], strict=False)
                odd = self._minima[-1:] if len(self._minima) % 2 else []
                self._minima = [_minimum(pair, skew) for pair in pairs] + odd

    def summary(self) -> Distribution:
        """The delays above the minimum, of all samples so far."""
        whole = Distribution()
        whole.merge(self._done)
        if self._block:
            self._addBlock(whole, self._skew())
        return whole

    def _addBlock(self, into: Distribution, skew: float) -> None:
        """Work the block off."""
        start = self._block[0][0]
        floor = min(delay - skew * (at - start) for at, delay in (*self._minima, *self._block))
        for at, delay in self._block:
            into.add(round(delay - skew * (at - start) - floor))


def _minimum(
    samples: list[tuple[int, int]] | tuple[tuple[int, int], ...], skew: float
) -> tuple[int, int]:
    start = samples[0][0]
    return min(samples, key=lambda each: each[1] - skew * (each[0] - start))


#: Spans of time that are kept; when there are more, two become one.
MAXIMUM_BUCKETS = 1024

#: Nanoseconds of a span at the beginning.
INITIAL_SPAN = 1_000_000


@dataclass(slots=True)
class TimelineBucket:
    """
    One span of time.

    @ivar count: round trips in it.
    @ivar lost: packets lost in it.
    @ivar minimum: the shortest round trip in nanoseconds; L{None} when there is none.
    @ivar maximum: the longest.
    @ivar total: all of them together.
    """

    count: int = 0
    lost: int = 0
    minimum: int | None = None
    maximum: int | None = None
    total: int = 0

    def merge(self, other: TimelineBucket) -> None:
        self.count += other.count
        self.lost += other.lost
        self.total += other.total
        if other.minimum is not None and other.maximum is not None:
            self.minimum = (
                other.minimum if self.minimum is None else min(self.minimum, other.minimum)
            )
            self.maximum = (
                other.maximum if self.maximum is None else max(self.maximum, other.maximum)
            )


class Timeline:
    """
    A row of cells from the start of the run.

    @ivar span: nanoseconds of a cell.
    """

    def __init__(self) -> None:
        """Start with no cell."""
        self.span = INITIAL_SPAN
        self._cells: dict[int, TimelineBucket] = {}

    def add(self, time: int, roundTrip: int | None) -> None:
        """
        @param time: when the packet was sent, in nanoseconds since the start.
        @param roundTrip: the round trip; L{None} if the packet was lost.
        """
        new = (
            TimelineBucket(lost=1)
            if roundTrip is None
            else TimelineBucket(1, 0, roundTrip, roundTrip, roundTrip)
        )
        self._cells.setdefault(time // self.span, TimelineBucket()).merge(new)
        while len(self._cells) > MAXIMUM_BUCKETS:
            self.span *= 2
            held, self._cells = self._cells, {}
            for number, cell in held.items():
                self._cells.setdefault(number // 2, TimelineBucket()).merge(cell)

    def buckets(self) -> list[tuple[int, TimelineBucket]]:
        """When each cell that is not empty begins, and what is in it, in order."""
        return [(number * self.span, self._cells[number]) for number in sorted(self._cells)]
