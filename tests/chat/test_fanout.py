"""
Tests for L{tsservices.chat.fanout}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.chat import Ear, Index
from tsservices.chat.fanout import BROADCAST_FROM, Recipients
from tsservices.chat.session import Session


class Cord:
    """A wire, and its own broadcast."""

    def __init__(self) -> None:
        self.isIdle = True
        self.valid = True
        self.wires: Sequence[Any] = ()

    def broadcastWith(self, wires: Sequence[Any]) -> Cord:
        self.valid = True
        self.wires = wires
        return self

    def leaveBroadcast(self) -> None:
        self.valid = False

    dissolve = leaveBroadcast

    def send(self, data: bytes, without: Sequence[Any]) -> bool:
        raise NotImplementedError


def people(count: int = BROADCAST_FROM) -> tuple[list[Session], list[Ear]]:
    ears = [Ear() for _ in range(count)]
    for ear in ears:
        ear.wire = Cord()
    return [Session(f"s{number}", ear) for number, ear in enumerate(ears)], ears


class TestAudience:
    def test_gathered(self) -> None:
        """
        They are gathered when they are told something for the second time, and again when
        that was dissolved.
        """
        sessions, ears = people()
        audience = Recipients(sessions)
        assert [audience.canBroadcast() for _ in range(3)] == [False, True, True]
        (group,) = audience.groups
        assert group.sessions == sessions
        assert audience.others == ()
        wire = ears[0].wire
        assert wire is not None
        wire.leaveBroadcast()
        assert [audience.canBroadcast() for _ in range(4)] == [False, False, True, True]

    def test_few(self) -> None:
        """For a few it is not worth it."""
        audience = Recipients(people(BROADCAST_FROM - 1)[0])
        assert not any(audience.canBroadcast() for _ in range(4))

    def test_groups(self) -> None:
        """Each form has a group; who can't be sent to together with others is in none."""
        sessions, ears = people()
        ears[0].form = other = Index()
        ears[1].wire = None
        sessions[2].recipient = None
        sessions[3].ignores = frozenset({"x"})
        cord = ears[4].wire = Cord()
        cord.isIdle = False
        audience = Recipients(sessions)
        audience.canBroadcast()
        assert audience.canBroadcast()
        assert [(each.form, each.sessions) for each in audience.groups] == [
            (other, sessions[:1]),
            (ears[5].form, sessions[5:]),
        ]
        assert audience.others == tuple(sessions[1:5])
        assert audience.groups[1].broadcast.wires == [ear.wire for ear in ears[5:]]  # type: ignore[attr-defined]

    def test_nobody(self) -> None:
        """Where all have to be looked at nobody is gathered."""
        sessions, ears = people()
        for ear in ears:
            ear.wire = None
        audience = Recipients(sessions)
        assert not any(audience.canBroadcast() for _ in range(4))

    def test_return(self) -> None:
        """Who was not with them, and could be now, has them gathered anew."""
        sessions, ears = people()
        wire, ears[0].wire = ears[0].wire, None
        audience = Recipients(sessions)
        assert [audience.canBroadcast() for _ in range(3)] == [False, True, True]
        ears[0].wire = wire
        assert [audience.canBroadcast() for _ in range(3)] == [False, False, True]
        assert audience.others == ()

    def test_end(self) -> None:
        """Those who are in a room no longer together are not gathered again."""
        audience = Recipients(people()[0])
        audience.canBroadcast()
        audience.canBroadcast()
        broadcast = audience.groups[0].broadcast
        audience.close()
        assert not broadcast.valid
        assert not any(audience.canBroadcast() for _ in range(4))
        assert audience.groups == ()
