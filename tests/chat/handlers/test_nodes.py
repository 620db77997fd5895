"""Tests for L{tsservices.chat.handlers.nodes}, and for what comes of sessions that are no more."""

from __future__ import annotations

from dataclasses import replace

from tests.support.chat import NOON, StateHarness
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.nodes import (
    Verdict,
    acceptMessage,
    isNewIncarnation,
    sessionOf,
    shutdownOf,
)
from tsservices.chat.operations import (
    BAN,
    Enter,
    Join,
    Login,
    NodeDown,
    NodeUp,
    Operation,
    Quit,
    Register,
    Restrict,
    Resume,
)
from tsservices.chat.records import INCARNATIONS_REMEMBERED
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits


def up(node: str, incarnation: str, limits: Limits | None = None, *operators: str) -> NodeUp:
    its = limits or Limits()
    return NodeUp(
        "",
        node,
        incarnation,
        its.roomsEach,
        its.maxRooms,
        its.maxAccounts,
        its.roomsFounded,
        its.accountsFounded,
        operators,
        its.sessionsEach,
    )


class TestAcceptMessage:
    def setup_method(self) -> None:
        self.state = ChatState(Limits())
        self.apply(up("a", "one"), 7)

    def apply(self, operation: Operation, position: int) -> Batch:
        batch = Batch("log", position, NOON + position)
        apply(self.state, operation, Session("", None), batch)
        return batch

    def test_nodeUpSetsLimits(self) -> None:
        node = self.state.nodes["a"]
        assert (node.name, node.incarnation, node.n) == ("a", "one", 1)
        assert (node.position, node.stamp, node.startedAt) == (7, NOON + 7, NOON + 7)
        limits = Limits(
            roomsEach=1,
            maxRooms=2,
            maxAccounts=3,
            roomsFounded=4,
            accountsFounded=5,
            sessionsEach=6,
            backlog=9,
        )
        self.apply(up("b", "two", limits, "root", "ann"), 8)
        assert self.state.limits == replace(limits, backlog=Limits().backlog)
        assert self.state.operators == {"root", "ann"}
        assert [self.state.roomCreationLimit.take("x", 0) for _ in range(5)] == [True] * 4 + [False]
        assert [self.state.registrationLimit.take("x", 0) for _ in range(6)] == [True] * 5 + [False]
        # Nodes of an earlier version do not know all of them.
        self.apply(replace(up("b", "three", limits), sessionsEach=0), 9)
        assert self.state.limits.sessionsEach == Limits().sessionsEach
        assert self.state.operators == frozenset()

    def test_sequence(self) -> None:
        node = self.state.nodes["a"]
        for position, (n, verdict) in enumerate(
            (
                (1, Verdict.DUPLICATE),
                (3, Verdict.GAP),
                (2, Verdict.TAKEN),
                (2, Verdict.DUPLICATE),
                (3, Verdict.TAKEN),
                (5, Verdict.GAP),
            ),
            20,
        ):
            assert acceptMessage(self.state, "a", "one", n, position, NOON + position) is verdict
            assert (node.position, node.stamp) == (position, NOON + position)
        assert node.n == 3

    def test_unknownIncarnation(self) -> None:
        for name, incarnation in (("b", "one"), ("a", "two")):
            assert acceptMessage(self.state, name, incarnation, 2, 9, 9) is Verdict.STRANGER
        assert self.state.nodes["a"].position == 7
        assert list(self.state.nodes) == ["a"]

    def test_newIncarnation(self) -> None:
        state = self.state
        assert isNewIncarnation(state, "b", "one", 1)
        assert not isNewIncarnation(state, "b", "one", 2)
        assert not isNewIncarnation(state, "a", "one", 1)
        self.apply(up("a", "two"), 8)
        assert [isNewIncarnation(state, "a", item, 1) for item in ("one", "two", "x")] == [
            False,
            False,
            1,
        ]
        self.apply(up("a", "one"), 9)
        assert state.nodes["a"].incarnation == "two"
        self.apply(NodeDown("", "a", "two", 99), 10)
        assert state.nodes == {}
        assert [isNewIncarnation(state, "a", item, 1) for item in ("one", "two", "x")] == [
            False,
            False,
            1,
        ]
        for number in range(INCARNATIONS_REMEMBERED):
            self.apply(up("a", f"x{number}"), 11 + number)
        assert len(state.nodes["a"].previousIncarnations) == INCARNATIONS_REMEMBERED
        assert state.previousIncarnations == {}
        assert not isNewIncarnation(state, "a", "two", 1)

    def test_nodeDown(self) -> None:
        state = self.state
        acceptMessage(state, "a", "one", 2, 12, NOON)
        for operation in (
            NodeDown("", "a", "zero", 99),
            NodeDown("", "b", "one", 99),
            NodeDown("", "a", "one", 11),
        ):
            self.apply(operation, 13)
            assert "a" in state.nodes
        operation = shutdownOf(state.nodes["a"])
        acceptMessage(state, "a", "one", 3, 13, NOON)
        self.apply(operation, 13)
        assert state.nodes == {}
        self.apply(operation, 14)
        assert state.previousIncarnations == {"a": ("one",)}

    def test_sessionOf(self) -> None:
        state = self.state
        session = sessionOf(state, "s", "a")
        assert (session.ident, session.node, session.recipient) == ("s", "a", None)
        apply(state, Enter("s", "Ann", "ann"), session, Batch("log", 8, NOON))
        assert sessionOf(state, "s", "a") is session


class TestEnded:
    def test_endedSessionLogsIn(self) -> None:
        chat = StateHarness()
        state = chat.state
        chat.tick(Enter("s", "Ann", "ann", "~s", "t"), Register("s", "ann", "v"))
        chat.tick(Resume("x", "t", "~x"))
        login = Login("s", "ann", NOON, "~s", "u")
        for session in (chat.sessions["s"], sessionOf(state, "s", "a")):
            apply(state, login, session, Batch("log", 9, NOON))
            assert set(state.sessions) == {"x"}

    def test_endedSessionEnters(self) -> None:
        chat = StateHarness(operators=["op"])
        chat.tick(Enter("o", "op", "op", "~o", "o"), Register("o", "op", "v"))
        chat.tick(Join("o", "R", "r"), Enter("s", "Gus", "gus", "~s", "t"))
        chat.tick(Join("s", "R", "r"), Restrict("o", "r", BAN, "Gus", "gus", 0, ""))
        session = chat.sessions["s"]
        assert session.inheritedRestrictions
        session.away = "x"
        chat.tick(Quit("s", ""), Enter("s", "Gus", "gus", "~s", "t"))
        assert (session.inheritedRestrictions, session.away) == (frozenset(), "")
        assert "s" not in chat.state.endedSessions
