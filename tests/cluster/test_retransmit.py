"""
Tests for L{tsservices.cluster.retransmit}.
"""

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


class TestResending:
    def setup_method(self) -> None:
        self.now = 100.0
        self.questions: list[Callable[[int | None], object]] = []
        self.idents: list[str] = []
        self.outbox = PublishQueue("a", lambda: self.now, self.publish)
        self.resending = Retransmitter(cast(Broker, self), self.outbox, lambda: self.now)
        self.resending.advanced(10)
        self.outbox.start("i", [])
        self.outbox.send(heartbeat=True)
        self.resending.tick()
        self.answer(10)
        self.now += 1
        self.idents.clear()

    def publish(self, data: bytes) -> None:
        message = decode(data)
        self.idents.append(f"{message.node}.{message.incarnation}.{message.n}")

    def lastSequence(self, found: Callable[[int | None], object]) -> None:
        self.questions.append(found)

    def answer(self, number: int | None) -> None:
        self.questions.pop(0)(number)

    def test_readFirst(self) -> None:
        """
        What may be lost goes again when all was read that was there when it was in doubt,
        and nothing goes meanwhile.
        """
        self.resending.suspect()
        self.resending.suspect()
        assert len(self.questions) == 1
        assert self.outbox.held
        self.answer(12)
        assert self.resending.streamEnd == 12
        self.resending.advanced(11)
        assert self.idents == []
        self.resending.advanced(12)
        assert self.idents == ["a.i.1"]
        assert not self.outbox.held
        self.resending.advanced(13)
        assert self.idents == ["a.i.1"]

    def test_readAlready(self) -> None:
        """If all was read it goes at once."""
        self.resending.suspect()
        self.answer(10)
        assert self.idents == ["a.i.1"]

    def test_cameBack(self) -> None:
        """What comes back while the stream is read does not go again."""
        self.resending.suspect()
        self.answer(11)
        self.outbox.acknowledge(1)
        self.resending.advanced(11)
        assert self.idents == []
        assert not self.outbox.held
        self.resending.suspect()
        assert not self.questions

    def test_retry(self) -> None:
        """
        While the end can't be found it is looked for every so often; and there is a pause
        between attempts.
        """
        self.resending.suspect()
        self.answer(None)
        self.resending.tick()
        assert self.questions == []
        self.now += RETRY_SECONDS
        self.resending.tick()
        self.answer(10)
        assert self.idents == ["a.i.1"]
        self.resending.suspect()
        assert self.questions == []
        self.now += RETRY_SECONDS
        self.resending.tick()
        self.answer(10)
        assert self.idents == ["a.i.1"] * 2

    def test_lateAnswer(self) -> None:
        """
        An answer to what was asked before there was a doubt says nothing about it; one that
        never comes is not waited for.
        """
        self.now += HEARTBEAT_SECONDS
        self.outbox.publishedAt = self.now
        self.resending.tick()
        self.now += RETRY_SECONDS
        self.resending.suspect()
        assert len(self.questions) == 2
        self.answer(10)
        assert self.idents == []
        self.now += STOP_SECONDS
        self.resending.tick()
        self.answer(10)
        assert self.idents == []
        self.answer(10)
        assert self.idents == ["a.i.1"]

    def test_nobodySaysSo(self) -> None:
        """What does not come back for long is in doubt by itself."""
        self.resending.arrived()
        self.now += ACKNOWLEDGE_SECONDS - 0.1
        self.resending.tick()
        assert not self.outbox.held
        self.now += 0.1
        self.resending.tick()
        assert self.outbox.held

    def test_believe(self) -> None:
        """Doubts end with what they were about."""
        self.resending.suspect()
        self.outbox.clear()
        self.resending.confirm()
        self.answer(10)
        assert self.idents == []
        assert not self.outbox.held

    def test_lag(self) -> None:
        """Without any doubt it is known about how far the stream goes."""
        self.outbox.acknowledge(1)
        for _ in range(40):
            self.now += 0.25
            self.resending.tick()
            if self.questions:
                self.answer(20)
        assert self.resending.streamEnd == 20
        assert not self.outbox.held
