"""
Records: the durable state beside the lines, and what nodes remember of each other.

Each of the first kinds is a row of a table of the storage. A batch carries those that it has
changed, as they are after it, and the keys of those that it has deleted. The last kinds (L{Node},
L{DetachedSession}) live in the stream and in snapshots only.

In all of them times are in nanoseconds since 1970, UTC, C{room} is the key of a room, C{account}
that of an account, and C{KEY} names the fields that tell one record from all others of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import ClassVar

from tsservices.common.timestamps import NANOSECONDS

#: Private messages that may wait for one account: other people fill these few hundred kilobytes.
INBOX_UNREAD = 500

#: As many of them may be of one sender: nobody alone can keep all others out.
INBOX_SHARE = 100


@dataclass(frozen=True, slots=True)
class Account:
    """A name that belongs to somebody."""

    KEY: ClassVar[tuple[str, ...]] = ("key",)

    #: The folded name.
    key: str
    #: As its owner writes it.
    name: str
    #: Verifies the password, as L{tsservices.chat.passwords} writes it.
    verifier: str
    #: Numbers the passwords: it grows with each new one, and begins at another number for each
    #: owner that the name has had.
    version: int
    #: When it was registered.
    created: int
    #: When its owner was here last.
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
        # The first version kept the latest time: after a clock that was ahead, for years.
        return replace(self, seen=max(self.seen, time) if schema == 1 else time)

    def wrote(self, position: int, time: int) -> bool:
        """Whether it was there already when a line with its key was said, at this place."""
        return self.position <= position if self.position else self.created <= time

    def withVerifier(self, verifier: str) -> Account:
        """The account with another password."""
        return replace(self, verifier=verifier, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class AccountToken:
    """
    What a program may log in by to an account, in place of the password.

    The other tokens, by which a connection goes on for a lost one, are no records.
    """

    KEY: ClassVar[tuple[str, ...]] = ("ident",)

    #: The part of the token that is no secret; no other token ever has it.
    ident: str
    account: str
    #: As its owner writes it.
    name: str
    #: The same, folded: no other token of the account has it.
    key: str
    #: A name of L{tsservices.chat.operations.SCOPES}.
    scope: str
    #: Of the whole token: see L{tsservices.common.tokens}.
    digest: str
    created: int
    #: The hour in which somebody logged in by it last; 0: nobody has.
    used: int = 0
    #: The cloak of the address from which that was.
    cloak: str = ""

    def usedAt(self, time: int, cloak: str) -> AccountToken:
        """The token after a log-in by it; the same object if that says nothing new."""
        hour = time - time % _HOUR
        if (hour, cloak) == (self.used, self.cloak):
            return self
        return replace(self, used=hour, cloak=cloak)


# To the hour: the time of each log-in would be a write for each, and say more than is needed.
_HOUR = 3600 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Restriction:
    """A ban or a mute in a room."""

    KEY: ClassVar[tuple[str, ...]] = ("room", "kind", "mask")

    room: str
    #: L{tsservices.chat.operations.BAN} or L{tsservices.chat.operations.MUTE}.
    kind: str
    #: The key of an account, or the cloak of an address.
    mask: str
    #: The nick that was meant.
    name: str
    #: The nick of the operator.
    by: str
    time: int
    #: When it ends; 0: never.
    until: int
    reason: str
    #: C{name} folded: it is not folded again later or elsewhere, where that may give something
    #: else.
    key: str = ""
    #: The position at which it was set; 0: before the second version of messages.
    position: int = 0
    #: If the clock was set back to before C{time} since: the time from which C{until} is counted,
    #: as long as the clock shows less than C{time}.
    countedFrom: int = 0

    def end(self, now: int) -> int:
        """
        When it ends, as far as is known at C{now}; 0: never.

        A clock that is set back was ahead when this was set, and C{until} may be years away. Or it
        is wrong now, and will be right again. So nothing that is stored changes: as long as the
        clock shows less than C{time}, the whole duration counts from when it was set back.
        """
        if not self.until or now >= self.time:
            return self.until
        begin = self.countedFrom if 0 < self.countedFrom <= now else now
        return begin + self.until - self.time

    def hasEnded(self, now: int) -> bool:
        """Whether it does not hold at C{now}."""
        return 0 < self.end(now) <= now

    def isOlderThan(self, position: int, time: int) -> bool:
        """
        Whether it was set before something else was there, at this place.

        By position, since times go back when a clock is set; what has no position is older than
        what has one.
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
    #: The number of the first line of the private room that it may read, once it has joined; None
    #: before.
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


#: Time marks of one owner: one for each conversation, and nobody reads in more.
TIME_MARKS = 1000


