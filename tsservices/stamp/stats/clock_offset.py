"""
What two clocks tell of each other: offset with its bound, and skew.  Pure.

The sample with the least delay knows most of the offset: its error is at most half of
that delay, however the delay is shared between the two ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Spans of time whose best sample is kept; when there are more, two become one.
MAXIMUM_SPANS = 64

#: Nanoseconds of a span at the beginning.
INITIAL_SPAN = 100_000_000

#: How fast an offset may become wrong: what NTP reckons with (RFC 5905, PHI).
MAXIMUM_DRIFT = 15e-6

#: Spans that a line is fitted through at least.
SKEW_SPANS = 5

#: Nanoseconds between the first and the last of them, at least.
SKEW_DURATION = 2_000_000_000

#: Nanoseconds below which differences of delay say nothing.
DELAY_NOISE = 1000


@dataclass(frozen=True, slots=True)
class ClockSample:
    """
    One exchange.

    @ivar time: when, in nanoseconds since the start.
    @ivar offset: the other clock less this one, as this exchange alone shows it.
    @ivar delay: the round trip without the other's own time.
    """

    time: int
    offset: int
    delay: int


@dataclass(frozen=True, slots=True)
class Offset:
    """
    The other clock less this one.

    @ivar value: in nanoseconds.
    @ivar bound: it is wrong by no more than this, as far as the stamps are right.
    @ivar age: nanoseconds between that exchange and the last one.
    """

    value: int
    bound: int
    age: int


@dataclass(frozen=True, slots=True)
class Skew:
    """
    How much faster the other clock runs.

    @ivar ppm: microseconds a second.
    @ivar error: the standard error of that.
    """

    ppm: float
    error: float

    @property
    def significant(self) -> bool:
        """Whether it is more than noise."""
        return abs(self.ppm) > 2 * self.error


class ClockFilter:
    """Keeps the best sample of each span of time, in bounded memory."""

    def __init__(self) -> None:
        """Start with no sample."""
        self._span = INITIAL_SPAN
        self._best: dict[int, ClockSample] = {}
        self._last = 0

    def add(self, sample: ClockSample) -> None:
        self._last = max(self._last, sample.time)
        self._keepBest(sample)
        while len(self._best) > MAXIMUM_SPANS:
            self._span *= 2
            kept = list(self._best.values())
            self._best = {}
            for each in kept:
                self._keepBest(each)

    def _keepBest(self, sample: ClockSample) -> None:
        cell = sample.time // self._span
        held = self._best.get(cell)
        if held is None or sample.delay < held.delay:
            self._best[cell] = sample

    def offset(self) -> Offset | None:
        """
        The offset by the sample that knows most, with age held against it; L{None} when there
        is none.
        """
        if not self._best:
            return None
        best = min(
            self._best.values(),
            key=lambda each: each.delay / 2 + MAXIMUM_DRIFT * (self._last - each.time),
        )
        return Offset(best.offset, (best.delay + 1) // 2, self._last - best.time)

    def skew(self) -> Skew | None:
        """
        The slope of the line through the best samples, where those with little delay count for
        more; L{None} as long as they are too few or too close.
        """
        samples = list(self._best.values())
        times = [each.time for each in samples]
        if len(samples) < SKEW_SPANS or max(times) - min(times) < SKEW_DURATION:
            return None
        least = min(each.delay for each in samples)
        blur = max(DELAY_NOISE, least / 20)
        weights = [1 / ((each.delay - least) ** 2 + blur**2) for each in samples]
        whole = math.fsum(weights)
        # Whole numbers first: an offset can be years, and its digits are needed.
        origin = samples[0].offset
        offsets = [each.offset - origin for each in samples]
        meanTime = math.fsum(w * t for w, t in zip(weights, times, strict=True)) / whole
        meanOffset = math.fsum(w * o for w, o in zip(weights, offsets, strict=True)) / whole
        spread = math.fsum(w * (t - meanTime) ** 2 for w, t in zip(weights, times, strict=True))
        slope = (
            math.fsum(
                w * (t - meanTime) * (o - meanOffset)
                for w, t, o in zip(weights, times, offsets, strict=True)
            )
            / spread
        )
        residue = math.fsum(
            w * (o - meanOffset - slope * (t - meanTime)) ** 2
            for w, t, o in zip(weights, times, offsets, strict=True)
        )
        error = math.sqrt(residue / (len(samples) - 2) / spread)
        return Skew(slope * 1e6, error * 1e6)
