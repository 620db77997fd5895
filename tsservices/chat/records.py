"""
Records: the durable state apart from the lines, and the state that nodes keep of each other.

Each of the first kinds is a row of a table of the storage. A batch has the records that it has
changed, as of its end, and the keys of those that it has deleted. The last kinds (L{Node},
L{DetachedSession}) exist only in the stream and in snapshots.

In all records times are in nanoseconds since 1970, UTC, C{room} is the key of a room, C{account}
the key of an account, and C{KEY} names the fields that identify a record within its kind.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import ClassVar

from tsservices.common.timestamps import NANOSECONDS

#: Private messages that may wait for one account: others can fill these few hundred kilobytes.
INBOX_UNREAD = 500

#: The maximum of them from one sender, so that one person can't keep all others out.
INBOX_SHARE = 100


@dataclass(frozen=True, slots=True)
class Account:
    """A name with an owner."""

    KEY: ClassVar[tuple[str, ...]] = ("key",)

    #: The folded name.
    key: str
    #: The spelling of its owner.
    name: str
    #: The verifier of the password, in the form of L{tsservices.chat.passwords}.
    verifier: str
    #: The version of the password: it grows with each new one, and starts at another number for
    #: each owner of the name.
    version: int
    #: When it was registered.
    created: int
    #: When its owner was last here.
    seen: int
    #: Private messages that came while nobody was logged in.
    unread: int = 0
    #: The position at which it was registered; 0: before the second version of messages.
    position: int = 0

    def seenAt(self, time: int, schema: int) -> Account:
        """
        The account after its owner was here at C{time}.

        @param schema: the version of the rules.
        """
        # Version 1 kept the latest time; after a clock that was ahead this was wrong for years.
        return replace(self, seen=max(self.seen, time) if schema == 1 else time)

    def wrote(self, position: int, time: int) -> bool:
        """Whether it existed already when a line with its key was said, at this position."""
        return self.position <= position if self.position else self.created <= time

    def withVerifier(self, verifier: str) -> Account:
        """The account with another password."""
        return replace(self, verifier=verifier, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class AccountToken:
    """
    A token with which a program may log in to an account, in place of the password.

    Resume tokens, with which a connection replaces a lost one, are no records.
    """

    KEY: ClassVar[tuple[str, ...]] = ("ident",)

    #: The public part of the token; no other token ever has it.
    ident: str
    account: str
    #: The spelling of its owner.
    name: str
    #: The folded name: no other token of the account has it.
    key: str
    #: A name of L{tsservices.chat.operations.SCOPES}.
    scope: str
    #: The digest of the whole token: see L{tsservices.common.tokens}.
    digest: str
    created: int
    #: The hour of the last login with it; 0: never.
    used: int = 0
    #: The cloak of the address of the last login.
    cloak: str = ""

    def usedAt(self, time: int, cloak: str) -> AccountToken:
        """The token after a login with it; the same object if nothing changes."""
        hour = time - time % _HOUR
        if (hour, cloak) == (self.used, self.cloak):
            return self
        return replace(self, used=hour, cloak=cloak)


# To the hour: the exact time would be a write for each login, and show more than is needed.
_HOUR = 3600 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Restriction:
    """A ban or a mute in a room."""

    KEY: ClassVar[tuple[str, ...]] = ("room", "kind", "mask")

    room: str
    #: L{tsservices.chat.operations.BAN} or L{tsservices.chat.operations.MUTE}.
    kind: str
    #: The key of an account, the cloak of an address, or a mask.
    mask: str
    #: The nick that was named.
    name: str
    #: The nick of the operator.
    by: str
    time: int
    #: When it ends; 0: never.
    until: int
    reason: str
    #: C{name} folded. It is stored, because folding it again later or elsewhere may give another
    #: result.
    key: str = ""
    #: The position at which it was set; 0: before the second version of messages.
    position: int = 0
    #: If the clock was set back to before C{time} since: the time from which the duration counts,
    #: while the clock shows less than C{time}.
    countedFrom: int = 0

    def end(self, now: int) -> int:
        """
        When it ends, as far as is known at C{now}; 0: never.

        A clock that shows less than C{time} was ahead when this was set, and C{until} may be years
        away; or it is wrong now, and will be right again. So the stored times do not change: until
        the clock shows C{time} again, the whole duration counts from when it was set back.
        """
        if not self.until or now >= self.time:
            return self.until
        begin = self.countedFrom if 0 < self.countedFrom <= now else now
        return begin + self.until - self.time

    def hasEnded(self, now: int) -> bool:
        """Whether it is over at C{now}."""
        return 0 < self.end(now) <= now

    def isOlderThan(self, position: int, time: int) -> bool:
        """
        Whether it was set before something else, at this position, existed.

        By position, since times go back when a clock is set; without a position it counts as older.
        """
        if self.position and position:
            return self.position < position
        return (self.position, self.time) < (position, time)


@dataclass(frozen=True, slots=True)
class RoomRole:
    """The rights of an account in one room."""

    KEY: ClassVar[tuple[str, ...]] = ("room", "account")

    room: str
    account: str
    #: Whether the account is operator of the room.
    operator: bool = False
    #: Whether it may join the private room for the first time.
    invited: bool = False
    #: The number of the first line of the private room that it may read; None until it has joined.
    admitted: int | None = None
    #: Whether the account may talk while the room is moderated.
    voice: bool = False


@dataclass(frozen=True, slots=True)
class ReadMarker:
    """The number of the last line of a room that the owner of an account has read."""

    KEY: ClassVar[tuple[str, ...]] = ("account", "room")

    account: str
    room: str
    seq: int


#: Time marks of one owner, one for each conversation: nobody reads in more.
TIME_MARKS = 1000


@dataclass(frozen=True, slots=True)
class TimeMark:
    """
    The time up to which the owner has read a conversation. Set by IRC clients, which know times and
    no numbers; it is independent of L{ReadMarker}.
    """

    KEY: ClassVar[tuple[str, ...]] = ("owner", "target")

    #: The key of an account, or the C{origin} of a guest's session. Those of guests are not stored:
    #: they end with the session.
    owner: str
    #: The key of a room after a C{#}, or the key of the other person's name.
    target: str
    time: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """A person whose words the owner of the list does not want to read."""

    KEY: ClassVar[tuple[str, ...]] = ("owner", "mask")

    #: The key of an account, or the C{origin} of a guest's session. Lists of guests are not stored:
    #: they end with the session.
    owner: str
    #: The ignored person: the same. The C{origin} of a session contains a dot, which no name does.
    mask: str
    #: Their name; the last one of a guest who has left.
    name: str


@dataclass(frozen=True, slots=True)
class InboxShare:
    """The number of private messages from one sender that wait for an account."""

    KEY: ClassVar[tuple[str, ...]] = ("account", "sender")

    account: str
    #: The key of the sender's account.
    sender: str
    count: int


@dataclass(frozen=True, slots=True)
class PostReceipt:
    """The result of a L{Post<tsservices.chat.operations.Post>} that may be sent again."""

    KEY: ClassVar[tuple[str, ...]] = ("account", "requestKey")

    account: str
    #: The idempotency key of the request.
    requestKey: str
    #: The digest of all fields of the request.
    digest: str
    #: The key.
    room: str
    #: The number of the first line.
    seq: int
    #: How many lines there are.
    lines: int
    #: The time of the first line.
    time: int
    #: The id of the first line.
    ident: str
    #: When the request was made.
    kept: int


#: The kinds of records that a batch may change, apart from rooms.
Record = (
    Account
    | AccountToken
    | Restriction
    | RoomRole
    | ReadMarker
    | TimeMark
    | Ignored
    | InboxShare
    | PostReceipt
)


def keyOf(record: Record) -> tuple[object, ...]:
    """The identity of a record: its kind, and the fields of its key."""
    return (type(record), *(getattr(record, name) for name in record.KEY))


@dataclass(frozen=True, slots=True)
class StoredPrivateMessage:
    """A private message between two accounts."""

    #: The same on all nodes, for ever.
    ident: str
    time: int
    #: The key of the author's account.
    sender: str
    #: The key of the other account.
    receiver: str
    #: The author's name.
    nick: str
    #: The receiver's name.
    to: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageDeletion:
    """The deletion of the words of the line C{seq}, wherever they are stored."""

    room: str
    seq: int
    #: The new kind of the line, by default L{tsservices.chat.operations.DELETED}.
    kind: str = "deleted"
    #: Its new text.
    text: str = ""


#: Modes of a room without an argument: only members talk; only operators set the topic; nobody else
#: sees the room; only operators and members with voice talk.
MEMBERS_TALK, OPERATORS_TOPIC, SECRET, MODERATED = "n", "t", "s", "m"

#: Modes of a room that are fields of their own: C{private}, C{joinKey}, C{memberLimit}.
INVITE_ONLY, JOIN_KEY, MEMBER_LIMIT = "i", "k", "l"

#: The modes of a new room, unless others are given.
DEFAULT_MODES = MEMBERS_TALK


@dataclass(slots=True)
class RoomRecord:
    """A room without its lines."""

    #: The folded name.
    key: str
    #: The spelling of the first visitor.
    name: str
    #: The number of the last line.
    seq: int = 0
    #: The time of the last line.
    time: int = 0
    topic: str = ""
    #: The nick of the user who set the topic.
    topicBy: str = ""
    topicTime: int = 0
    #: The key of the account that created it; empty if a guest did.
    founder: str = ""
    #: Whether joining needs an invitation.
    private: bool = False
    #: The number of the first line that every member may read: lines from a private time stay
    #: private.
    openFrom: int = 1
    #: The modes without an argument, sorted.
    modes: str = DEFAULT_MODES
    #: The key needed to join; empty: none.
    joinKey: str = ""
    #: The maximum number of people in the room; 0: any number.
    memberLimit: int = 0
    #: When it was created; 0: before this was stored.
    created: int = 0

    def allModes(self) -> str:
        """The letters of all its modes, sorted."""
        fields = ((INVITE_ONLY, self.private), (JOIN_KEY, self.joinKey))
        letters = [letter for letter, value in (*fields, (MEMBER_LIMIT, self.memberLimit)) if value]
        return "".join(sorted([*self.modes, *letters]))

    def copy(self) -> RoomRecord:
        """A copy, which does not change with this record."""
        # Made for each changed room and turn; dataclasses.replace takes three times as long.
        return RoomRecord(*_ROOM_FIELDS(self))


_ROOM_FIELDS = attrgetter(*[field.name for field in fields(RoomRecord)])

#: Earlier incarnations of a node that are remembered, so that a repeated message of one of them is
#: rejected.
INCARNATIONS_REMEMBERED = 8


@dataclass(slots=True)
class Node:
    """A node of the cluster that is up."""

    name: str
    #: The name of its start; no other start has it.
    incarnation: str
    #: The number of its last accepted message.
    n: int
    #: The position of its last message.
    position: int
    #: The time of its last message.
    stamp: int
    #: When it started.
    startedAt: int
    #: Earlier starts of the node, the newest last.
    previousIncarnations: tuple[str, ...] = ()

    def allIncarnations(self) -> tuple[str, ...]:
        """The previous incarnations and the current one, as many as are remembered."""
        return (*self.previousIncarnations, self.incarnation)[-INCARNATIONS_REMEMBERED:]


@dataclass(frozen=True, slots=True)
class DetachedMembership:
    """A room of a L{DetachedSession}."""

    room: str
    name: str
    #: The number of the last line at that time.
    seq: int
    #: The number of the first line that the session could read as a guest of a private room; 0 in
    #: all other cases.
    readableFrom: int
    #: C{openFrom} of the room at that time.
    openFrom: int
    #: Whether the session was the founder as a guest.
    founder: bool
    #: The roles that the session got as a guest, as in C{sessionRoles} of
    #: L{RoomPermissions<tsservices.chat.permissions.RoomPermissions>}.
    roles: str = ""
    #: The modes of the room at that time, in case it has to be created again.
    modes: str = DEFAULT_MODES


@dataclass(frozen=True, slots=True)
class DetachedSession:
    """
    The state of a session when its node was declared down; the fields are those of
    L{Session<tsservices.chat.session.Session>}.
    """

    ident: str
    node: str
    #: When its node was declared down.
    detachedAt: int
    nick: str
    key: str
    account: str | None
    #: The version of the account's password.
    version: int
    cloak: str
    token: str
    away: str
    connectedAt: int
    inheritedRestrictions: frozenset[tuple[str, str, str, int]]
    invited: frozenset[str]
    memberships: tuple[DetachedMembership, ...]
    connectedPosition: int = 0
    origin: str = ""
    tokenId: str = ""
    username: str = ""
    realname: str = ""
