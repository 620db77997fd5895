"""
A session: one connection of one person, as the chat sees it.  Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsservices.chat.outlet import Recipient

if TYPE_CHECKING:
    pass


class Session:
    """
    One of those who are connected.

    @ivar ident: its id: stable, and no other session's ever.
    @ivar recipient: where it hears; L{None} when that is on another node.  Read for each line and
        each member, so it is no property; L{setRecipient} changes it.
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
        "pending",
        "recipient",
        "rooms",
        "token",
        "wantsAcks",
        "wantsEcho",
    )

    def __init__(
        self, ident: str, recipient: Recipient | None, cloak: str = "", node: str = ""
    ) -> None:
        self.ident = ident
        self.recipient = recipient
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

    def setRecipient(self, recipient: Recipient | None) -> None:
        """Hear there from now on: the only way to change C{recipient}."""
        self._leaveBroadcast()
        self.recipient = recipient

    def setIgnored(self, keys: frozenset[str]) -> None:
        """Want no lines of these names from now on: the only way to change C{ignores}."""
        self._leaveBroadcast()
        self.ignores = keys

    def _leaveBroadcast(self) -> None:
        # Who is sent the same as others is so by what it was before this change.
        if self.recipient is not None and self.recipient.wire is not None:
            self.recipient.wire.leaveBroadcast()
