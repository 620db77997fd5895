"""Tests for L{tsservices.stamp.departures}."""

from __future__ import annotations

import struct

from tsservices.stamp.departures import GROWTH, MAXIMUM_LEAD, MAXIMUM_STEP, DepartureTimes
from tsservices.stamp.timestamps import fromNTP

NOON = 1_795_176_600_123_456_789


class Groups:
    """Sends groups of replies by a clock."""

    def __init__(self) -> None:
        self.now = NOON
        self._times = DepartureTimes(lambda: self.now)

    def send(self, replies: int, lead: int, each: int) -> list[int]:
        """T3 of each, in nanoseconds after the time at which it was asked for."""
        began = self.now
        seconds, fractions = self._times.take(replies)
        self.now += lead
        self._times.written()
        self.now += each * replies
        self._times.sent()
        second = seconds[:4]
        assert seconds == second * replies
        assert len(fractions) == 4 * replies
        return [
            fromNTP(int.from_bytes(second + packed, "big"), began) - began
            for (packed,) in struct.iter_unpack("4s", fractions)
        ]


def near(found: list[int], expected: list[int]) -> bool:
    # What is foreseen stays below what is measured by some nanoseconds for each.
    return all(abs(one - other) < 40 for one, other in zip(found, expected, strict=True))


def test_foresees() -> None:
    groups = Groups()
    assert groups.send(4, 1000, 700) == [0, 0, 0, 0]
    for _ in range(100):
        times = groups.send(4, 1000, 700)
    assert near(times, [1000, 1700, 2400, 3100])


def test_growsSlowly() -> None:
    """One group that took long does not make the next times late."""
    groups = Groups()
    assert groups.send(2, 0, 100) == [0, 0]
    groups.send(2, 0, 10**9)
    assert near(groups.send(2, 0, 0), [0, MAXIMUM_STEP // GROWTH])
    assert groups.send(2, 10**9, 0) == [0, 0]
    assert near(groups.send(2, 0, 0), [MAXIMUM_LEAD // GROWTH] * 2)


def test_clockSetBack() -> None:
    groups = Groups()
    for _ in range(9):
        groups.send(2, 400, 400)
    groups.send(2, -(10**12), -(10**12))
    assert groups.send(2, 0, 0) == [0, 0]


def test_endOfSecond() -> None:
    """No time is beyond the second that all of a group share."""
    groups = Groups()
    for _ in range(100):
        groups.send(4, 0, 1000)
    groups.now = NOON // 10**9 * 10**9 + 10**9 - 1500
    assert near(groups.send(4, 0, 1000), [0, 375, 750, 1125])
    groups.now = NOON // 10**9 * 10**9 - 1
    assert near(groups.send(4, 0, 1000), [0, 0, 0, 0])
