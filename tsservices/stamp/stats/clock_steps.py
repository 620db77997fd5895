"""
Steps of the two clocks: one of them was set during the run, by a person or a time service.

Each exchange bounds the offset of the clocks: the measured offset is wrong by at most half of the
delay.  If the bounds of two exchanges do not overlap, one of the clocks was set in between.  This
host's monotonic clock shows which one, because it cannot be set.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from tsservices.stamp.stats.clock_offset import ClockSample

#: In nanoseconds.
SECOND = 1_000_000_000

#: How fast an offset may change without a step: kernels adjust a clock by no more than this, and
#: no oscillator has a larger error (RFC 5905, 500 PPM).
MAXIMUM_SLEW = 500e-6

#: Nanoseconds by which the difference of this host's two clocks may change without a step, because
#: this program may lose the processor between reading the one and the other.
CLOCK_READING = 1_000_000

#: Ticks of coarse clocks that are recognized, in nanoseconds, the longest first.
TICKS = (SECOND, SECOND // 10, SECOND // 100, SECOND // 1000, SECOND // 10_000, SECOND // 100_000)

#: Nanoseconds by which a time may differ from its tick: the format of a packet rounds it.
TICK_ROUNDING = 500

#: Steps that change their direction this often, with at most this many exchanges between two steps,
#: are taken for noise: of a clock with long ticks, or of several hosts that answer in turn.
NOISY_REVERSALS = 4
NOISY_EXCHANGES = 4

#: Steps that are kept separately; the earlier ones are only counted.
MAXIMUM_STEPS = 16


class ClockOwner(Enum):
    """Whose clock was set.  The values are public: they are C{clock} in JSON."""

    THIS_HOST = "this host"
    REFLECTOR = "reflector"


@dataclass(frozen=True, slots=True)
class ClockStep:
    """A step of a clock that was set; all in nanoseconds."""

    owner: ClockOwner
    #: Since the start of the run: the first packet that shows it.
    time: int
    #: Positive if the clock was set forward.
    step: int
    #: The largest error of the step.
    bound: int


class ClockResolution:
    """
    The resolution of a clock, found from its times.

    @ivar coarse: whether the clock may be coarse; if not, more times change nothing.
    """

    def __init__(self) -> None:
        self.coarse = True
        self._ticks: tuple[int, ...] = TICKS

    def add(self, time: int) -> None:
        """@param time: in nanoseconds."""
        self._ticks = tuple(
            tick for tick in self._ticks if (time + TICK_ROUNDING) % tick <= 2 * TICK_ROUNDING
        )
        self.coarse = bool(self._ticks)

    @property
    def tick(self) -> int:
        """Nanoseconds by which a time of this clock may be wrong; 0 if the clock is not coarse."""
        return self._ticks[0] if self._ticks else 0


class ClockStepDetector:
    """
    A detector that compares each exchange with all since the last step, in constant memory.

    @ivar noise: by how much the reflector's clock jumps back and forth, in nanoseconds: such jumps
        are no steps; 0 without jumps.
    """

    def __init__(self) -> None:
        self.noise = 0
        self._lastStep = 0
        self._exchanges = 0
        self._reversals = 0
        self._largest = 0
        self._time = 0
        # The smallest and the largest offset that all exchanges allow; L{None} before the first.
        self._range: tuple[int, int] | None = None
        # The wall clock minus the time since boot, now; C{_rangeBase}: at the last exchange.
        self._base: int | None = None
        self._resolution = ClockResolution()
        self._rangeBase: int | None = None

    def forgetReflector(self) -> None:
        """Forget the reflector's clock, because another one answers from now on."""
        self._range = None
        self._resolution = ClockResolution()
        self.noise = 0

    def observeBase(self, time: int, base: int) -> ClockStep | None:
        """
        Return a step of this host's clock, if this base shows one.

        @param time: nanoseconds since the start of the run.
        @param base: this host's wall clock minus the time since boot.
        """
        before = self._base
        step = 0 if before is None else base - before
        if before is not None and abs(step) <= CLOCK_READING:
            # C{_base} stays: L{observe} sets it if an exchange shows that the change is a step.
            return None
        self._base = base
        if before is None:
            return None
        if self._range is not None:
            low, high = self._range
            self._range = low - step - CLOCK_READING, high - step + CLOCK_READING
        self._rangeBase = base
        return ClockStep(ClockOwner.THIS_HOST, time, step, CLOCK_READING)

    def observe(
        self, sample: ClockSample, base: int | None, reflectorTimes: tuple[int, ...] = ()
    ) -> ClockStep | None:
        """
        Return the step between this exchange and those before it, if there is one.

        @param base: as in L{observeBase}, at this exchange; L{None} if it is unknown.
        @param reflectorTimes: T2 and T3, in nanoseconds.
        """
        half = (sample.delay + 1) // 2 + self.noise
        if self._resolution.coarse:
            for time in reflectorTimes:
                self._resolution.add(time)
            half += self._resolution.tick
        low, high = sample.offset - half, sample.offset + half
        self._exchanges += 1
        earlier, self._range = self._range, (low, high)
        elapsed, self._time = abs(sample.time - self._time), sample.time
        earlierBase, self._rangeBase = self._rangeBase, base
        if earlier is None:
            return None
        slew = round(MAXIMUM_SLEW * elapsed)
        earlierLow, earlierHigh = earlier[0] - slew, earlier[1] + slew
        if earlierLow <= high and low <= earlierHigh:
            self._range = max(low, earlierLow), min(high, earlierHigh)
            self._rangeBase = earlierBase if base is None else base
            return None
        step = sample.offset - (earlierLow + earlierHigh) // 2
        bound = half + (earlierHigh - earlierLow + 1) // 2
        own = 0 if base is None or earlierBase is None else base - earlierBase
        # The offset falls when this host's clock is set forward.
        if abs(step + own) < abs(step) / 2:
            self._base = base
            return ClockStep(ClockOwner.THIS_HOST, sample.time, -step, bound)
        self._learnNoise(step)
        return ClockStep(ClockOwner.REFLECTOR, sample.time, step, bound)

    def _learnNoise(self, step: int) -> None:
        if self._exchanges > NOISY_EXCHANGES:
            self._reversals = self._largest = 0
        self._exchanges = 0
        self._reversals += step * self._lastStep < 0
        self._lastStep = step
        self._largest = max(self._largest, abs(step))
        if self._reversals >= NOISY_REVERSALS:
            self.noise = max(self.noise, self._largest)


class ClockSteps:
    """The steps of a run, in bounded memory."""

    def __init__(self) -> None:
        #: The newest, in order.
        self.newest: deque[ClockStep] = deque(maxlen=MAXIMUM_STEPS)
        #: The numbers of all steps, by whose clock was set.
        self.counts = dict.fromkeys(ClockOwner, 0)

    def add(self, step: ClockStep) -> None:
        self.newest.append(step)
        self.counts[step.owner] += 1

    @property
    def total(self) -> int:
        return sum(self.counts.values())
