"""A session: one connection of one user, as the chat sees it."""

from __future__ import annotations

from tsservices.chat.notifications import JoinedRoom, RoomMessages
from tsservices.chat.outlet import Recipient


class JoinRequest:
    """
    What a node has read for a session that is about to join a room, and what came of it.

    @ivar room: the key.
    @ivar earlier: the last lines that it may read, for one that ignores somebody: the lines in
        memory are read by all.
    @ivar last: the number of the last line then.
    @ivar joined: what the session was sent; L{None}: it has not joined.
    """

    __slots__ = ("earlier", "joined", "last", "room")

    def __init__(self, room: str) -> None:
        self.room = room
        self.earlier: list[RoomMessages] = []
        self.last = 0
        self.joined: JoinedRoom | None = None


class Session:
    """
    One connection of one user.

    C{recipient}, C{answeredAt} and the fields from C{wantsEcho} on are known to its own node alone.
    All else is shared by all nodes, and only L{tsservices.chat.apply} changes it.

    @ivar ident: its id: no other session ever has it.
    @ivar recipient: where it is written to; None: its connection is on another node. It is read for
        each line and each member, so it is no property: L{setRecipient} changes it.
    @ivar node: the name of its node; empty without a cluster.
    @ivar nick: its name; empty before it has entered.
    @ivar key: the same, folded.
    @ivar account: the key of the account that it is logged in to; None for guests.
    @ivar cloak: stands for its address, which only operators of the server see.
    @ivar token: the digest of the secret by which another connection may take its place.
    @ivar tokenId: the id of the account token by which it was logged in; empty: by the password, or
        it is a guest. Then less is allowed: see L{tsservices.chat.handlers.tokens}.
    @ivar answeredAt: the position of the last batch that was delivered when the last of its
        proposals was.
    @ivar away: the text for being away; empty: present.
    @ivar rooms: the keys of its rooms in the order of joining (an ordered set).
    @ivar origin: the id of the first of the sessions whose place it has taken, one after another;
        its own id if it has taken none. Who ignores a guest ignores this.
    @ivar ignores: the masks of those whose words it does not want, as in L{Ignored
        <tsservices.chat.records.Ignored>}; L{setIgnored} changes it.
    @ivar connectedAt: when it entered: nanoseconds since 1970, UTC.
    @ivar connectedPosition: the same as a position in the order; 0: by the first version of the
        rules.
    @ivar inheritedRestrictions: bans and mutes of its address that were meant for this user: room,
        kind, mask and time of each.
    @ivar invited: the keys of private rooms that it may join as a guest.
    @ivar username: what its program calls its user; empty: nothing.
    @ivar realname: who its user claims to be; empty: nobody in particular.
    @ivar wantsEcho: whether it wants its own lines back.
    @ivar wantsAcks: whether it wants to know what is stored.
    @ivar wantsWallops: whether it wants to hear what operators of the server tell each other.
    @ivar wantsWatched: whether it wants to know more of those whose names it watches than that they
        come and go.
    @ivar pending: its proposals that are not yet decided, stored and delivered.
    @ivar joining: the room that it is about to join.
    """

    __slots__ = (
        "account",
        "answeredAt",
        "away",
        "cloak",
        "connectedAt",
        "connectedPosition",
        "ident",
        "ignores",
        "inheritedRestrictions",
        "invited",
        "joining",
        "key",
        "nick",
        "node",
        "origin",
        "pending",
        "realname",
        "recipient",
        "rooms",
        "token",
        "tokenId",
        "username",
        "wantsAcks",
        "wantsEcho",
        "wantsWallops",
        "wantsWatched",
    )

    def __init__(
        self, ident: str, recipient: Recipient | None, cloak: str = "", node: str = ""
    ) -> None:
        self.ident = self.origin = ident
        self.recipient = recipient
        self.cloak = cloak
        self.node = node
        self.token = ""
        self.tokenId = ""
        self.answeredAt = 0
        self.connectedAt = 0
        self.connectedPosition = 0
        self.inheritedRestrictions: frozenset[tuple[str, str, str, int]] = frozenset()
        self.nick = ""
        self.key = ""
        self.account: str | None = None
        self.away = ""
        self.rooms: dict[str, None] = {}
        self.ignores: frozenset[str] = frozenset()
        self.invited: frozenset[str] = frozenset()
        self.username = self.realname = ""
        self.wantsEcho = False
        self.wantsAcks = False
        self.wantsWallops = False
        self.wantsWatched = False
        self.pending = 0
        self.joining: JoinRequest | None = None

    def setRecipient(self, recipient: Recipient | None) -> None:
        """Write to C{recipient} from now on."""
        self.leaveBroadcast()
        self.recipient = recipient

    def doesIgnore(self, other: Session) -> bool:
        """Whether it does not want the words of another session."""
        return other.account in self.ignores or other.origin in self.ignores

    def setIgnored(self, masks: frozenset[str]) -> None:
        """Ignore these from now on, in place of those before."""
        if masks != self.ignores:
            self.leaveBroadcast()
            self.ignores = masks

    def leaveBroadcast(self) -> None:
        """Be served alone: before any change of that on which a broadcast or a backlog relies."""
        if self.recipient is not None and self.recipient.broadcastMember is not None:
            self.recipient.broadcastMember.leaveBroadcast()
