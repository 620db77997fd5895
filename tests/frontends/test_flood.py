"""Tests for L{tsservices.frontends.flood}."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.limits import Limits
from tsservices.frontends.flood import FLOOD_BURST_SECONDS, FloodControl


def taken(flood: FloodControl, sizes: list[int], now: float = 0.0) -> list[float]:
    times: list[float] = []
    for size in sizes:
        for _ in range(50):
            delay = flood.delay(1, size, now)
            if not delay:
                break
            now += max(delay, 1e-9)
        else:
            pytest.fail("the line is never taken")
        times.append(now)
    return times


class TestFlood:
    def test_lines(self) -> None:
        times = taken(FloodControl(Limits(floodLines=10, floodBytes=0), 0.0), [1] * 200)
        assert times[:100] == [0.0] * 100
        assert times[100:] == pytest.approx([0.1 * n for n in range(1, 101)], abs=0.01)

    def test_bytes(self) -> None:
        times = taken(FloodControl(Limits(floodLines=0, floodBytes=1000), 0.0), [1000] * 20)
        assert times[:10] == [0.0] * 10
        assert times[10:] == pytest.approx([float(n) for n in range(1, 11)])

    def test_rejectedLineCostsNothing(self) -> None:
        flood = FloodControl(Limits(floodLines=1, floodBytes=100), 0.0)
        assert [flood.delay(1, 10, 0.0) for _ in range(10)] == [0.0] * 10
        for _ in range(100):
            assert flood.delay(1, 900, 0.0) == 1.0
        assert flood.delay(1, 900, 1.0) == 0.0

    def test_zeroIsUnlimited(self) -> None:
        flood = FloodControl(Limits(floodLines=0, floodBytes=0), 0.0)
        assert flood.delay(10**6, 10**9, 0.0) == 0.0

    @given(
        st.integers(1, 50),
        st.integers(1, 10_000),
        st.integers(64, 65_536),
        st.lists(st.floats(0, 1), max_size=30),
    )
    def test_everyAllowedLineIsTaken(
        self, lines: int, size: int, longest: int, parts: list[float]
    ) -> None:
        flood = FloodControl(Limits(floodLines=lines, floodBytes=size, chatLine=longest), 0.0)
        sizes = [round(part * longest) for part in parts]
        times = taken(flood, sizes)
        if times:
            burst = FLOOD_BURST_SECONDS
            assert len(sizes) <= lines * (burst + times[-1]) + 1e-3
            assert sum(sizes) <= max(longest, size * burst) + size * times[-1] + 1
