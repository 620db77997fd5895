"""Tests for L{tsservices.chat.fanout}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.chat import IndexFormatter, RecordingOutlet
from tsservices.chat.fanout import BROADCAST_FROM, Recipients
from tsservices.chat.session import Session


class FakeWire:
    def __init__(self) -> None:
        self.isIdle = True
        self.valid = True
        self.wires: Sequence[Any] = ()

    def broadcastWith(self, wires: Sequence[Any]) -> FakeWire:
        self.valid = True
        self.wires = wires
        return self

    def leaveBroadcast(self) -> None:
        self.valid = False

    dissolve = leaveBroadcast

    def send(self, data: bytes, without: Sequence[Any]) -> bool:
        raise NotImplementedError


def people(count: int = BROADCAST_FROM) -> tuple[list[Session], list[RecordingOutlet]]:
    outlets = [RecordingOutlet() for _ in range(count)]
    for outlet in outlets:
        outlet.broadcastMember = FakeWire()
    return [Session(f"s{number}", outlet) for number, outlet in enumerate(outlets)], outlets


class TestRecipients:
    def test_groupsAreMadeAtSecondDelivery(self) -> None:
        sessions, outlets = people()
        audience = Recipients(sessions)
        assert [audience.canBroadcast() for _ in range(3)] == [False, True, True]
        (group,) = audience.groups
        assert group.sessions == sessions
        assert audience.unbroadcast == ()
        broadcastMember = outlets[0].broadcastMember
        assert broadcastMember is not None
        broadcastMember.leaveBroadcast()
        assert [audience.canBroadcast() for _ in range(4)] == [False, False, True, True]

    def test_tooFewForBroadcast(self) -> None:
        audience = Recipients(people(BROADCAST_FROM - 1)[0])
        assert not any(audience.canBroadcast() for _ in range(4))

    def test_groupPerFormat(self) -> None:
        sessions, outlets = people()
        outlets[0].form = other = IndexFormatter()
        outlets[1].broadcastMember = None
        sessions[2].recipient = None
        sessions[3].ignores = frozenset({"x"})
        broadcastMember = outlets[4].broadcastMember = FakeWire()
        broadcastMember.isIdle = False
        audience = Recipients(sessions)
        audience.canBroadcast()
        assert audience.canBroadcast()
        assert [(item.form, item.sessions) for item in audience.groups] == [
            (other, sessions[:1]),
            (outlets[5].form, sessions[5:]),
        ]
        assert audience.unbroadcast == tuple(sessions[1:5])
        broadcast: Any = audience.groups[1].broadcast
        assert broadcast.wires == [outlet.broadcastMember for outlet in outlets[5:]]

    def test_noWireNoGroup(self) -> None:
        sessions, outlets = people()
        for outlet in outlets:
            outlet.broadcastMember = None
        audience = Recipients(sessions)
        assert not any(audience.canBroadcast() for _ in range(4))

    def test_wireThatIsIdleAgain(self) -> None:
        sessions, outlets = people()
        broadcastMember, outlets[0].broadcastMember = outlets[0].broadcastMember, None
        audience = Recipients(sessions)
        assert [audience.canBroadcast() for _ in range(3)] == [False, True, True]
        outlets[0].broadcastMember = broadcastMember
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
