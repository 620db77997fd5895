"""
Timestamps.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.common.timestamps import NANOSECONDS, SECONDS_1900_TO_1970

#: The lower half of 64 bits.
LOW_32 = 0xFFFFFFFF


#: Seconds in half an era.
HALF_ERA = 1 << 31


#: The S bit of an error estimate: the clock follows one outside.
SYNCHRONISED = 1 << 15


#: The Z bit of an error estimate: the timestamps with it are in PTP format.
PTP = 1 << 14


#: The scale has six bits.
LARGEST_SCALE = 63


#: The multiplier has eight.
LARGEST_MULTIPLIER = 255


def toNTP(nanoseconds: int) -> int:
    """
    64 bits.

    @param nanoseconds: since 1970.
    """
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return (seconds + SECONDS_1900_TO_1970 & LOW_32) << 32 | (rest << 32) // NANOSECONDS


def fromNTP(value: int, near: int) -> int:
    """
    Undoes L{toNTP} to the nanosecond.

    @param near: nanoseconds since 1970 less than 68 years away from it.
    @return: nanoseconds since 1970.
    """
    fraction = (value & LOW_32) * NANOSECONDS + HALF_ERA >> 32
    return _unfold((value >> 32) - SECONDS_1900_TO_1970, near) * NANOSECONDS + fraction


def toPTP(nanoseconds: int) -> int:
    """
    64 bits.

    @param nanoseconds: since 1970.
    """
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return (seconds & LOW_32) << 32 | rest


def fromPTP(value: int, near: int) -> int:
    """
    Nanoseconds since 1970.

    @param near: nanoseconds since 1970 less than 68 years away from it.
    """
    return _unfold(value >> 32, near) * NANOSECONDS + (value & LOW_32)


def fromWire(value: int, errorEstimate: int, near: int) -> int:
    """
    Nanoseconds since 1970.

    @param near: nanoseconds since 1970 less than 68 years away from it.
    """
    return (fromPTP if errorEstimate & PTP else fromNTP)(value, near)


def _unfold(seconds: int, near: int) -> int:
    start = near // NANOSECONDS - HALF_ERA
    return start + (seconds - start & LOW_32)


@dataclass(frozen=True, slots=True)
class ErrorEstimate:
    """
    How far a clock may be off.

    @ivar synchronised: it follows a clock outside, as far as its system knows.
    @ivar ptp: the timestamps that go with this are in PTP format.
    @ivar scale: how often the multiplier is doubled.
    @ivar multiplier: in units of 2**-32 seconds; 0 is not allowed, and tells nothing.
    """

    synchronised: bool
    ptp: bool
    scale: int
    multiplier: int

    @classmethod
    def of(cls, nanoseconds: int, synchronised: bool, ptp: bool = False) -> ErrorEstimate:
        """The smallest estimate that is not below it, or the largest there is."""
        units = -(-(max(1, nanoseconds) << 32) // NANOSECONDS)
        scale = max(0, units.bit_length() - LARGEST_MULTIPLIER.bit_length())
        multiplier = -(-units >> scale)
        if multiplier > LARGEST_MULTIPLIER:
            # Rounding up needed a ninth bit.
            scale, multiplier = scale + 1, multiplier + 1 >> 1
        if scale > LARGEST_SCALE:
            scale, multiplier = LARGEST_SCALE, LARGEST_MULTIPLIER
        return cls(synchronised, ptp, scale, multiplier)

    @classmethod
    def decode(cls, value: int) -> ErrorEstimate:
        """What they say."""
        return cls(
            bool(value & SYNCHRONISED), bool(value & PTP), value >> 8 & LARGEST_SCALE, value & 0xFF
        )

    def encode(self) -> int:
        """
        16 bits.

        @raise ValueError: the multiplier is 0, which no packet may say, or something
            has more bits than there are.
        """
        if not (0 <= self.scale <= LARGEST_SCALE and 1 <= self.multiplier <= LARGEST_MULTIPLIER):
            raise ValueError(f"scale {self.scale} and multiplier {self.multiplier} have no form")
        flags = self.synchronised * SYNCHRONISED | self.ptp * PTP
        return flags | self.scale << 8 | self.multiplier

    @property
    def nanoseconds(self) -> int | None:
        """How far the clock may be off, rounded up; L{None} if this does not tell."""
        if not self.multiplier:
            return None
        return -(-(self.multiplier << self.scale) * NANOSECONDS >> 32)
