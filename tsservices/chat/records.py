"""
What is kept of accounts and of the order in rooms, beside lines.  Pure.

Each record is one row of one table of the journal.  A batch carries those that it has
made or changed, as they are after it, and the keys of those that it has taken away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

#: Private messages that may wait for one account: a few hundred kilobytes of disk that somebody
#: else fills.
INBOX_UNREAD = 500


@dataclass(frozen=True, slots=True)
class Account:
    """
    A name that belongs to somebody.

    @cvar KEY: the fields that tell one from all others.
    @ivar key: the folded name.
    @ivar name: as its owner writes it.
    @ivar verifier: of the password, as L{tsservices.chat.passwords} writes it.
    @ivar version: of the password: grows with each new one, and is another one for each
        owner that a name has had.
    @ivar created: when it was registered: nanoseconds since 1970, UTC.
    @ivar seen: when its owner was last here: the same.
    @ivar unread: how many private messages came while they were away.
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
        """
        The same, whose owner was here then.

        @param time: nanoseconds since 1970, UTC.
        """
        return replace(self, seen=max(self.seen, time))

    def withUnread(self, unread: int) -> Account:
        """The same with so many."""
        return replace(self, unread=unread)

    def withVerifier(self, verifier: str) -> Account:
        """The same with that one."""
        return replace(self, verifier=verifier, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Restriction:
    """
    That somebody may not enter a room, or not speak in it.

    @cvar KEY: the fields that tell one from all others.
    @ivar room: the key of the room.
    @ivar kind: L{tsservices.chat.operations.BAN} or L{tsservices.chat.operations.MUTE}.
    @ivar mask: whom it is about: the key of an account, or the cloak of an address.
    @ivar name: what they were called.
    @ivar by: who said so.
    @ivar time: when: nanoseconds since 1970, UTC.
    @ivar until: the same for its end; 0: never.
    @ivar reason: in their words.
    @ivar key: what they were called, folded: it is not folded again later, or elsewhere,
        where that may give something else.
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

    @cvar KEY: the fields that tell one from all others.
    @ivar room: the key of the room.
    @ivar account: the key of the account.
    @ivar operator: whether it looks after the room.
    @ivar invited: whether it may enter the room while that is private, for the first time.
    @ivar admitted: the number of the first line of the private room that it may read, once
        it was in; L{None} before.
    """

    KEY: ClassVar[tuple[str, ...]] = ("room", "account")

    room: str
    account: str
    operator: bool = False
    invited: bool = False
    admitted: int | None = None


@dataclass(frozen=True, slots=True)
class ReadMarker:
    """
    How far the owner of an account has read a room.

    @cvar KEY: the fields that tell one from all others.
    @ivar account: the key of the account.
    @ivar room: the key of the room.
    @ivar seq: the number of the last line that was read.
    """

    KEY: ClassVar[tuple[str, ...]] = ("account", "room")

    account: str
    room: str
    seq: int


#: What a batch may change, beside rooms.
Record = Account | Restriction | RoomRole | ReadMarker


def keyOf(record: Record) -> tuple[object, ...]:
    """What tells it from all others: its kind, and the fields of its key."""
    return (type(record), *(getattr(record, name) for name in record.KEY))


@dataclass(frozen=True, slots=True)
class StoredPrivateMessage:
    """
    A private message between two accounts.

    @ivar ident: its id, the same on every node and for ever.
    @ivar time: when it was said: nanoseconds since 1970, UTC.
    @ivar sender: the key of the account that said it.
    @ivar receiver: the key of the account it was said to.
    @ivar nick: the name of the sender.
    @ivar to: the name of the receiver.
    @ivar kind: as that of a line.
    @ivar text: what was said.
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
    """
    That the text of a line is to go from wherever it is kept.

    @ivar room: the key of the room.
    @ivar seq: the number of the line.
    """

    room: str
    seq: int


@dataclass(slots=True)
class RoomRecord:
    """
    What is kept of a room, beside its lines.

    @ivar key: the folded name.
    @ivar name: as its first visitor wrote it.
    @ivar seq: the number of its last line.
    @ivar time: when that was said: nanoseconds since 1970, UTC.
    @ivar topic: what it is about.
    @ivar topicBy: who said so.
    @ivar topicTime: when.
    @ivar founder: the key of the account that made it; nothing if a guest did.
    @ivar private: whether only those may enter who were invited.
    @ivar openFrom: the number of the first line that everybody may read who is in it: what
        was said while it was private stays so.
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
        """The same, which does not change with this one."""
        return RoomRecord(
            self.key,
            self.name,
            self.seq,
            self.time,
            self.topic,
            self.topicBy,
            self.topicTime,
            self.founder,
            self.private,
            self.openFrom,
        )


#: Incarnations of each node that are known to be over: a message of one of these that is sent again
#: does not count.
INCARNATIONS_REMEMBERED = 8


@dataclass(slots=True)
class Node:
    """
    A node that is up.

    @ivar name: its name, which no other node has.
    @ivar incarnation: of its beginning, which no other beginning has.
    @ivar n: the number of its last message that counted.
    @ivar position: of the last message of it that was heard.
    @ivar stamp: when that was: nanoseconds since 1970, UTC.
    @ivar startedAt: when it began: the same.
    @ivar previousIncarnations: its incarnations before, the newest last.
    """

    name: str
    incarnation: str
    n: int
    position: int
    stamp: int
    startedAt: int
    previousIncarnations: tuple[str, ...] = ()

    def allIncarnations(self) -> tuple[str, ...]:
        """Its incarnations, when this one is over too."""
        return (*self.previousIncarnations, self.incarnation)[-INCARNATIONS_REMEMBERED:]


@dataclass(frozen=True, slots=True)
class DetachedMembership:
    """
    A room where somebody was who is cut off.

    @ivar room: its key.
    @ivar name: its name.
    @ivar seq: the number of its last line then.
    @ivar readableFrom: the number of the first line that they might read there as a guest, if the
        room was private; 0 if it was not, or they were none.
    @ivar openFrom: what that was of the room then.
    @ivar founder: whether they were its founder as long as they were there.
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
    What a session had when its node was taken for gone; see
    L{Session<tsservices.chat.session.Session>} for what is not explained here.

    @ivar detachedAt: when that was: nanoseconds since 1970, UTC.
    @ivar version: of the password of its account.
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
