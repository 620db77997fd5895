"""
Timestamps and error estimates in the format of packets: 64 and 16 bits.

A timestamp has one of two formats, given by the Z bit of the error estimate next to it:

  - NTP (Z is 0): 32 bits of seconds since 1900 and 32 bits of fraction.  The seconds
    wrap in 2036, so a time is read in the era that is nearest to another time;
  - PTP (Z is 1): 32 bits of seconds since 1970 and 32 bits of nanoseconds.  The packet
    does not say whether leap seconds are included, so they are not removed.

Everywhere else in this program a time is whole nanoseconds since 1970.  It is never a
float, which has a resolution of 238 nanoseconds at this size.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.common.timestamps import NANOSECONDS, SECONDS_1900_TO_1970

#: The lower half of 64 bits.
LOW_32 = 0xFFFFFFFF

#: The largest timestamp.
LOW_64 = (1 << 64) - 1

#: Seconds in half an era.
HALF_ERA = 1 << 31

#: The S bit of an error estimate: the clock is synchronised to an external one.
S_BIT = 1 << 15

#: The Z bit of an error estimate: the timestamps with it are in PTP format (RFC 8186).
Z_BIT = 1 << 14

#: The scale has six bits.
MAXIMUM_SCALE = 63

#: The multiplier has eight.
MAXIMUM_MULTIPLIER = 255


def toNTP(nanoseconds: int) -> int:
    """Convert nanoseconds since 1970 to 64 bits of NTP."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    return (seconds + SECONDS_1900_TO_1970 & LOW_32) << 32 | (fraction << 32) // NANOSECONDS


def fromNTP(value: int, near: int) -> int:
    """
    Undo L{toNTP}, exact to the nanosecond.

    @param near: a time less than 68 years away, in nanoseconds since 1970.
    """
    # toNTP rounds down, so half a unit is added here: without it a nanosecond gets lost.
    fraction = (value & LOW_32) * NANOSECONDS + HALF_ERA >> 32
    return _unfold((value >> 32) - SECONDS_1900_TO_1970, near) * NANOSECONDS + fraction


def toPTP(nanoseconds: int) -> int:
    """Convert nanoseconds since 1970 to 64 bits of PTP."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    return (seconds & LOW_32) << 32 | fraction


def fromPTP(value: int, near: int) -> int:
    """
    Undo L{toPTP}.

    @param near: a time less than 68 years away, in nanoseconds since 1970.
    """
    return _unfold(value >> 32, near) * NANOSECONDS + (value & LOW_32)


def fromPacket(value: int, errorEstimate: int, near: int) -> int:
    """
    Convert a timestamp to nanoseconds since 1970, by the format that its error estimate states.

    @param near: a time less than 68 years away, in nanoseconds since 1970.
    """
    return (fromPTP if errorEstimate & Z_BIT else fromNTP)(value, near)


def _unfold(seconds: int, near: int) -> int:
    start = near // NANOSECONDS - HALF_ERA
    return start + (seconds - start & LOW_32)


@dataclass(frozen=True, slots=True)
class ErrorEstimate:
    """The possible error of a clock: C{multiplier * 2**(scale - 32)} seconds (RFC 4656, 4.1.2)."""

    #: Whether the clock is synchronised to an external one, as far as its system knows.
    synchronised: bool
    #: Whether the timestamps of this estimate are in PTP format.
    ptp: bool
    scale: int
    #: 0 is not allowed in a packet: the error is then unknown.
    multiplier: int

    @classmethod
    def atLeast(cls, nanoseconds: int, synchronised: bool, ptp: bool = False) -> ErrorEstimate:
        """Return the smallest estimate not below C{nanoseconds}, or the largest possible one."""
        units = -(-(max(1, nanoseconds) << 32) // NANOSECONDS)
        scale = max(0, units.bit_length() - MAXIMUM_MULTIPLIER.bit_length())
        multiplier = -(-units >> scale)
        if multiplier > MAXIMUM_MULTIPLIER:
            # Rounding up needed a ninth bit.
            scale, multiplier = scale + 1, multiplier + 1 >> 1
        if scale > MAXIMUM_SCALE:
            scale, multiplier = MAXIMUM_SCALE, MAXIMUM_MULTIPLIER
        return cls(synchronised, ptp, scale, multiplier)

    @classmethod
    def decode(cls, value: int) -> ErrorEstimate:
        return cls(
            bool(value & S_BIT), bool(value & Z_BIT), value >> 8 & MAXIMUM_SCALE, value & 0xFF
        )

    def encode(self) -> int:
        """@raise ValueError: the multiplier is 0, or a number has more bits than its field."""
        if not (0 <= self.scale <= MAXIMUM_SCALE and 1 <= self.multiplier <= MAXIMUM_MULTIPLIER):
            raise ValueError(f"scale {self.scale} and multiplier {self.multiplier} have no form")
        return self.synchronised * S_BIT | self.ptp * Z_BIT | self.scale << 8 | self.multiplier

    @property
    def nanoseconds(self) -> int | None:
        """The possible error of the clock, rounded up; L{None} if the multiplier is 0."""
        if not self.multiplier:
            return None
        return -(-(self.multiplier << self.scale) * NANOSECONDS >> 32)
