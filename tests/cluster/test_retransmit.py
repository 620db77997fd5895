"""Tests for L{tsservices.cluster.retransmit}."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from tsservices.cluster.broker import (
    ACKNOWLEDGE_SECONDS,
    RETRY_SECONDS,
    STOP_SECONDS,
    Broker,
)
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS
from tsservices.cluster.messages import decode
from tsservices.cluster.outbox import PublishQueue
from tsservices.cluster.retransmit import Retransmitter


class TestRetransmitter:
    def setup_method(self) -> None:
        self.now = 100.0
        self.queries: list[Callable[[int | None], object]] = []
        self.messages: list[str] = []
        self.queue = PublishQueue("a", lambda: self.now, self.publish)
        self.retransmitter = Retransmitter(cast(Broker, self), self.queue, lambda: self.now)
        self.retransmitter.advanced(10)
        self.queue.start("i", [])
        self.queue.send(heartbeat=True)
        self.retransmitter.tick()
        self.answer(10)
        self.now += 1
        self.messages.clear()

    def publish(self, data: bytes) -> None:
        message = decode(data)
        self.messages.append(f"{message.node}.{message.incarnation}.{message.n}")

    def lastSequence(self, found: Callable[[int | None], object]) -> None:
        self.queries.append(found)

    def answer(self, number: int | None) -> None:
        self.queries.pop(0)(number)

    def test_readsToTheEndBeforeItResends(self) -> None:
        self.retransmitter.suspect()
        self.retransmitter.suspect()
        assert len(self.queries) == 1
        assert self.queue.suspended
        self.answer(12)
        assert self.retransmitter.streamEnd == 12
        self.retransmitter.advanced(11)
        assert self.messages == []
        self.retransmitter.advanced(12)
        assert self.messages == ["a.i.1"]
        assert not self.queue.suspended
        self.retransmitter.advanced(13)
        assert self.messages == ["a.i.1"]

    def test_resendsAtOnceWhenAllIsRead(self) -> None:
        self.retransmitter.suspect()
        self.answer(10)
        assert self.messages == ["a.i.1"]

    def test_acknowledgedIsNotResent(self) -> None:
        self.retransmitter.suspect()
        self.answer(11)
        self.queue.acknowledge(1)
        self.retransmitter.advanced(11)
        assert self.messages == []
        assert not self.queue.suspended
        self.retransmitter.suspect()
        assert not self.queries

    def test_asksAgainAndPausesBetweenAttempts(self) -> None:
        self.retransmitter.suspect()
        self.answer(None)
        self.retransmitter.tick()
        assert self.queries == []
        self.now += RETRY_SECONDS
        self.retransmitter.tick()
        self.answer(10)
        assert self.messages == ["a.i.1"]
        self.retransmitter.suspect()
        assert self.queries == []
        self.now += RETRY_SECONDS
        self.retransmitter.tick()
        self.answer(10)
        assert self.messages == ["a.i.1"] * 2

    def test_answerFromBeforeTheSuspicionIsIgnored(self) -> None:
        self.now += HEARTBEAT_SECONDS
        self.queue.publishedAt = self.now
        self.retransmitter.tick()
        self.now += RETRY_SECONDS
        self.retransmitter.suspect()
        assert len(self.queries) == 2
        self.answer(10)
        assert self.messages == []
        self.now += STOP_SECONDS
        self.retransmitter.tick()
        self.answer(10)
        assert self.messages == []
        self.answer(10)
        assert self.messages == ["a.i.1"]

    def test_suspectsWhatDoesNotComeBack(self) -> None:
        self.retransmitter.arrived()
        self.now += ACKNOWLEDGE_SECONDS - 0.1
        self.retransmitter.tick()
        assert not self.queue.suspended
        self.now += 0.1
        self.retransmitter.tick()
        assert self.queue.suspended

    def test_confirmEndsTheSuspicion(self) -> None:
        self.retransmitter.suspect()
        self.queue.clear()
        self.retransmitter.confirm()
        self.answer(10)
        assert self.messages == []
        assert not self.queue.suspended

    def test_knowsTheEndWithoutSuspicion(self) -> None:
        self.queue.acknowledge(1)
        for _ in range(40):
            self.now += 0.25
            self.retransmitter.tick()
            if self.queries:
                self.answer(20)
        assert self.retransmitter.streamEnd == 20
        assert not self.queue.suspended