@dataclass(frozen=True, slots=True)
class TimeMark:
    """
    Up to when the owner has read a conversation. Programs of IRC set it, which know times and no
    numbers; what L{ReadMarker} says of a room is independent of it.
    """

    KEY: ClassVar[tuple[str, ...]] = ("owner", "target")

    #: Whose it is: the key of an account, or the C{origin} of a guest's session. Those of guests
    #: are not stored: they end with the session.
    owner: str
    #: The key of a room behind a C{#}, or of the other person's name.
    target: str
    time: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """Somebody whose words the owner of the list does not want to read."""

    KEY: ClassVar[tuple[str, ...]] = ("owner", "mask")

    #: Whose list it is: the key of an account, or the C{origin} of a guest's session. Lists of
    #: guests are not stored: they end with the session.
    owner: str
    #: Who is ignored: the same. The C{origin} of a session has a dot, which no name has.
    mask: str
    #: Their name; the last one of a guest who has left.
    name: str


@dataclass(frozen=True, slots=True)
class InboxShare:
    """How many of the private messages that wait for an account are of one sender."""

    KEY: ClassVar[tuple[str, ...]] = ("account", "sender")

    account: str
    #: The key of the sender's account.
    sender: str
    count: int


@dataclass(frozen=True, slots=True)
class PostReceipt:
    """What became of a L{Post<tsservices.chat.operations.Post>} that may be sent again."""

    KEY: ClassVar[tuple[str, ...]] = ("account", "requestKey")

    account: str
    #: The name that its program has given the request.
    requestKey: str
    #: Of all that was asked for.
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
    #: When it was asked for.
    kept: int


#: The kinds that a batch may change, beside rooms.
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
    """What tells a record from all others: its kind, and the fields of its key."""
    return (type(record), *(getattr(record, name) for name in record.KEY))


@dataclass(frozen=True, slots=True)
class StoredPrivateMessage:
    """A private message between two accounts."""

    #: The same on every node and for ever.
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
    """The words of the line C{seq} are to be deleted wherever they are stored."""

    room: str
    seq: int
    #: The kind of the line from then on, by default L{tsservices.chat.operations.DELETED}.
    kind: str = "deleted"
    #: Its text from then on.
    text: str = ""


#: Modes of a room without an argument: only members talk; only operators set the topic; nobody else
#: sees the room; only operators and members with voice talk.
MEMBERS_TALK, OPERATORS_TOPIC, SECRET, MODERATED = "n", "t", "s", "m"

#: Modes of a room that are fields of their own: C{private}, C{joinKey}, C{memberLimit}.
INVITE_ONLY, JOIN_KEY, MEMBER_LIMIT = "i", "k", "l"

#: The modes of a new room, if nothing else is wanted.
DEFAULT_MODES = MEMBERS_TALK


@dataclass(slots=True)
class RoomRecord:
    """A room without its lines."""

    #: The folded name.
    key: str
    #: As the first visitor wrote it.
    name: str
    #: The number of the last line.
    seq: int = 0
    #: The time of the last line.
    time: int = 0
    topic: str = ""
    #: The nick of whoever set the topic.
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
    #: What everybody has to name who joins; empty: nothing.
    joinKey: str = ""
    #: So many people may be in the room; 0: any number.
    memberLimit: int = 0
    #: When it was created; 0: before that was kept.
    created: int = 0

    def allModes(self) -> str:
        """The letters of all its modes, sorted."""
        fields = ((INVITE_ONLY, self.private), (JOIN_KEY, self.joinKey))
        letters = [letter for letter, value in (*fields, (MEMBER_LIMIT, self.memberLimit)) if value]
        return "".join(sorted([*self.modes, *letters]))

    def copy(self) -> RoomRecord:
        """A record that does not change with this one."""
        # Once for each changed room and turn; dataclasses.replace takes three times as long.
        return RoomRecord(*_ROOM_FIELDS(self))


_ROOM_FIELDS = attrgetter(*[field.name for field in fields(RoomRecord)])

#: Earlier incarnations of a node that are remembered, so that a message of one of them that is sent
#: again does not count.
INCARNATIONS_REMEMBERED = 8


@dataclass(slots=True)
class Node:
    """A node of the cluster that is up."""

    name: str
    #: The name of its start, which no other start has.
    incarnation: str
    #: The number of its last message that counted.
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
        """The previous ones and the present one, as many as are remembered."""
        return (*self.previousIncarnations, self.incarnation)[-INCARNATIONS_REMEMBERED:]


@dataclass(frozen=True, slots=True)
class DetachedMembership:
    """A room of a L{DetachedSession}."""

    room: str
    name: str
    #: The number of the last line then.
    seq: int
    #: The number of the first line that the session could read as a guest of a private room; 0 in
    #: all other cases.
    readableFrom: int
    #: C{openFrom} of the room then.
    openFrom: int
    #: Whether the session was the founder as a guest.
    founder: bool
    #: What the session was made as a guest, as in C{sessionRoles} of
    #: L{RoomPermissions<tsservices.chat.permissions.RoomPermissions>}.
    roles: str = ""
    #: The modes of the room then, for when it has to be created anew.
    modes: str = DEFAULT_MODES


@dataclass(frozen=True, slots=True)
class DetachedSession:
    """
    What a session had when its node was taken for gone; the fields are those of
    L{Session<tsservices.chat.session.Session>}.
    """

    ident: str
    node: str
    #: When that was.
    detachedAt: int
    nick: str
    key: str
    account: str | None
    #: The account's password.
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
