"""Tests for L{tsservices.cluster.failure_detector}."""

from __future__ import annotations

from tsservices.chat.operations import NodeDown
from tsservices.chat.records import Node
from tsservices.chat.state import ChatState
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS, SILENCE_SECONDS, FailureDetector
from tsservices.common.limits import Limits


class TestFailureDetector:
    def setup_method(self) -> None:
        self.now = 100.0
        self.state = ChatState(Limits())
        for name in "ab":
            self.state.nodes[name] = Node(name, f"{name}-1", 1, 10, 0, 0)
        self.detector = FailureDetector("a", self.state, lambda: self.now)
        self.proposed: list[NodeDown] = []

    def wait(self, seconds: float, returns: bool = True, speaks: bool = False) -> float:
        found = 0.0
        for count in range(int(seconds * 4)):
            self.now += 0.25
            if returns and not count % (HEARTBEAT_SECONDS * 4):
                self.detector.ownMessageSeen()
            if speaks and not count % (HEARTBEAT_SECONDS * 4):
                self.state.nodes["b"].position += 1
            gone = self.detector.tick()
            self.proposed += gone
            if gone and not found:
                found = (count + 1) / 4
        return found

    def test_silentNodeIsReportedOnce(self) -> None:
        assert self.wait(60, speaks=True) == 0.0
        after = self.wait(60)
        # It was heard last up to one heartbeat before.
        assert SILENCE_SECONDS - HEARTBEAT_SECONDS <= after <= SILENCE_SECONDS
        assert self.proposed == [NodeDown("", "b", "b-1", self.state.nodes["b"].position)]

    def test_secondSilenceIsReportedAgain(self) -> None:
        self.wait(20)
        self.wait(20, speaks=True)
        assert len(self.proposed) == 1
        self.wait(20)
        assert len(self.proposed) == 2
        assert self.proposed[0].seen < self.proposed[1].seen

    def test_newIncarnationCountsAsHeard(self) -> None:
        self.wait(7)
        self.state.nodes["b"] = Node("b", "b-2", 1, 10, 0, 0)
        assert self.wait(SILENCE_SECONDS - 0.25) == 0.0
        self.wait(1)
        assert self.proposed == [NodeDown("", "b", "b-2", 10)]

    def test_nodeThatDoesNotHearItselfReportsNobody(self) -> None:
        assert self.wait(60, returns=False) == 0.0
        assert self.wait(60) > SILENCE_SECONDS

    def test_frozenTimeDoesNotCount(self) -> None:
        self.wait(6)
        self.now += 300
        assert self.wait(SILENCE_SECONDS - 0.25) == 0.0
        assert self.wait(HEARTBEAT_SECONDS + 0.75) > 0.0

    def test_neverReportsItself(self) -> None:
        del self.state.nodes["b"]
        assert self.wait(60) == 0.0
        assert self.detector.ages() == {}

    def test_ages(self) -> None:
        self.wait(0.25)
        self.wait(5)
        assert self.detector.ages() == {"b": 5.0}

    def test_resetReportsAgain(self) -> None:
        self.wait(20)
        self.detector.reset()
        assert self.wait(20) >= SILENCE_SECONDS
        assert len(self.proposed) == 2
