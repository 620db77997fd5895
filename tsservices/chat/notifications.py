"""
Notifications: the events and answers that sessions get, as typed values.

Handlers make them, deliveries write them in the format of each recipient
(L{Formatter<tsservices.chat.outlet.Formatter>}). Those that answer a question
(L{RoomList}, L{WhoisReply}, L{SearchResults} and their like) go to its session at once, all others
when their batch is stored. The names of these classes and fields are internal: formats have their
own tables of names.

In all of them C{room} is the key of a room, C{roomName} its name as the room writes it without a
sign, C{seq} the number of a line in its room, and C{time} nanoseconds since 1970, UTC. C{account}
is the key of an account, None for guests. C{origin} is that of the author's session: who ignores
somebody ignores an account or an origin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tsservices.chat.errors import ChatError
from tsservices.chat.operations import DELETED, IGNORED_KINDS, UNREADABLE
from tsservices.chat.records import AccountToken, Restriction, StoredPrivateMessage


@dataclass(slots=True, eq=False)
class RoomMessages:
    """
    Lines that one member sent to a room together, to all members; also as they are read from the
    storage. Lines after the first have the next numbers, each a nanosecond later.
    """

    room: str
    roomName: str
    #: The number of the first line.
    first: int
    #: When the first line was sent.
    time: int
    #: The incarnation of the order.
    log: str
    #: The place of the batch in the order.
    position: int
    #: The place of the first line in the batch.
    index: int
    #: L{tsservices.chat.operations.MESSAGE} and its like, the same for all lines.
    kind: str
    nick: str
    account: str | None
    #: The id of the author's session; empty if this was read from the storage.
    session: str
    texts: tuple[str, ...]
    #: The time of the line before; 0 if there is none, or if this was read from the storage.
    previous: int = 0
    #: Empty for lines from before this was stored.
    origin: str = ""
    #: As in L{Say<tsservices.chat.operations.Say>}; of a line that says which one was deleted, the
    #: id of that, and why after a space. Empty if this was read from the storage.
    tags: str = ""

    @property
    def last(self) -> int:
        return self.first + len(self.texts) - 1

    def ident(self, offset: int) -> str:
        """The id of the line that many after the first: the same on every node and for ever."""
        return f"{self.log}-{self.position}-{self.index + offset}"

    def since(self, seq: int) -> RoomMessages:
        """The line with this number and those after it."""
        skipped = seq - self.first
        return self._part(skipped, len(self.texts)) if skipped > 0 else self

    def before(self, seq: int) -> RoomMessages:
        """The lines before the one with this number."""
        return self._part(0, max(0, seq - self.first)) if seq <= self.last else self

    def without(self, seq: int, kind: str = DELETED, text: str = "") -> list[RoomMessages]:
        """The same lines, but without the words of the one with this number."""
        offset = seq - self.first
        if not 0 <= offset < len(self.texts):
            return [self]
        deleted = replace(self._part(offset, offset + 1), kind=kind, texts=(text,))
        parts = (self._part(0, offset), deleted, self._part(offset + 1, len(self.texts)))
        return [part for part in parts if part.texts]

    def _part(self, begin: int, end: int) -> RoomMessages:
        return replace(
            self,
            first=self.first + begin,
            time=self.time + begin,
            index=self.index + begin,
            texts=self.texts[begin:end],
            previous=self.time + begin - 1 if begin else self.previous,
        )


def isIgnored(messages: RoomMessages, masks: frozenset[str]) -> bool:
    """Whether lines are not shown to those who ignore these."""
    return messages.kind in IGNORED_KINDS and (
        messages.account in masks or messages.origin in masks
    )


def newestLines(
    newestFirst: Iterable[RoomMessages], count: int, masks: frozenset[str] = frozenset()
) -> list[RoomMessages]:
    """
    The newest lines in which there is something to read, the oldest first, and between them as many
    others at most: those that are deleted, or say which one was, or are ignored.

    Without a bound for these there would be no end to a replay of deletions; without any of them a
    reader would take each gap for lost lines.
    """
    found: list[RoomMessages] = []
    readable = others = count
    for item in newestFirst:
        if not readable:
            break
        if item.kind in UNREADABLE or isIgnored(item, masks):
            part = item.since(item.last - others + 1)
            others -= len(part.texts)
        else:
            part = item.since(item.last - readable + 1)
            readable -= len(part.texts)
        if part.texts:
            found.append(part)
    return found[::-1]


@dataclass(slots=True, eq=False)
class Welcome:
    """To the session itself: it has entered, under this name."""

    nick: str
    account: str | None = None
    #: The incarnation of the order; empty: not known.
    log: str = ""


@dataclass(slots=True, eq=False)
class ResumeToken:
    """To the session itself: the secret by which another connection may take its place."""

    token: str


@dataclass(slots=True, eq=False)
class Resumed:
    """To a session that has taken the place of another connection, instead of L{Welcome}."""

    nick: str
    account: str | None
    #: The rooms it is in: the name, and the number of the last line.
    rooms: list[tuple[str, int]]
    #: The incarnation of the order; empty: not known.
    log: str = ""


@dataclass(slots=True, eq=False)
class LoggedIn:
    """To the session itself: it is logged in."""

    nick: str
    #: The key; the name is C{nick}.
    account: str
    #: Private messages that came while nobody was logged in.
    unread: int
    #: When: nanoseconds since 1970, UTC; 0: not known.
    time: int = 0
    #: The name of the token by which that was; empty: by the password.
    token: str = ""
    #: The scope of that token.
    scope: str = ""


@dataclass(slots=True, eq=False)
class NewToken:
    """To the session that has made an account token: its text, this one time."""

    name: str
    scope: str
    token: str


@dataclass(slots=True, eq=False)
class TokenList:
    """The answer to a question: the account tokens of one's own account, the oldest first."""

    #: Each with the number of connections that are logged in by it now.
    tokens: list[tuple[AccountToken, int]]


