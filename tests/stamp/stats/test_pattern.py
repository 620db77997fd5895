"""Tests for L{tsservices.stamp.stats.pattern}."""

from __future__ import annotations

import random

import pytest

from tsservices.stamp.stats.pattern import LossPattern


def passing(lost: list[bool]) -> float | None:
    pattern = LossPattern()
    for packet in lost:
        pattern.add(packet)
    return pattern.passing


def limited(share: float, burst: int, packets: int) -> list[bool]:
    """A token bucket, as in a server."""
    tokens, lost = float(burst), []
    for _ in range(packets):
        tokens = min(burst, tokens + share)
        lost.append(tokens < 1)
        tokens -= not lost[-1]
    return lost


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.75, 0.95])
def test_tokenBucket(share: float) -> None:
    found = passing(limited(share, 20, 5000))
    assert found == pytest.approx(share, rel=0.1)


def test_bySecond() -> None:
    """A limit that counts anew in each second."""
    found = passing([number % 200 >= 50 for number in range(2000)])
    assert found == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize("lost", [[], [True] * 100, [False] * 100, [False, True] * 40])
def test_tooLittle(lost: list[bool]) -> None:
    assert passing(lost) is None


@pytest.mark.parametrize("loss", [0.01, 0.1, 0.5, 0.9])
def test_byChance(loss: float) -> None:
    chance = random.Random(7)
    for _ in range(20):
        assert passing([chance.random() < loss for _ in range(1000)]) is None
