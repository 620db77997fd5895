"""
The offset of two clocks, with its bound, and their skew.

The sample with the smallest delay gives the best offset: its error is at most half of that delay,
however the delay is divided between the two directions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

#: Spans of time whose best sample is kept; if there are more, pairs are merged.
MAXIMUM_SPANS = 64

#: Nanoseconds of a span at the beginning.
INITIAL_SPAN = 100_000_000

#: How fast the error of an offset may grow: the value that NTP uses (RFC 5905, PHI).
MAXIMUM_DRIFT = 15e-6

#: Spans that are needed to fit a line: with fewer, its error is meaningless.
SKEW_SPANS = 5

#: Nanoseconds from the first to the last of these spans, at least.
SKEW_DURATION = 2_000_000_000

#: Nanoseconds; smaller differences of delay are noise.
DELAY_NOISE = 1000


class ClockSample(NamedTuple):
    """One exchange; all in nanoseconds."""

    #: Since the start of the run.
    time: int
    #: The reflector's clock minus this host's, as this exchange alone shows it.
    offset: int
    #: The round trip without the reflector's own time.
    delay: int


@dataclass(frozen=True, slots=True)
class Offset:
    """The reflector's clock minus this host's, in nanoseconds."""

    value: int
    #: The largest error of the value, if the timestamps are right.
    bound: int
    #: The time from the exchange that showed this value to the last one.
    age: int


@dataclass(frozen=True, slots=True)
class Skew:
    """How much faster the reflector's clock runs, in microseconds per second."""

    ppm: float
    #: The standard error of the skew.
    error: float

    @property
    def significant(self) -> bool:
        """Whether the skew is more than noise."""
        return abs(self.ppm) > 2 * self.error


class ClockFilter:
    """
    A filter that keeps the best sample of each span of time, in bounded memory.

    After L{beginPiece} the offset of the samples is unrelated to that before.  The skew stays:
    setting a clock does not change how fast it runs.
    """

    def __init__(self) -> None:
        self._span = INITIAL_SPAN
        # By piece and span, the newest piece last.
        self._best: dict[tuple[int, int], ClockSample] = {}
        self._piece = 0
        self._last = 0
        self._otherClock = False

    def beginPiece(self, sameClock: bool) -> None:
        """
        Begin a piece after a jump of the offset; the earlier offset is valid until the next sample.

        @param sameClock: whether the same clock was set; if not, it may be another clock.
        """
        self._piece += 1
        self._otherClock = self._otherClock or not sameClock

    def add(self, sample: ClockSample) -> None:
        if self._otherClock:
            self._otherClock = False
            self._best.clear()
        if sample.time > self._last:
            self._last = sample.time
        self._keepBest(self._piece, sample)
        while len(self._best) > MAXIMUM_SPANS:
            pieces = {piece for piece, _ in self._best}
            if 2 * len(pieces) > MAXIMUM_SPANS:
                # Each piece keeps a sample at least, so wider spans would not help.
                oldest = next(iter(self._best))
                del self._best[oldest]
                continue
            self._span *= 2
            best, self._best = self._best, {}
            for (piece, _), previous in best.items():
                self._keepBest(piece, previous)

    def _keepBest(self, piece: int, sample: ClockSample) -> None:
        key = piece, sample.time // self._span
        best = self._best.get(key)
        if best is None or sample.delay < best.delay:
            self._best[key] = sample

    def offset(self) -> Offset | None:
        """Return the best sample's offset, where older ones count less; L{None} without samples."""
        pieces = self._pieces()
        if not pieces:
            return None
        best = min(
            pieces[-1],
            key=lambda sample: sample.delay / 2 + MAXIMUM_DRIFT * (self._last - sample.time),
        )
        return Offset(best.offset, (best.delay + 1) // 2, self._last - best.time)

    def skew(self) -> Skew | None:
        """
        Return the slope of a line through the best samples, where those with a small delay count
        more; L{None} while there are too few samples.  Each piece has its own line, and all lines
        have the same slope.
        """
        pieces = [samples for samples in self._pieces() if len(samples) > 1]
        durations = (
            max(sample.time for sample in samples) - min(sample.time for sample in samples)
            for samples in pieces
        )
        # The degrees of freedom: each piece uses up one for the position of its line.
        freedom = sum(len(samples) - 1 for samples in pieces)
        if freedom < SKEW_SPANS - 1 or sum(durations) < SKEW_DURATION:
            return None
        minimum = min(sample.delay for samples in pieces for sample in samples)
        noise = max(DELAY_NOISE, minimum / 20)
        points = [point for samples in pieces for point in _centred(samples, minimum, noise)]
        spread = math.fsum(w * t**2 for w, t, _ in points)
        slope = math.fsum(w * t * o for w, t, o in points) / spread
        residue = math.fsum(w * (o - slope * t) ** 2 for w, t, o in points)
        error = math.sqrt(residue / (freedom - 1) / spread)
        return Skew(slope * 1e6, error * 1e6)

    def _pieces(self) -> list[list[ClockSample]]:
        pieces: dict[int, list[ClockSample]] = {}
        for (piece, _), sample in self._best.items():
            pieces.setdefault(piece, []).append(sample)
        return list(pieces.values())


def _centred(
    samples: list[ClockSample], minimum: int, noise: float
) -> list[tuple[float, float, float]]:
    # Returns for each sample its weight, and the distances of time and offset from their means.
    weights = [1 / ((sample.delay - minimum) ** 2 + noise**2) for sample in samples]
    total = math.fsum(weights)
    # Integers first: if the offset is years, a float has no digits left for nanoseconds.
    origin = samples[0].offset
    times = [sample.time for sample in samples]
    offsets = [sample.offset - origin for sample in samples]
    meanTime = math.fsum(w * t for w, t in zip(weights, times, strict=True)) / total
    meanOffset = math.fsum(w * o for w, o in zip(weights, offsets, strict=True)) / total
    return [
        (w, t - meanTime, o - meanOffset) for w, t, o in zip(weights, times, offsets, strict=True)
    ]
