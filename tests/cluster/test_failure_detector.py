"""
Tests for L{tsservices.cluster.failure_detector}.
"""

from __future__ import annotations

from tsservices.chat.operations import NodeDown
from tsservices.chat.records import Node
from tsservices.chat.state import ChatState
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS, SILENCE_SECONDS, FailureDetector
from tsservices.common.limits import Limits


class TestWatch:
    def setup_method(self) -> None:
        self.now = 100.0
        self.state = ChatState(Limits())
        for name in "ab":
            self.state.nodes[name] = Node(name, f"{name}-1", 1, 10, 0, 0)
        self.watch = FailureDetector("a", self.state, lambda: self.now)
        self.gone: list[NodeDown] = []

    def wait(self, seconds: float, returns: bool = True, speaks: bool = False) -> float:
        found = 0.0
        for count in range(int(seconds * 4)):
            self.now += 0.25
            if returns and not count % (HEARTBEAT_SECONDS * 4):
                self.watch.ownMessageSeen()
            if speaks and not count % (HEARTBEAT_SECONDS * 4):
                self.state.nodes["b"].position += 1
            gone = self.watch.tick()
            self.gone += gone
            if gone and not found:
                found = (count + 1) / 4
        return found

    def test_silence(self) -> None:
        """Who is silent for long is gone, which is said once."""
        assert self.wait(60, speaks=True) == 0.0
        after = self.wait(60)
        # It was heard last up to one heartbeat before.
        assert SILENCE_SECONDS - HEARTBEAT_SECONDS <= after <= SILENCE_SECONDS
        assert self.gone == [NodeDown("", "b", "b-1", self.state.nodes["b"].position)]

    def test_heardAgain(self) -> None:
        """Who was heard since may fall silent again."""
        self.wait(20)
        self.wait(20, speaks=True)
        assert len(self.gone) == 1
        self.wait(20)
        assert len(self.gone) == 2
        assert self.gone[0].seen < self.gone[1].seen

    def test_another(self) -> None:
        """Who begins again is heard by that."""
        self.wait(7)
        self.state.nodes["b"] = Node("b", "b-2", 1, 10, 0, 0)
        assert self.wait(SILENCE_SECONDS - 0.25) == 0.0
        self.wait(1)
        assert self.gone == [NodeDown("", "b", "b-2", 10)]

    def test_deaf(self) -> None:
        """Who does not hear itself can't say anything of others, nor soon after."""
        assert self.wait(60, returns=False) == 0.0
        assert self.wait(60) > SILENCE_SECONDS

    def test_frozen(self) -> None:
        """Who was frozen has not listened."""
        self.wait(6)
        self.now += 300
        assert self.wait(SILENCE_SECONDS - 0.25) == 0.0
        assert self.wait(HEARTBEAT_SECONDS + 0.75) > 0.0

    def test_itself(self) -> None:
        """Nobody says of itself that it is gone; who is gone is forgotten."""
        del self.state.nodes["b"]
        assert self.wait(60) == 0.0
        assert self.watch.ages() == {}

    def test_ages(self) -> None:
        """How long ago somebody was heard is known."""
        self.wait(0.25)
        self.wait(5)
        assert self.watch.ages() == {"b": 5.0}

    def test_forgive(self) -> None:
        """Who begins again says it again, after listening for long enough."""
        self.wait(20)
        self.watch.reset()
        assert self.wait(20) >= SILENCE_SECONDS
        assert len(self.gone) == 2
