"""Tests for L{tsservices.frontends.deferred}."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from tsservices.frontends.deferred import LONGEST, SHARE, DeferredWrites


class Queue:
    def __init__(self, test: TestDeferredWrites, seconds: float = 0.0) -> None:
        self._test = test
        self._seconds = seconds
        self.sent = 0
        self.again = 0

    def sendDeferred(self) -> bool:
        self.sent += 1
        self._test.clock.advance(self._seconds)
        self.again -= 1
        return self.again >= 0


class TestDeferredWrites:
    def setup_method(self) -> None:
        self.clock = Clock()
        self.jobs: list[Callable[[], None]] = []
        self.deferred = DeferredWrites(self.clock.seconds, self.clock.callLater, self.jobs.append)

    def turn(self) -> None:
        jobs, self.jobs[:] = list(self.jobs), []
        for job in jobs:
            job()

    def test_firstNewsLeaveInTheNextTurn(self) -> None:
        queues = [Queue(self), Queue(self)]
        for queue in queues:
            self.deferred.add(queue)
        assert len(self.jobs) == 1
        self.turn()
        assert [queue.sent for queue in queues] == [1, 1]
        assert self.clock.getDelayedCalls() == []

    def test_laterNewsWaitForTheirShare(self) -> None:
        took = 0.002
        self.deferred.add(Queue(self, took))
        self.turn()
        self.turn()
        queues = [Queue(self), Queue(self)]
        for queue in queues:
            self.deferred.add(queue)
        wait = took * (1 / SHARE - 1)
        self.clock.advance(wait * 0.99)
        self.turn()
        assert [queue.sent for queue in queues] == [0, 0]
        self.clock.advance(wait * 0.02)
        self.turn()
        assert [queue.sent for queue in queues] == [1, 1]

    def test_whatIsSentAtTheEndOfTheTurnCounts(self) -> None:
        self.deferred.add(Queue(self))
        self.turn()
        # The transports send here.
        self.clock.advance(1.0)
        self.turn()
        queue = Queue(self)
        self.deferred.add(queue)
        self.clock.advance(LONGEST * 0.99)
        self.turn()
        assert not queue.sent
        self.clock.advance(LONGEST * 0.02)
        self.turn()
        assert queue.sent

    def test_afterAPauseNothingWaits(self) -> None:
        self.deferred.add(Queue(self, 0.01))
        self.turn()
        self.turn()
        self.clock.advance(LONGEST)
        queue = Queue(self)
        self.deferred.add(queue)
        self.turn()
        assert queue.sent

    def test_stop(self) -> None:
        self.deferred.add(Queue(self, 0.01))
        self.turn()
        self.turn()
        queue, last = Queue(self), Queue(self)
        self.deferred.add(queue)
        self.deferred.stop()
        assert queue.sent
        assert self.clock.getDelayedCalls() == []
        self.deferred.add(last)
        self.turn()
        assert last.sent

    def test_failingQueueHarmsNoOther(self) -> None:
        def fail() -> bool:
            raise ValueError("broken")

        broken, queue = Queue(self), Queue(self)
        broken.sendDeferred = fail  # type: ignore[method-assign]
        self.deferred.add(broken)
        self.deferred.add(queue)
        with pytest.raises(ValueError, match="broken"):
            self.turn()
        assert queue.sent
        self.deferred.add(queue)
        self.turn()
        assert queue.sent == 2

    def test_asksAgainWhenItIsDueAgain(self) -> None:
        queue = Queue(self, 0.001)
        queue.again = 1
        self.deferred.add(queue)
        self.turn()
        self.turn()
        assert queue.sent == 1
        self.clock.advance(0.001 / SHARE)
        self.turn()
        assert queue.sent == 2
        self.clock.advance(1)
        self.turn()
        assert queue.sent == 2
