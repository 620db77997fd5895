"""How the delay changes: from one packet to the next, above its minimum, and over the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tsservices.stamp.stats.distribution import Distribution, known


class Jitter:
    """
    Interarrival jitter as RTP has it (RFC 3550, 6.4.1), and the distribution of the
    differences between neighbours (IPDV, RFC 3393).

    A difference is taken only between packets that were sent one after the other.  There is
    none if one between them was lost, or if they arrived in the wrong order.
    """

    def __init__(self) -> None:
        #: The differences, the later packet minus the earlier; and the same without their signs.
        self.variation = Distribution()
        self.absolute = Distribution()
        self._estimate = 0.0
        self._last: tuple[int, int] | None = None

    def add(self, sequence: int, delay: int | None) -> None:
        """
        @param delay: in nanoseconds; it may contain a constant offset of the clocks.  L{None} is
            ignored.
        """
        if delay is None:
            return
        if self._last is not None:
            previous, previousDelay = self._last
            if sequence <= previous:
                return
            if sequence == previous + 1:
                difference = delay - previousDelay
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

#: Smallest delays of earlier blocks that are kept; if there are more, two become one.
MAXIMUM_MINIMA = 64


class QueueingDelay:
    """
    The delay of one direction above its minimum.

    A raw one-way delay contains the offset of two clocks.  The difference of two of them
    does not, apart from the skew, which is taken off first.  So this needs no synchronized
    clocks, and it is the part of the delay that load can change.
    """

    def __init__(self, skew: Callable[[], float]) -> None:
        """
        @param skew: gives by how much raw delays of this direction grow, in nanoseconds per
            nanosecond, as far as it is known.
        """
        self._skew = skew
        self._done = Distribution()
        self._block: list[tuple[int, int]] = []
        self._minima: list[tuple[int, int]] = []

    def add(self, time: int, delay: int | None) -> None:
        """
        @param time: nanoseconds since the start of the run.
        @param delay: raw, in nanoseconds; L{None} is ignored.
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
        delays = Distribution()
        delays.merge(self._done)
        if self._block:
            self._addBlock(delays, self._skew())
        return delays

    def _addBlock(self, delays: Distribution, skew: float) -> None:
        start = self._block[0][0]
        samples = (*self._minima, *self._block)
        minimum = min(delay - skew * (time - start) for time, delay in samples)
        for time, delay in self._block:
            delays.add(round(delay - skew * (time - start) - minimum))


def _minimum(samples: Sequence[tuple[int, int]], skew: float) -> tuple[int, int]:
    start = samples[0][0]
    return min(samples, key=lambda sample: sample[1] - skew * (sample[0] - start))


#: Buckets of a timeline that are kept; if there are more, two become one.
MAXIMUM_BUCKETS = 1024

#: Nanoseconds of a bucket at the beginning.
INITIAL_SPAN = 1_000_000


@dataclass(slots=True)
class TimelineBucket:
    """One span of time; round trips are in nanoseconds."""

    #: Round trips.
    count: int = 0
    #: Packets.
    lost: int = 0
    minimum: int | None = None
    maximum: int | None = None
    total: int = 0

    def merge(self, other: TimelineBucket) -> None:
        self.count += other.count
        self.lost += other.lost
        self.total += other.total
        if other.minimum is not None and other.maximum is not None:
            self.minimum = min(known(self.minimum, other.minimum), other.minimum)
            self.maximum = max(known(self.maximum, other.maximum), other.maximum)


class Timeline:
    """Round trips by time, coarser as the run grows longer."""

    def __init__(self) -> None:
        #: Nanoseconds of a bucket.
        self.span = INITIAL_SPAN
        self._buckets: dict[int, TimelineBucket] = {}

    def add(self, time: int, roundTrip: int | None) -> None:
        """
        @param time: when the packet was sent, in nanoseconds since the start of the run.
        @param roundTrip: in nanoseconds; L{None} if the packet was lost.
        """
        if roundTrip is None:
            added = TimelineBucket(lost=1)
        else:
            added = TimelineBucket(1, 0, roundTrip, roundTrip, roundTrip)
        self._merge(time // self.span, added)
        while len(self._buckets) > MAXIMUM_BUCKETS:
            self.span *= 2
            buckets, self._buckets = self._buckets, {}
            for number, bucket in buckets.items():
                self._merge(number // 2, bucket)

    def _merge(self, number: int, bucket: TimelineBucket) -> None:
        self._buckets.setdefault(number, TimelineBucket()).merge(bucket)

    def buckets(self) -> list[tuple[int, TimelineBucket]]:
        """The start of each bucket that is not empty, and the bucket, in order."""
        return [(number * self.span, self._buckets[number]) for number in sorted(self._buckets)]