@dataclass(slots=True, eq=False)
class Invited:
    """To all sessions of somebody who was invited to a room."""

    room: str
    roomName: str
    #: The nick of whoever invites.
    by: str
    origin: str
    account: str | None = None


@dataclass(slots=True, eq=False)
class MarkedRead:
    """To all sessions of an account: one of them has read a room up to a line."""

    room: str
    roomName: str
    seq: int


@dataclass(slots=True, eq=False)
class TimeMarked:
    """To all sessions of an account, or one of a guest: up to when a conversation was read."""

    #: As in L{TimeMark<tsservices.chat.records.TimeMark>}.
    target: str
    time: int


@dataclass(slots=True, eq=False)
class JoinedRoom:
    """To the session itself: it has joined a room."""

    room: str
    roomName: str
    topic: Topic
    #: The names of the first members; L{MemberList} has all.
    nicks: list[str]
    #: Members, by name.
    memberCount: int
    #: The number of the last line before. Replay ends there, live lines follow.
    joinedSeq: int
    #: The last lines; None if they have to be read from the storage first.
    replay: HistoryReplay | None
    #: The session's own name.
    nick: str
    #: The rank of the session in the room: a name of L{tsservices.chat.permissions}.
    rank: str = ""
    #: Whether others need an invitation.
    private: bool = False
    #: The number of the last line that the owner of the account has read; None if that is not
    #: known.
    read: int | None = None
    #: The incarnation of the order; empty: not known.
    log: str = ""
    #: None: not known.
    modes: RoomModes | None = None
    #: Whether the session may talk while the room is moderated, whatever its rank is.
    voice: bool = False
    #: As of L{Room<tsservices.chat.room.Room>}: who comes or goes later is told as news.
    nickText: str = ""


@dataclass(slots=True, eq=False)
class UnreadLines:
    """
    To the session itself, after it has joined a room: how many lines of others it has not read and
    is not shown.
    """

    room: str
    roomName: str
    count: int
    #: Whether there are more: no more were counted.
    more: bool
    #: The number of the last line that was read.
    read: int


@dataclass(slots=True, eq=False)
class LeftRoom:
    """To the session itself: it is no longer in a room, by its own wish or not."""

    room: str
    roomName: str
    #: A line of the room has said so already.
    announced: bool = False


@dataclass(slots=True, eq=False)
class MessageStored:
    """To the author, if it wants acknowledgements: its lines are stored under these numbers."""

    room: str
    roomName: str
    first: int
    last: int


@dataclass(slots=True, eq=False)
class Posted:
    """To the program that has posted lines: they are stored."""

    room: str
    roomName: str
    #: The number of the first line; the others have the next ones.
    first: int
    #: How many there are.
    lines: int
    #: The time of the first line.
    time: int
    #: The id of the first line.
    ident: str
    #: Whether that had been done by an earlier request with the same key.
    repeated: bool = False


@dataclass(slots=True, eq=False)
class RoomList:
    """The answer to a question: each visible room, with the number of its members and its topic."""

    rooms: list[tuple[str, int, str]]


@dataclass(slots=True, eq=False)
class Member:
    """A row of L{MemberList}."""

    nick: str
    #: Nobody is logged in under this name.
    guest: bool
    #: The text for being away; empty: present.
    away: str
    #: A name of L{tsservices.chat.permissions}.
    rank: str
    #: Whether they may talk while the room is moderated, whatever their rank is.
    voice: bool = False


