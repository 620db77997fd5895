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

#: Private messages that may wait for one account: other people fill these few hundred kilobytes.
INBOX_UNREAD = 500


@dataclass(frozen=True, slots=True)
class Account:
    """
    A name that belongs to somebody.

    @ivar key: the folded name.
    @ivar name: as its owner writes it.
    @ivar verifier: that of the password, as L{tsservices.chat.passwords} writes it.
    @ivar version: that of the password. It grows with each new one, and begins at another number
        for each owner that the name has had.
    @ivar created: when it was registered.
    @ivar seen: when its owner was here last.
    @ivar unread: private messages that came while nobody was logged in.
    """

    KEY: ClassVar[tuple[str, ...]] = ("key",)

    key: str
    name: str
    verifier: str
    version: int
    created: int
    seen: int
    unread: int = 0

    def seenAt(self, time: int) -> Account:
        """The account after its owner was here at C{time}."""
        # The time of the order may go back by some seconds.
        return replace(self, seen=max(self.seen, time))

    def withVerifier(self, verifier: str) -> Account:
        """The account with another password."""
        return replace(self, verifier=verifier, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Restriction:
    """
    A ban or a mute in a room.

    @ivar kind: L{tsservices.chat.operations.BAN} or L{tsservices.chat.operations.MUTE}.
    @ivar mask: the key of an account, or the cloak of an address.
    @ivar name: the nick that was meant.
    @ivar by: the nick of the operator.
    @ivar until: when it ends; 0: never.
    @ivar key: C{name} folded: it is not folded again later or elsewhere, where that may give
        something else.
    """

    KEY: ClassVar[tuple[str, ...]] = ("room", "kind", "mask")

    room: str
    kind: str
    mask: str
    name: str
    by: str
    time: int
    until: int
    reason: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class RoomRole:
    """
    What an account may do in a room.

    @ivar operator: whether it is operator of the room.
    @ivar invited: whether it may join the private room for the first time.
    @ivar admitted: the number of the first line of the private room that it may read, once it has
        joined; None before.
    """

    KEY: ClassVar[tuple[str, ...]] = ("room", "account")

    room: str
    account: str
    operator: bool = False
    invited: bool = False
    admitted: int | None = None


@dataclass(frozen=True, slots=True)
class ReadMarker:
    """The number of the last line of a room that the owner of an account has read."""

    KEY: ClassVar[tuple[str, ...]] = ("account", "room")

    account: str
    room: str
    seq: int


#: The kinds that a batch may change, beside rooms.
Record = Account | Restriction | RoomRole | ReadMarker


def keyOf(record: Record) -> tuple[object, ...]:
    """What tells a record from all others: its kind, and the fields of its key."""
    return (type(record), *(getattr(record, name) for name in record.KEY))


@dataclass(frozen=True, slots=True)
class StoredPrivateMessage:
    """
    A private message between two accounts.

    @ivar ident: its id: the same on every node and for ever.
    @ivar sender: the key of the author's account.
    @ivar receiver: the key of the other account.
    @ivar nick: the author's name.
    @ivar to: the receiver's name.
    """

    ident: str
    time: int
    sender: str
    receiver: str
    nick: str
    to: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageDeletion:
    """The text of the line C{seq} is to be deleted wherever it is stored."""

    room: str
    seq: int


@dataclass(slots=True)
class RoomRecord:
    """
    A room without its lines.

    @ivar key: the folded name.
    @ivar name: as the first visitor wrote it.
    @ivar seq: the number of the last line.
    @ivar time: the time of the last line.
    @ivar topicBy: the nick of whoever set the topic.
    @ivar founder: the key of the account that created it; empty if a guest did.
    @ivar private: whether joining needs an invitation.
    @ivar openFrom: the number of the first line that every member may read: lines from a private
        time stay private.
    """

    key: str
    name: str
    seq: int = 0
    time: int = 0
    topic: str = ""
    topicBy: str = ""
    topicTime: int = 0
    founder: str = ""
    private: bool = False
    openFrom: int = 1

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
    """
    A node of the cluster that is up.

    @ivar incarnation: the name of its start, which no other start has.
    @ivar n: the number of its last message that counted.
    @ivar position: the position of its last message.
    @ivar stamp: the time of its last message.
    @ivar startedAt: when it started.
    @ivar previousIncarnations: those before, the newest last.
    """

    name: str
    incarnation: str
    n: int
    position: int
    stamp: int
    startedAt: int
    previousIncarnations: tuple[str, ...] = ()

    def allIncarnations(self) -> tuple[str, ...]:
        """The previous ones and the present one, as many as are remembered."""
        return (*self.previousIncarnations, self.incarnation)[-INCARNATIONS_REMEMBERED:]


@dataclass(frozen=True, slots=True)
class DetachedMembership:
    """
    A room of a L{DetachedSession}.

    @ivar seq: the number of the last line then.
    @ivar readableFrom: the number of the first line that the session could read as a guest of a
        private room; 0 in all other cases.
    @ivar openFrom: that of the room then.
    @ivar founder: whether the session was the founder as a guest.
    """

    room: str
    name: str
    seq: int
    readableFrom: int
    openFrom: int
    founder: bool


@dataclass(frozen=True, slots=True)
class DetachedSession:
    """
    What a session had when its node was taken for gone; the fields are those of
    L{Session<tsservices.chat.session.Session>}.

    @ivar detachedAt: when that was.
    @ivar version: that of the account's password.
    """

    ident: str
    node: str
    detachedAt: int
    nick: str
    key: str
    account: str | None
    version: int
    cloak: str
    token: str
    away: str
    connectedAt: int
    inheritedRestrictions: frozenset[tuple[str, str, str, int]]
    invited: frozenset[str]
    memberships: tuple[DetachedMembership, ...]
