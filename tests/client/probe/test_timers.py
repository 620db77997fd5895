from __future__ import annotations

from functools import partial

import pytest
from twisted.internet.task import Clock

from tsservices.client.probe.timers import QueuedCall, TimerQueue


class Harness:
    def __init__(self) -> None:
        self.clock = Clock()
        self.timers = TimerQueue(self.clock)
        self.fired: list[tuple[str, float]] = []

    def start(self, name: str, seconds: float) -> QueuedCall:
        return self.timers.callLater(seconds, partial(self.fire, name))

    def fire(self, name: str) -> None:
        self.fired.append((name, self.clock.seconds()))


def test_order() -> None:
    harness = Harness()
    for name, seconds in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("b2", 2.0)):
        harness.start(name, seconds)
        assert len(harness.clock.getDelayedCalls()) == 1
    harness.clock.pump([1.0] * 4)
    assert harness.fired == [("a", 1.0), ("b", 2.0), ("b2", 2.0), ("c", 3.0)]
    assert harness.clock.getDelayedCalls() == []


def test_canceled() -> None:
    harness = Harness()
    timers = [harness.start(name, seconds) for name, seconds in (("a", 1.0), ("b", 2.0))]
    for timer in timers:
        assert timer.active()
        timer.cancel()
        timer.cancel()
        assert not timer.active()
    assert harness.clock.getDelayedCalls() == []
    harness.start("c", 5.0)
    harness.clock.advance(5.0)
    assert harness.fired == [("c", 5.0)]


def test_canceledByAnother() -> None:
    harness = Harness()
    first = harness.timers.callLater(1.0, lambda: second.cancel())
    second = harness.start("second", 1.0)
    last = harness.start("last", 9.0)
    last.cancel()
    harness.clock.advance(1.0)
    assert (first.active(), second.active(), harness.fired) == (False, False, [])
    assert harness.clock.getDelayedCalls() == []


def test_laterTurn() -> None:
    """A timer of 0 seconds waits for the reactor, which reads in between."""
    harness = Harness()
    calls: list[int] = []

    def startNext() -> None:
        calls.append(len(harness.fired))
        harness.start("next", 0.0)

    harness.timers.callLater(1.0, startNext)
    harness.start("other", 1.0)
    harness.clock.rightNow = 1.0
    harness.timers._fire()
    assert (calls, harness.fired) == ([0], [("other", 1.0)])


def test_raises() -> None:
    harness = Harness()

    def fail() -> None:
        raise ZeroDivisionError

    harness.timers.callLater(1.0, fail)
    harness.start("other", 1.0)
    with pytest.raises(ZeroDivisionError):
        harness.clock.advance(1.0)
    harness.clock.advance(0.0)
    assert harness.fired == [("other", 1.0)]
