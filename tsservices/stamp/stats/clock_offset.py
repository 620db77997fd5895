"""
The offset of two clocks, with its bound, and their skew.

The sample with the least delay knows most of the offset: its error is at most half of
that delay, however the delay is shared between the two directions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Spans of time whose best sample is kept; if there are more, two become one.
MAXIMUM_SPANS = 64

#: Nanoseconds of a span at the beginning.
INITIAL_SPAN = 100_000_000

#: How fast an offset may become wrong: the value that NTP uses (RFC 5905, PHI).
MAXIMUM_DRIFT = 15e-6

#: Spans that a line is fitted through at least: with fewer its error says nothing.
SKEW_SPANS = 5

#: Nanoseconds between the first and the last of them, at least.
SKEW_DURATION = 2_000_000_000

#: Nanoseconds; smaller differences of delay say nothing.
DELAY_NOISE = 1000


@dataclass(frozen=True, slots=True)
class ClockSample:
    """One exchange; all in nanoseconds."""

    #: Since the start of the run.
    time: int
    #: The other clock minus this one, as this exchange alone shows it.
    offset: int
    #: The round trip without the reflector's own time.
    delay: int


@dataclass(frozen=True, slots=True)
class Offset:
    """The other clock minus this one, in nanoseconds."""

    value: int
    #: The value is wrong by no more than this, as far as the timestamps are right.
    bound: int
    #: From that exchange to the last one.
    age: int


@dataclass(frozen=True, slots=True)
class Skew:
    """How much faster the other clock runs, in microseconds per second."""

    ppm: float
    #: The standard error of that.
    error: float

    @property
    def significant(self) -> bool:
        """Whether it is more than noise."""
        return abs(self.ppm) > 2 * self.error


class ClockFilter:
    """Keeps the best sample of each span of time, in bounded memory."""

    def __init__(self) -> None:
        self._span = INITIAL_SPAN
        self._best: dict[int, ClockSample] = {}
        self._last = 0

    def add(self, sample: ClockSample) -> None:
        self._last = max(self._last, sample.time)
        self._keepBest(sample)
        while len(self._best) > MAXIMUM_SPANS:
            self._span *= 2
            samples = list(self._best.values())
            self._best = {}
            for previous in samples:
                self._keepBest(previous)

    def _keepBest(self, sample: ClockSample) -> None:
        span = sample.time // self._span
        best = self._best.get(span)
        if best is None or sample.delay < best.delay:
            self._best[span] = sample

    def offset(self) -> Offset | None:
        """The offset by the best sample, where older ones count less; L{None} without samples."""
        if not self._best:
            return None
        best = min(
            self._best.values(),
            key=lambda sample: sample.delay / 2 + MAXIMUM_DRIFT * (self._last - sample.time),
        )
        return Offset(best.offset, (best.delay + 1) // 2, self._last - best.time)

    def skew(self) -> Skew | None:
        """
        The slope of a line through the best samples, where those with little delay count more;
        L{None} as long as there are too few of them.
        """
        samples = list(self._best.values())
        times = [sample.time for sample in samples]
        if len(samples) < SKEW_SPANS or max(times) - min(times) < SKEW_DURATION:
            return None
        minimum = min(sample.delay for sample in samples)
        noise = max(DELAY_NOISE, minimum / 20)
        weights = [1 / ((sample.delay - minimum) ** 2 + noise**2) for sample in samples]
        total = math.fsum(weights)
        # Integers first: an offset can be years, and a float has no digits left for nanoseconds.
        origin = samples[0].offset
        offsets = [sample.offset - origin for sample in samples]
        meanTime = math.fsum(w * t for w, t in zip(weights, times, strict=True)) / total
        meanOffset = math.fsum(w * o for w, o in zip(weights, offsets, strict=True)) / total
        points = [
            (w, t - meanTime, o - meanOffset)
            for w, t, o in zip(weights, times, offsets, strict=True)
        ]
        spread = math.fsum(w * t**2 for w, t, _ in points)
        slope = math.fsum(w * t * o for w, t, o in points) / spread
        residue = math.fsum(w * (o - slope * t) ** 2 for w, t, o in points)
        error = math.sqrt(residue / (len(samples) - 2) / spread)
        return Skew(slope * 1e6, error * 1e6)
