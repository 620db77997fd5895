"""Changes of the delay: from one packet to the next, above its minimum, and over the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tsservices.stamp.stats.distribution import MAXIMUM_VALUE, Distribution, known

#: Lower than the numbers of all packets, and adjacent to none of them.
NO_SEQUENCE = -2


class Jitter:
    """
    Interarrival jitter as in RTP (RFC 3550, 6.4.1), and the distribution of the differences
    between neighbours (IPDV, RFC 3393).

    A difference is taken only between two packets with consecutive numbers whose replies arrived in
    this order.
    """

    def __init__(self) -> None:
        #: The differences, the later packet minus the earlier, and their absolute values.
        self.variation = Distribution()
        self.absolute = Distribution()
        self._estimate = 0.0
        self._lastSequence = NO_SEQUENCE
        self._lastDelay = 0

    def add(self, sequence: int, delay: int | None) -> None:
        """
        @param delay: in nanoseconds; it may contain a constant offset of the clocks.  L{None} is
            ignored.
        """
        if delay is None:
            return
        distance = sequence - self._lastSequence
        if distance <= 0:
            return
        if distance == 1:
            difference = delay - self._lastDelay
            magnitude = abs(difference)
            self.variation.add(difference)
            self.absolute.add(magnitude)
            self._estimate += (magnitude - self._estimate) / 16
        self._lastSequence, self._lastDelay = sequence, delay

    def beginPiece(self) -> None:
        """Begin a piece with another clock offset: no difference to the delays before it."""
        self._lastSequence = NO_SEQUENCE

    @property
    def estimate(self) -> float | None:
        """The smoothed jitter in nanoseconds; L{None} before the first difference."""
        return self._estimate if self.absolute.count else None


#: Samples that are collected until their skew is known.
BLOCK_SAMPLES = 512

#: Smallest delays of earlier blocks that are kept; if there are more, pairs are merged.
MAXIMUM_MINIMA = 64


class QueueingDelay:
    """
    The delay of one direction above its minimum.

    A raw one-way delay contains the offset of two clocks.  The difference of two such delays does
    not, apart from the skew, which is removed first.  So no synchronized clocks are needed.  This
    is the part of the delay that load can change.
    """

    def __init__(self, skew: Callable[[], float]) -> None:
        """
        @param skew: returns the known growth of raw delays of this direction, in nanoseconds per
            nanosecond.
        """
        self._skew = skew
        self._done = Distribution()
        self._block: list[tuple[int, int, int]] = []
        self._minima: list[tuple[int, int]] = []

    def beginPiece(self) -> None:
        """Begin a piece with another clock offset, and so with another minimum."""
        if self._block:
            self._addBlock(self._done, self._skew())
        self._block = []
        self._minima = []

    def add(self, time: int, delay: int | None, roundTrip: int = MAXIMUM_VALUE) -> None:
        """
        @param time: nanoseconds since the start of the run.
        @param delay: raw, in nanoseconds; L{None} is ignored.
        @param roundTrip: of the same packet: limits its delay, whatever the clocks show.
        """
        if delay is None:
            return
        self._block.append((time, delay, roundTrip))
        if len(self._block) == BLOCK_SAMPLES:
            skew = self._skew()
            self._minima.append(self._addBlock(self._done, skew))
            self._block = []
            if len(self._minima) > MAXIMUM_MINIMA:
                pairs = zip(self._minima[::2], self._minima[1::2], strict=False)
                odd = self._minima[-1:] if len(self._minima) % 2 else []
                self._minima = [_minimum(pair, skew) for pair in pairs] + odd

    def summary(self) -> Distribution:
        """Return the delays above the minimum, of all samples so far."""
        delays = Distribution()
        delays.merge(self._done)
        if self._block:
            self._addBlock(delays, self._skew())
        return delays

    def _addBlock(self, delays: Distribution, skew: float) -> tuple[int, int]:
        # Returns the smallest sample of the block.
        start, origin, _ = self._block[0]
        # Integers first: if the offset is years, a float has no digits left for nanoseconds.
        unskewed = [delay - origin - skew * (time - start) for time, delay, _ in self._block]
        lowest = minimum = min(unskewed)
        for time, delay in self._minima:
            minimum = min(minimum, delay - origin - skew * (time - start))
        delays.extend(
            [
                min(round(delay - minimum), roundTrip)
                for delay, (_, _, roundTrip) in zip(unskewed, self._block, strict=True)
            ]
        )
        return self._block[unskewed.index(lowest)][:2]


def _minimum(samples: Sequence[tuple[int, int]], skew: float) -> tuple[int, int]:
    start, origin = samples[0]
    return min(samples, key=lambda sample: sample[1] - origin - skew * (sample[0] - start))


#: Buckets of a timeline that are kept; if there are more, pairs are merged.
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

    def add(self, roundTrip: int | None) -> None:
        """@param roundTrip: L{None} if the packet was lost."""
        if roundTrip is None:
            self.lost += 1
            return
        self.count += 1
        self.total += roundTrip
        if self.minimum is None or roundTrip < self.minimum:
            self.minimum = roundTrip
        if self.maximum is None or roundTrip > self.maximum:
            self.maximum = roundTrip

    def merge(self, other: TimelineBucket) -> None:
        self.count += other.count
        self.lost += other.lost
        self.total += other.total
        if other.minimum is not None and other.maximum is not None:
            self.minimum = min(known(self.minimum, other.minimum), other.minimum)
            self.maximum = max(known(self.maximum, other.maximum), other.maximum)


class Timeline:
    """Round trips by time, in fewer and longer buckets as the run grows longer."""

    def __init__(self) -> None:
        #: Nanoseconds of a bucket.
        self.span = INITIAL_SPAN
        self._buckets: dict[int, TimelineBucket] = {}

    def add(self, time: int, roundTrip: int | None) -> None:
        """
        @param time: when the packet was sent, in nanoseconds since the start of the run.
        @param roundTrip: in nanoseconds; L{None} if the packet was lost.
        """
        number = time // self.span
        bucket = self._buckets.get(number)
        if bucket is not None:
            bucket.add(roundTrip)
            return
        bucket = self._buckets[number] = TimelineBucket()
        bucket.add(roundTrip)
        while len(self._buckets) > MAXIMUM_BUCKETS:
            self.span *= 2
            buckets, self._buckets = self._buckets, {}
            for number, bucket in buckets.items():
                self._merge(number // 2, bucket)

    def _merge(self, number: int, bucket: TimelineBucket) -> None:
        self._buckets.setdefault(number, TimelineBucket()).merge(bucket)

    def buckets(self) -> list[tuple[int, TimelineBucket]]:
        """Return the start of each bucket that is not empty, and the bucket, in order of time."""
        return [(number * self.span, self._buckets[number]) for number in sorted(self._buckets)]
