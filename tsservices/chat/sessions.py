"""
A session: one connection of one person, as the chat sees it.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from tsservices.chat.happenings import Happening

if TYPE_CHECKING:
    from tsservices.chat.rooms import Room


class Form(Protocol):
    """
    One way to write what happens; one object for all who want it written like that.
    """

    def encode(self, happenings: Sequence[Happening]) -> bytes:
        """
        @param happenings: what happened, in order.
        @return: the same for a wire.
        """
        ...


class Outlet(Protocol):
    """
    Where a session hears what happens.

    @ivar form: how that is written now.
    """

    form: Form

    @property
    def push(self) -> Callable[[bytes], object]:
        """
        @return: takes what to send next: the same object for all who hear the same.
        """
        ...

    @property
    def pushLast(self) -> Callable[[bytes], object]:
        """
        @return: takes what to send next when nothing else follows in this turn, which
            may be cheaper.
        """
        ...

    def settled(self) -> None:
        """
        All that the session had proposed is decided, stored, and told.
        """
        ...

    def membershipChanged(self, rooms: int) -> None:
        """
        What comes next is told to one who is in more rooms, or in fewer: its form may
        be another now.

        @param rooms: in how many.
        """
        ...


class Session:
    """
    One of those who are connected.

    @ivar ident: its id: stable, and no other session's ever.
    @ivar outlet: where it hears; L{None} when that is on another node.
    @ivar nick: what it is called; nothing before it has said so.
    @ivar key: the same, folded.
    @ivar account: whom the name belongs to; L{None} for guests.
    @ivar away: why it is away.
    @ivar rooms: where it is, by key, in the order of joining.
    @ivar ignores: keys of the names whose lines it does not want.
    @ivar echoes: whether it wants its own lines too.
    @ivar acks: whether it wants to be told of what is stored.
    @ivar outstanding: how many of its proposals are not decided, stored and told yet.
    """

    __slots__ = (
        "account",
        "acks",
        "away",
        "echoes",
        "ident",
        "ignores",
        "key",
        "nick",
        "outlet",
        "outstanding",
        "rooms",
    )

    def __init__(self, ident: str, outlet: Outlet | None) -> None:
        """
        @param ident: its id.
        @param outlet: where it hears.
        """
        self.ident = ident
        self.outlet = outlet
        self.nick = ""
        self.key = ""
        self.account: str | None = None
        self.away = ""
        self.rooms: dict[str, Room] = {}
        self.ignores: frozenset[str] = frozenset()
        self.echoes = False
        self.acks = False
        self.outstanding = 0