@dataclass(slots=True, eq=False)
class MemberList:
    """The answer to a question: the members of a room."""

    #: Empty for people of all rooms that the asker may see.
    roomName: str
    members: list[Member]


@dataclass(slots=True, eq=False)
class WhoisReply:
    """The answer to a question about somebody."""

    nick: str
    #: Nobody is logged in under this name.
    guest: bool
    #: The text for being away; empty: present.
    away: str
    #: The names of those that the asker is in too.
    rooms: list[str]
    #: The cloak of the address; empty for an asker who may not know it.
    cloak: str = ""


@dataclass(slots=True, eq=False)
class SeenReply:
    """The answer to a question: when somebody was last here."""

    nick: str
    #: Whether they are here now.
    online: bool
    #: 0 if it is not known.
    time: int


@dataclass(slots=True, eq=False)
class RestrictionList:
    """The answer to a question: the bans and mutes of a room."""

    room: str
    roomName: str
    restrictions: list[Restriction]


@dataclass(slots=True, eq=False)
class Inbox:
    """The answer to a question: earlier private messages, the oldest first."""

    messages: list[StoredPrivateMessage]
    #: The name of the other side; empty: all.
    other: str
    #: Whether there are older ones.
    more: bool


@dataclass(slots=True, eq=False)
class SearchResults:
    """The answer to a search, the oldest line first."""

    messages: list[RoomMessages]
    #: Whether there are older ones.
    more: bool


@dataclass(slots=True, eq=False)
class CommandList:
    """The answer to a question: usage, meaning and permission of each command, after its name."""

    commands: list[tuple[str, str, str, str]]


#: The code of a L{Notice} that stands before the answer to a command: a password that was sent, or
#: is asked for, can be read on the way.
INSECURE_CODE = "insecure"


@dataclass(slots=True, eq=False)
class Notice:
    """Text from the server to one session."""

    lines: list[str]
    #: How programs know it; empty: it is for people only.
    code: str = ""


@dataclass(slots=True, eq=False)
class ErrorReply:
    """To the session itself: what it asked for is not done."""

    error: ChatError


@dataclass(slots=True, eq=False)
class UserJoined:
    """To the other members: somebody has joined the room, with a first session of that name."""

    room: str
    roomName: str
    nick: str
    account: str | None
    #: A name of L{tsservices.chat.permissions}; empty: not known.
    rank: str = ""
    #: As in L{Member}.
    voice: bool = False


@dataclass(slots=True, eq=False)
class StandingChanged:
    """
    To all members: somebody may do more in the room than before, or less, since they have logged
    in or out. When an operator has decided it, a line of the room says so.
    """

    room: str
    roomName: str
    nick: str
    #: A name of L{tsservices.chat.permissions}.
    rank: str
    #: As in L{Member}.
    voice: bool
    #: What has changed by the rights of this room, as modes of IRC: letters, each behind its sign.
    modes: str = ""


@dataclass(slots=True, eq=False)
class UserLeft:
    """To the other members: the last session of that name has left the room."""

    room: str
    roomName: str
    nick: str
    reason: str
    #: A line of the room says so already: people are not told twice.
    announced: bool = False
    account: str | None = None
    origin: str = ""


@dataclass(slots=True, eq=False)
class UserQuit:
    """To all who shared a room with somebody: they have left altogether."""

    nick: str
    reason: str
    account: str | None = None
    origin: str = ""
    #: What their program called its user; empty: nothing.
    username: str = ""


@dataclass(slots=True, eq=False)
class NickChanged:
    """To the session itself and to all who share a room with it."""

    nick: str
    to: str


@dataclass(slots=True, eq=False)
class AwayChanged:
    """To the session itself and to all who share a room with it."""

    nick: str
    #: Why the user is away; empty if back.
    text: str
    account: str | None = None
    origin: str = ""


@dataclass(slots=True, eq=False)
class PrivateMessage:
    """To all sessions of both sides of a private message."""

    #: The author.
    nick: str
    origin: str
    account: str | None
    #: The nick of the other side.
    to: str
    kind: str
    text: str
    time: int
    #: The id under which it is stored; empty if it is not, since one side is a guest.
    ident: str = ""
    #: The id that it has for all who get it, stored or not.
    deliveryIdent: str = ""
    #: As in L{Say<tsservices.chat.operations.Say>}.
    tags: str = ""


@dataclass(slots=True, eq=False)
class PrivateDeleted:
    """To all sessions of both sides of a private message: its author has deleted it."""

    #: The author.
    nick: str
    account: str | None
    origin: str
    session: str
    #: The name of the other side.
    to: str
    #: Of the message, as L{PrivateMessage.deliveryIdent} has it.
    ident: str
    #: As in L{DeletePrivate<tsservices.chat.operations.DeletePrivate>}.
    reason: str = ""


