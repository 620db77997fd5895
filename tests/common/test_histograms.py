"""Tests for L{tsservices.common.histograms}."""

from __future__ import annotations

from bisect import bisect_left

import pytest

from tsservices.common.histograms import SECONDS, Histogram


def test_count() -> None:
    # On the bounds, beside them, beyond the last one, and from a clock that went back.
    times = [11.0, *SECONDS, *(bound * 1.01 for bound in SECONDS), 0.0, -1.0, 1e9]
    counted = Histogram()
    counted.count(iter(times[:7]))
    counted.count(times[7:])
    counted.count(())
    expected = [0] * (len(SECONDS) + 1)
    for time in times:
        expected[bisect_left(SECONDS, time)] += 1
    assert counted.counts == expected
    assert counted.total == pytest.approx(sum(times))
