"""Tests for L{tsservices.chat.fanout}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.chat import Ear, Index
from tsservices.chat.fanout import BROADCAST_FROM, Recipients
from tsservices.chat.session import Session


class FakeWire:
    """A wire, and its own broadcast."""

    def __init__(self) -> None:
        self.isIdle = True
        self.valid = True
        self.wires: Sequence[Any] = ()

    def broadcastWith(self, members: Sequence[Any]) -> FakeWire:
        self.valid = True
        self.wires = members
        return self

    def leaveBroadcast(self) -> None:
        self.valid = False

    dissolve = leaveBroadcast

    def send(self, data: bytes, without: Sequence[Any]) -> bool:
        raise NotImplementedError


def people(count: int = BROADCAST_FROM) -> tuple[list[Session], list[Ear]]:
    ears = [Ear() for _ in range(count)]
    for ear in ears:
        ear.broadcastMember = FakeWire()
    return [Session(f"s{number}", ear) for number, ear in enumerate(ears)], ears


class TestRecipients:
    def test_groupsAreMadeAtSecondDelivery(self) -> None:
        sessions, ears = people()
        audience = Recipients(sessions)
        assert [audience.canBroadcast() for _ in range(3)] == [False, True, True]
        (group,) = audience.groups
        assert group.sessions == sessions
        assert audience.unbroadcast == ()
        wire = ears[0].broadcastMember
        assert wire is not None
        wire.leaveBroadcast()
        assert [audience.canBroadcast() for _ in range(4)] == [False, False, True, True]

    def test_tooFewForBroadcast(self) -> None:
        audience = Recipients(people(BROADCAST_FROM - 1)[0])
        assert not any(audience.canBroadcast() for _ in range(4))

    def test_groupPerFormat(self) -> None:
        sessions, ears = people()
        ears[0].form = other = Index()
        ears[1].broadcastMember = None
        sessions[2].recipient = None
        sessions[3].ignores = frozenset({"x"})
        wire = ears[4].broadcastMember = FakeWire()
        wire.isIdle = False
        audience = Recipients(sessions)
        audience.canBroadcast()
        assert audience.canBroadcast()
        assert [(item.form, item.sessions) for item in audience.groups] == [
            (other, sessions[:1]),
            (ears[5].form, sessions[5:]),
        ]
        assert audience.unbroadcast == tuple(sessions[1:5])
        assert audience.groups[1].broadcast.wires == [ear.broadcastMember for ear in ears[5:]]  # type: ignore[attr-defined]

    def test_noWireNoGroup(self) -> None:
        sessions, ears = people()
        for ear in ears:
            ear.broadcastMember = None
        audience = Recipients(sessions)
        assert not any(audience.canBroadcast() for _ in range(4))

    def test_wireThatIsIdleAgain(self) -> None:
        sessions, ears = people()
        wire, ears[0].broadcastMember = ears[0].broadcastMember, None
        audience = Recipients(sessions)
        assert [audience.canBroadcast() for _ in range(3)] == [False, True, True]
        ears[0].broadcastMember = wire
        assert [audience.canBroadcast() for _ in range(3)] == [False, False, True]
        assert audience.unbroadcast == ()

    def test_closed(self) -> None:
        audience = Recipients(people()[0])
        audience.canBroadcast()
        audience.canBroadcast()
        broadcast = audience.groups[0].broadcast
        audience.close()
        assert not broadcast.valid
        assert not any(audience.canBroadcast() for _ in range(4))
        assert audience.groups == ()
