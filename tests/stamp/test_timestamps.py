"""Tests for L{tsservices.stamp.timestamps}."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.stamp.timestamps import (
    MAXIMUM_MULTIPLIER,
    MAXIMUM_SCALE,
    Z_BIT,
    ErrorEstimate,
    fromNTP,
    fromPacket,
    fromPTP,
    toNTP,
    toPTP,
)

#: Seconds since 1970 at which the first era ends: 7 February 2036, 06:28:16 UTC.
ERA_1 = 2_085_978_496

SECOND = 1_000_000_000
SIXTY_YEARS = 60 * 365 * 86_400 * SECOND

#: Nanoseconds since 1970 until 2262.
TIMES = st.integers(0, 2**63 - 1)


def test_knownTimes() -> None:
    assert toNTP(0) == 2_208_988_800 << 32
    assert toNTP(SECOND // 2) == 2_208_988_800 << 32 | 1 << 31
    assert toNTP(-2_208_988_800 * SECOND) == 0
    assert toPTP(3 * SECOND + 5) == 3 << 32 | 5
    assert fromPTP(3 << 32 | 5, 0) == 3 * SECOND + 5


@pytest.mark.parametrize("near", [(ERA_1 - 1) * SECOND, ERA_1 * SECOND, (ERA_1 + 1) * SECOND])
def test_eraWrap(near: int) -> None:
    assert toNTP(ERA_1 * SECOND) == 0
    assert toNTP(ERA_1 * SECOND - 1) >> 32 == 2**32 - 1
    for time in (ERA_1 * SECOND - 1, ERA_1 * SECOND, ERA_1 * SECOND + 1):
        assert fromNTP(toNTP(time), near) == time


@given(TIMES, st.integers(-SIXTY_YEARS, SIXTY_YEARS))
def test_roundTrip(time: int, off: int) -> None:
    """No nanosecond is lost in either format, however far the other clock is off."""
    assert fromNTP(toNTP(time), time + off) == time
    assert fromPTP(toPTP(time), time + off) == time


@given(TIMES, TIMES)
def test_order(one: int, other: int) -> None:
    if one // SECOND // ERA_1 == other // SECOND // ERA_1 == 0 and one < other:
        assert toNTP(one) < toNTP(other)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**16 - 1), TIMES)
def test_anyValue(value: int, errorEstimate: int, near: int) -> None:
    time = fromPacket(value, errorEstimate, near)
    assert abs(time - near) <= (2**31 + 5) * SECOND
    assert time == (fromPTP if errorEstimate & Z_BIT else fromNTP)(value, near)


def test_estimateOfAHundredMicroseconds() -> None:
    """By hand: 429497 units, and 0xD2 << 11 is the first above."""
    estimate = ErrorEstimate.atLeast(100_000, synchronised=False)
    assert (estimate.scale, estimate.multiplier) == (11, 0xD2)
    assert estimate.encode() == 0x0BD2
    assert ErrorEstimate.atLeast(100_000, True).encode() == 0x8BD2
    assert ErrorEstimate.atLeast(100_000, True, True).encode() == 0xCBD2


@given(st.integers(-5, 2**70), st.booleans(), st.booleans())
def test_estimate(error: int, synchronised: bool, ptp: bool) -> None:
    """At least the error, at most a hundredth and a unit above, and never with multiplier 0."""
    estimate = ErrorEstimate.atLeast(error, synchronised, ptp)
    assert ErrorEstimate.decode(estimate.encode()) == estimate
    assert (estimate.synchronised, estimate.ptp) == (synchronised, ptp)
    assert estimate.multiplier
    nanoseconds = estimate.nanoseconds
    assert nanoseconds is not None
    if nanoseconds < ErrorEstimate(True, True, MAXIMUM_SCALE, MAXIMUM_MULTIPLIER).nanoseconds:  # type: ignore[operator]
        assert max(1, error) <= nanoseconds <= max(1, error) * 1.01 + 1


def test_largestEstimate() -> None:
    assert ErrorEstimate.atLeast(10**30, False) == ErrorEstimate(False, False, 63, 255)


@given(st.integers(0, 2**16 - 1))
def test_anyEstimate(value: int) -> None:
    estimate = ErrorEstimate.decode(value)
    if value & 0xFF:
        assert estimate.encode() == value
        assert estimate.nanoseconds
    else:
        assert estimate.nanoseconds is None
        with pytest.raises(ValueError, match="multiplier 0"):
            estimate.encode()


@pytest.mark.parametrize(("scale", "multiplier"), [(64, 1), (-1, 1), (0, 256)])
def test_tooLarge(scale: int, multiplier: int) -> None:
    with pytest.raises(ValueError, match="have no form"):
        ErrorEstimate(False, False, scale, multiplier).encode()
