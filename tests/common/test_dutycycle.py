"""Tests for L{tsservices.common.dutycycle}."""

from __future__ import annotations

import pytest

from tsservices.common.dutycycle import DutyCycle


@pytest.mark.parametrize(
    ("share", "took", "wait"),
    [(1 / 2, 0.004, 0.004), (1 / 8, 0.004, 0.028), (1 / 8, 0.02, 0.05), (1, 0.02, 0)],
)
def test_wait(share: float, took: float, wait: float) -> None:
    cycle = DutyCycle(share, 0.05)
    assert cycle.remaining(0.0) == 0
    cycle.worked(100 - took, 100.0)
    assert cycle.remaining(100.0) == pytest.approx(wait)
    assert cycle.remaining(100.001 + wait) == 0
    assert cycle.remaining(1000.0) == 0