@dataclass(slots=True, eq=False)
class PassingMessage:
    """
    To members of a room, or to all sessions of both sides: what is not kept. The fields are those
    of L{SendPassing<tsservices.chat.operations.SendPassing>}.
    """

    #: The author.
    nick: str
    account: str | None
    origin: str
    session: str
    #: The key of the room and its name; empty: it is for one person.
    room: str
    roomName: str
    #: The nick of that person.
    to: str
    tags: str
    time: int
    #: The same on every node.
    ident: str
    kind: str = ""
    text: str = ""
    rank: str = ""


@dataclass(slots=True, eq=False)
class RealnameChanged:
    """To the session itself and to all who share a room with it: who its user claims to be."""

    nick: str
    account: str | None
    origin: str
    realname: str


@dataclass(slots=True, eq=False)
class UserInvited:
    """To the other members of a room: one of them has invited somebody."""

    room: str
    roomName: str
    #: The nick of whoever invites.
    nick: str
    account: str | None
    origin: str
    #: The nick of whoever is invited.
    to: str


@dataclass(slots=True, eq=False)
class PresenceChanged:
    """To a session that watches a name: somebody has it now, or nobody any more."""

    key: str
    #: As it is written, or was.
    nick: str
    #: Whether somebody has it.
    online: bool


@dataclass(slots=True, eq=False)
class OperatorMessage:
    """To the operators of the server, and to whoever wants to hear what they tell each other."""

    nick: str
    account: str | None
    origin: str
    text: str


@dataclass(slots=True, eq=False)
class AwayReply:
    """To the author of a private message: the other side is away."""

    nick: str
    text: str


@dataclass(slots=True, eq=False)
class AccountChanged:
    """To the session itself and to all who share a room with it: login, logout, registration."""

    nick: str
    account: str | None


@dataclass(slots=True, eq=False)
class Topic:
    """
    The topic of a room, as part of L{JoinedRoom} or as an answer. A change is a line of the room.
    """

    room: str
    roomName: str
    text: str
    #: The nick of whoever set it; empty when there is no topic.
    by: str
    time: int


@dataclass(slots=True, eq=False)
class RoomModes:
    """
    The modes of a room, as part of L{JoinedRoom} or as an answer. A change is a line of the room.
    """

    room: str
    roomName: str
    #: The letters, sorted.
    letters: str
    #: The key, if the asker may know it.
    joinKey: str
    #: So many people may be in the room; 0: any number.
    memberLimit: int


@dataclass(slots=True, eq=False)
class HistoryReplay:
    """To the session itself: earlier lines of a room."""

    room: str
    roomName: str
    messages: list[RoomMessages]
    #: The first and the last number of lines that were asked for, and are not stored any more.
    missing: tuple[int, int] | None
    #: The number up to which this goes, also when the last lines are missing.
    until: int
    #: Whether people are shown the numbers.
    numbered: bool = False
    #: The incarnation of the order, where lines after a number were asked for; else empty.
    log: str = ""


@dataclass(slots=True, eq=False)
class HistoryRestored:
    """
    To a session that has named a line: the history is another one than that in which it has seen
    this line. What it can't have seen follows.
    """

    room: str
    roomName: str
    #: The present incarnation of the order.
    log: str
    #: The number that was named.
    seq: int
    #: The number of the last line.
    last: int
    #: The number of the last line that is the same; None: that is not known.
    common: int | None
    #: The number of the first line that follows.
    first: int
    #: Whether the line that was named is another one for sure.
    sure: bool = True


#: All that a format has to be able to write.
Notification = (
    RoomMessages
    | UserJoined
    | UserLeft
    | UserQuit
    | NickChanged
    | AwayChanged
    | PrivateMessage
    | PrivateDeleted
    | StandingChanged
    | PassingMessage
    | RealnameChanged
    | UserInvited
    | PresenceChanged
    | OperatorMessage
    | AwayReply
    | Welcome
    | Topic
    | RoomModes
    | HistoryReplay
    | HistoryRestored
    | JoinedRoom
    | LeftRoom
    | UnreadLines
    | MessageStored
    | Posted
    | RoomList
    | MemberList
    | WhoisReply
    | ResumeToken
    | Resumed
    | LoggedIn
    | NewToken
    | TokenList
    | AccountChanged
    | Invited
    | MarkedRead
    | TimeMarked
    | SeenReply
    | RestrictionList
    | Inbox
    | SearchResults
    | CommandList
    | Notice
    | ErrorReply
)
