"""Tests for L{tsservices.chat.fanout}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.chat import IndexFormatter, RecordingOutlet
from tsservices.chat.delivery.backlog import DEFERRED_FROM
from tsservices.chat.delivery.recipients import BROADCAST_FROM, Recipients
from tsservices.chat.fanout import RoomDelivery
from tsservices.chat.notifications import Notification, Topic, UserJoined, UserLeft
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


def later(count: int, *notifications: Notification) -> list[int]:
    sessions, outlets = people(count)
    sessions[1].recipient = None
    sessions[2].ignores = frozenset({"s9"})
    delivery = RoomDelivery(Recipients(sessions))
    delivery.notifications.extend(notifications)
    delivery.deliver(True)
    assert [len(outlet.heard()) for outlet in outlets[3:]] == [len(notifications)] * (count - 3)
    return [outlet.laterWrites for outlet in outlets[:4]]


def test_presenceCanWaitInLargeRooms() -> None:
    came = UserJoined("r", "r", "ann", None)
    left = UserLeft("r", "r", "bob", "", False, None, "s7")
    assert later(DEFERRED_FROM, came, left) == [1, 0, 1, 1]
    assert later(DEFERRED_FROM - 1, came) == [0, 0, 0, 0]


def test_whatIsIgnoredOfThoseWhoLeave() -> None:
    sessions, outlets = people(DEFERRED_FROM)
    sessions[0].ignores = frozenset({"s7"})
    delivery = RoomDelivery(Recipients(sessions))
    delivery.notifications.append(UserLeft("r", "r", "bob", "words", False, None, "s7"))
    delivery.deliver(True)
    heard = [outlet.heard()[0] for outlet in outlets[:2]]
    assert [getattr(item, "reason", None) for item in heard] == ["", "words"]


def test_presenceBesideALineDoesNotWait() -> None:
    came = UserJoined("r", "r", "ann", None)
    assert later(DEFERRED_FROM, came, Topic("r", "r", "news", "ann", 5)) == [0, 0, 0, 0]
