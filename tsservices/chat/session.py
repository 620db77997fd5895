"""
A session: one connection of one person, as the chat sees it.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from tsservices.chat.notifications import Happening
from tsservices.chat.outlet import BroadcastMember

if TYPE_CHECKING:
    from tsservices.chat.errors import ChatError


class Formatter(Protocol):
    """One way to write what happens; one object for all who want it written like that."""

    def encode(self, happenings: Sequence[Happening]) -> bytes:
        """The same for a wire."""
        ...


class Recipient(Protocol):
    """
    Where a session hears what happens.

    @ivar form: how that is written now.
    @ivar wire: where what is pushed goes as it is; L{None} while it does not.  Whoever changes
        this or C{form} calls its C{leave} first.
    """

    form: Formatter
    wire: BroadcastMember | None

    @property
    def write(self) -> Callable[[bytes], object]:
        """Takes what to send next: the same object for all who hear the same."""
        ...

    @property
    def writeLast(self) -> Callable[[bytes], object]:
        """Takes what to send next when nothing else follows in this turn, which may be cheaper."""
        ...

    def idle(self) -> None:
        """All that the session had proposed is decided, stored, and told."""
        ...

    def replaced(self, why: ChatError) -> None:
        """Another connection goes on for this one, which is to end."""
        ...

    def roomCountChanged(self, rooms: int) -> None:
        """
        What comes next is told to one who is in more rooms, or in fewer: its form may
        be another now.
        """
        ...


class Session:
    """
    One of those who are connected.

    @ivar ident: its id: stable, and no other session's ever.
    @ivar outlet: where it hears; L{None} when that is on another node.  Read for each line and
        each member, so it is no property; L{setOutlet} changes it.
    @ivar node: the name of the node that it is connected to; nothing if there is one only.
    @ivar nick: what it is called; nothing before it has said so.
    @ivar key: the same, folded.
    @ivar account: the key of the account that it is logged in to; L{None} for guests.
    @ivar cloak: stands for its address, which only the operators of the server know.
    @ivar token: the digest of what another connection has to know to go on for it.
    @ivar away: why it is away.
    @ivar rooms: the keys of the rooms where it is, in the order of joining (an ordered set).
    @ivar ignores: keys of the names whose lines it does not want; L{setIgnored} changes it.
    @ivar connectedAt: when it said its name: nanoseconds since 1970, UTC.
    @ivar inheritedRestrictions: the bans and mutes of its address that were meant for it: room,
        kind, mask and time of each.
    @ivar invited: keys of the private rooms that it may enter, as a guest.
    @ivar wantsEcho: whether it wants its own lines too.
    @ivar wantsAcks: whether it wants to be told of what is stored.
    @ivar pending: how many of its proposals are not decided, stored and told yet.
    """

    __slots__ = (
        "account",
        "away",
        "cloak",
        "connectedAt",
        "ident",
        "ignores",
        "inheritedRestrictions",
        "invited",
        "key",
        "nick",
        "node",
        "outlet",
        "pending",
        "rooms",
        "token",
        "wantsAcks",
        "wantsEcho",
    )

    def __init__(
        self, ident: str, outlet: Recipient | None, cloak: str = "", node: str = ""
    ) -> None:
        self.ident = ident
        self.outlet = outlet
        self.cloak = cloak
        self.node = node
        self.token = ""
        self.connectedAt = 0
        self.inheritedRestrictions: frozenset[tuple[str, str, str, int]] = frozenset()
        self.nick = ""
        self.key = ""
        self.account: str | None = None
        self.away = ""
        self.rooms: dict[str, None] = {}
        self.ignores: frozenset[str] = frozenset()
        self.invited: frozenset[str] = frozenset()
        self.wantsEcho = False
        self.wantsAcks = False
        self.pending = 0

    def setOutlet(self, outlet: Recipient | None) -> None:
        """Hear there from now on: the only way to change C{outlet}."""
        self._leave()
        self.outlet = outlet

    def setIgnored(self, keys: frozenset[str]) -> None:
        """Want no lines of these names from now on: the only way to change C{ignores}."""
        self._leave()
        self.ignores = keys

    def _leave(self) -> None:
        # Who is sent the same as others is so by what it was before this change.
        if self.outlet is not None and self.outlet.wire is not None:
            self.outlet.wire.leaveBroadcast()
