"""
Lines that somebody said in a room.  Pure.

What one person is told, of themselves or because they have asked.  Pure.

What has happened, as people are told of it.  Pure.

Doors turn these into bytes, and those of L{said<tsservices.chat.notifications>} and
L{answers<tsservices.chat.notifications>} too; the journal keeps what was said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tsservices.chat.errors import ChatError
from tsservices.chat.operations import DELETED
from tsservices.chat.records import Restriction, StoredPrivateMessage


@dataclass(slots=True, eq=False)
class RoomMessages:
    """
    Lines that one person said in one room, which numbers them.  The lines after the
    first have the next numbers, and each is a nanosecond later.

    @ivar room: the key of the room.
    @ivar roomName: its name.
    @ivar first: the number of the first line.
    @ivar time: when the first was said: nanoseconds since 1970, UTC.
    @ivar log: the incarnation of the order in which all this stands.
    @ivar position: of the batch in that order.
    @ivar index: of the first line in the batch.
    @ivar kind: of all lines: L{tsservices.chat.operations.MESSAGE} and its like.
    @ivar nick: who said it.
    @ivar account: the account of who said it; L{None} for guests.
    @ivar session: the id of who said it; nothing if it is read from the journal.
    @ivar texts: the lines.
    @ivar previous: when the line before the first was said; 0 if there is none, or if it
        is read from the journal.
    """

    room: str
    roomName: str
    first: int
    time: int
    log: str
    position: int
    index: int
    kind: str
    nick: str
    account: str | None
    session: str
    texts: tuple[str, ...]
    previous: int = 0

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.first + len(self.texts) - 1

    def ident(self, which: int) -> str:
        """Its id, the same on every node and for ever."""
        return f"{self.log}-{self.position}-{self.index + which}"

    def since(self, number: int) -> RoomMessages:
        """That line and those after it."""
        skipped = number - self.first
        return self._part(skipped, len(self.texts)) if skipped > 0 else self

    def without(self, number: int) -> list[RoomMessages]:
        """The same lines; if that is one of them, without its text."""
        which = number - self.first
        if not 0 <= which < len(self.texts):
            return [self]
        deleted = replace(self._part(which, which + 1), kind=DELETED, texts=("",))
        around = (self._part(0, which), deleted, self._part(which + 1, len(self.texts)))
        return [each for each in around if each.texts]

    def _part(self, begin: int, end: int) -> RoomMessages:
        return replace(
            self,
            first=self.first + begin,
            time=self.time + begin,
            index=self.index + begin,
            texts=self.texts[begin:end],
            previous=self.time + begin - 1 if begin else self.previous,
        )


@dataclass(slots=True, eq=False)
class Welcome:
    """
    The one who is told this is in, under a name.

    @ivar account: whom the name belongs to; L{None} for guests.
    """

    nick: str
    account: str | None = None


@dataclass(slots=True, eq=False)
class ResumeToken:
    """
    What the one who is told this can go on with, from another connection, should this one
    be lost.
    """

    token: str


@dataclass(slots=True, eq=False)
class Resumed:
    """
    The one who is told this goes on where another connection was.

    @ivar rooms: where that is: the name of each room, and the number of its last line.
    """

    nick: str
    account: str | None
    rooms: list[tuple[str, int]]


@dataclass(slots=True, eq=False)
class LoggedIn:
    """
    The one who is told this has an account, and its name.

    @ivar unread: how many private messages came while they were away.
    """

    nick: str
    account: str
    unread: int


@dataclass(slots=True, eq=False)
class Invited:
    """
    The one who is told this may enter a private room.

    @ivar by: who said so.
    @ivar key: the same, folded.
    """

    room: str
    roomName: str
    by: str
    key: str


@dataclass(slots=True, eq=False)
class MarkedRead:
    """The owner of the account has read a room up to a line, maybe elsewhere."""

    room: str
    roomName: str
    seq: int


@dataclass(slots=True, eq=False)
class JoinedRoom:
    """
    The one who is told this has entered a room.

    @ivar nicks: some of those who are there.
    @ivar memberCount: how many are there.
    @ivar joinedSeq: the number of the last line before.
    @ivar replay: the last lines before; L{None} when they have to be fetched first.
    @ivar nick: what the one who is told this is called.
    @ivar rank: what they may do there: a name of L{tsservices.chat.permissions}.
    @ivar private: whether others enter only when they are invited.
    @ivar read: the number of the last line that the owner of the account has read; L{None}
        if that is not known.
    """

    room: str
    roomName: str
    topic: Topic
    nicks: list[str]
    memberCount: int
    joinedSeq: int
    replay: HistoryReplay | None
    nick: str
    rank: str = ""
    private: bool = False
    read: int | None = None


@dataclass(slots=True, eq=False)
class LeftRoom:
    """The one who is told this has left a room."""

    room: str
    roomName: str


@dataclass(slots=True, eq=False)
class MessageStored:
    """The lines of the one who is told this are kept for ever under these numbers."""

    room: str
    roomName: str
    first: int
    last: int


@dataclass(slots=True, eq=False)
class RoomList:
    """The rooms there are: name, how many are in it, what it is about."""

    rooms: list[tuple[str, int, str]]


@dataclass(slots=True, eq=False)
class Member:
    """
    One of those in a room.

    @ivar guest: the name belongs to nobody.
    @ivar away: why they are away.
    @ivar rank: what they may do there: a name of L{tsservices.chat.permissions}.
    """

    nick: str
    guest: bool
    away: str
    rank: str


@dataclass(slots=True, eq=False)
class MemberList:
    """Who is in a room."""

    roomName: str
    members: list[Member]


@dataclass(slots=True, eq=False)
class WhoisReply:
    """
    What there is to know of somebody.

    @ivar rooms: the names of those that both are in.
    @ivar guest: the name belongs to nobody.
    @ivar cloak: stands for the address; nothing for those who are not to know.
    """

    nick: str
    guest: bool
    away: str
    rooms: list[str]
    cloak: str = ""


@dataclass(slots=True, eq=False)
class SeenReply:
    """
    When somebody was here.

    @ivar online: whether they are here now.
    @ivar time: when they last were: nanoseconds since 1970, UTC; 0: not known.
    """

    nick: str
    online: bool
    time: int


@dataclass(slots=True, eq=False)
class RestrictionList:
    """Who may not enter a room, or not speak in it."""

    room: str
    roomName: str
    restrictions: list[Restriction]


@dataclass(slots=True, eq=False)
class Inbox:
    """
    Private messages that were said before, the oldest first.

    @ivar other: with whom; nothing: with all.
    @ivar more: whether there are older ones.
    """

    messages: list[StoredPrivateMessage]
    other: str
    more: bool


@dataclass(slots=True, eq=False)
class SearchResults:
    """
    Lines that were searched for, the oldest first.

    @ivar more: whether there are older ones.
    """

    messages: list[RoomMessages]
    more: bool


@dataclass(slots=True, eq=False)
class CommandList:
    """What can be asked for: how each command is written, what it does, and who may."""

    commands: list[tuple[str, str, str, str]]


@dataclass(slots=True, eq=False)
class Notice:
    """
    Words of the server for one person.

    @ivar code: what programs know them by; nothing for words that are for people only.
    """

    lines: list[str]
    code: str = ""


@dataclass(slots=True, eq=False)
class ErrorReply:
    """The one who is told this asked for something that is not done."""

    error: ChatError


@dataclass(slots=True, eq=False)
class UserJoined:
    """
    Somebody entered a room where one is.

    @ivar account: whom the name belongs to; L{None} for guests.
    """

    room: str
    roomName: str
    nick: str
    account: str | None


@dataclass(slots=True, eq=False)
class UserLeft:
    """Somebody left a room where one is."""

    room: str
    roomName: str
    nick: str
    reason: str


@dataclass(slots=True, eq=False)
class UserQuit:
    """Somebody left altogether."""

    nick: str
    reason: str


@dataclass(slots=True, eq=False)
class NickChanged:
    """Somebody is called something else now."""

    nick: str
    to: str


@dataclass(slots=True, eq=False)
class AwayChanged:
    """Somebody is away for a reason, or back when there is none."""

    nick: str
    text: str


@dataclass(slots=True, eq=False)
class PrivateMessage:
    """
    Something said to one person, as both are told.

    @ivar nick: who said it.
    @ivar key: the same, folded.
    @ivar account: whom that name belongs to; L{None} for guests.
    @ivar to: whom it was said to.
    @ivar ident: the id under which it is kept; nothing when it is not.
    """

    nick: str
    key: str
    account: str | None
    to: str
    kind: str
    text: str
    time: int
    ident: str = ""


@dataclass(slots=True, eq=False)
class AwayReply:
    """
    The one to whom something was just said is away, as only who said it is told.

    @ivar text: why.
    """

    nick: str
    text: str


@dataclass(slots=True, eq=False)
class AccountChanged:
    """
    Somebody's name belongs to them now, or they are a guest again.

    @ivar account: the account; L{None} for guests.
    """

    nick: str
    account: str | None


@dataclass(slots=True, eq=False)
class Topic:
    """
    What a room is about.

    @ivar by: who said so; nothing when there is no topic.
    @ivar time: when: nanoseconds since 1970, UTC.
    """

    room: str
    roomName: str
    text: str
    by: str
    time: int


@dataclass(slots=True, eq=False)
class HistoryReplay:
    """
    Lines that were said before.

    @ivar missing: the first and the last number of lines asked for that are not kept
        any more.
    @ivar until: the number up to which this goes.
    """

    room: str
    roomName: str
    messages: list[RoomMessages]
    missing: tuple[int, int] | None
    until: int


#: Anything that a door has to be able to say.
Notification = (
    RoomMessages
    | UserJoined
    | UserLeft
    | UserQuit
    | NickChanged
    | AwayChanged
    | PrivateMessage
    | AwayReply
    | Welcome
    | Topic
    | HistoryReplay
    | JoinedRoom
    | LeftRoom
    | MessageStored
    | RoomList
    | MemberList
    | WhoisReply
    | ResumeToken
    | Resumed
    | LoggedIn
    | AccountChanged
    | Invited
    | MarkedRead
    | SeenReply
    | RestrictionList
    | Inbox
    | SearchResults
    | CommandList
    | Notice
    | ErrorReply
)
