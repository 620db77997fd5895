"""A session: one connection of one user, as seen by the chat."""

from __future__ import annotations

from tsservices.chat.notifications import JoinedRoom, RoomMessages
from tsservices.chat.outlet import Recipient


class JoinRequest:
    """
    The lines read for a session that is about to join a room, and the outcome.

    @ivar room: the key.
    @ivar earlier: the last lines that the session may read, if it ignores somebody: the lines in
        memory are the same for all.
    @ivar last: the number of the last line at the time of reading.
    @ivar joined: the notification sent to the session; L{None}: it has not joined.
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

    C{recipient}, C{answeredAt} and the fields from C{wantsEcho} on are known only on the session's
    own node. All others are the same on all nodes, and only L{tsservices.chat.apply} changes them.

    @ivar ident: its id; no other session ever has it.
    @ivar recipient: its output; None: its connection is on another node. A plain attribute, because
        it is read for each line and each member; L{setRecipient} changes it.
    @ivar node: the name of its node; empty without a cluster.
    @ivar nick: its name; empty before it has entered.
    @ivar key: the folded name.
    @ivar account: the key of the account that it is logged in to; None for guests.
    @ivar cloak: the cloak of its address, shown only to operators.
    @ivar token: the digest of the secret with which another connection may replace it.
    @ivar tokenId: the id of the account token used to log in; empty: the password was used, or it
        is a guest. Sessions with a token may do less: see L{tsservices.chat.handlers.tokens}.
    @ivar answeredAt: the position of the last delivered batch, at the delivery of the latest of its
        proposals.
    @ivar away: the away text; empty: present.
    @ivar rooms: the keys of its rooms in the order of joining (an ordered set).
    @ivar origin: the id of the first session in the chain of sessions that it has replaced; its own
        id if it has replaced none. Ignoring a guest is by this id.
    @ivar ignores: the masks of ignored people, as in L{Ignored <tsservices.chat.records.Ignored>};
        L{setIgnored} changes it.
    @ivar connectedAt: when it entered: nanoseconds since 1970, UTC.
    @ivar connectedPosition: the position in the order at which it entered; 0 by the first version
        of the rules.
    @ivar inheritedRestrictions: bans and mutes of its address that were meant for this user: room,
        kind, mask and time of each.
    @ivar invited: the keys of private rooms that it may join as a guest.
    @ivar username: the user name sent by its client; empty: none.
    @ivar realname: the real name given by its user; empty: none.
    @ivar wantsEcho: whether its own lines are sent back to it.
    @ivar wantsAcks: whether it gets acknowledgements of stored lines.
    @ivar wantsWallops: whether it gets the messages between operators of the server.
    @ivar wantsWatched: whether it gets more news of the names that it watches than that their users
        come and go.
    @ivar pending: the number of its proposals that are not yet decided, stored and delivered.
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
        """Send output to C{recipient} from now on."""
        self.leaveSharedOutput()
        self.recipient = recipient

    def doesIgnore(self, other: Session) -> bool:
        """Whether the words of another session are not shown to this one."""
        return other.account in self.ignores or other.origin in self.ignores

    def setIgnored(self, masks: frozenset[str]) -> None:
        """Replace the set of ignored masks."""
        if masks != self.ignores:
            self.leaveSharedOutput()
            self.ignores = masks

    def leaveSharedOutput(self) -> None:
        """Leave broadcasts and backlogs: to be called before any change of what they rely on."""
        if self.recipient is not None and self.recipient.broadcastMember is not None:
            self.recipient.broadcastMember.leaveBroadcast()
