"""
Notifications: the events and answers for sessions, as typed values.

Handlers create them, deliveries write them in the format of each recipient
(L{Formatter<tsservices.chat.outlet.Formatter>}). Answers to a question (L{RoomList}, L{WhoisReply},
L{SearchResults} and similar) are sent to its session at once, all others when their batch is
stored. The names of these classes and fields are internal: formats have their own tables of names.

In all notifications C{room} is the key of a room, C{roomName} its name in the spelling of the room
without a sign, C{seq} the number of a line in its room, and C{time} nanoseconds since 1970, UTC.
C{account} is the key of an account, None for guests. C{origin} is that of the author's session:
people are ignored by account or origin.
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
    Lines that one member sent to a room together, for all members; also lines read from the
    storage. Lines after the first have the next numbers, and each a time one nanosecond later.
    """

    room: str
    roomName: str
    #: The number of the first line.
    first: int
    #: When the first line was sent.
    time: int
    #: The incarnation of the order.
    log: str
    #: The position of the batch in the order.
    position: int
    #: The index of the first line in the batch.
    index: int
    #: A kind, as L{tsservices.chat.operations.MESSAGE}; the same for all lines.
    kind: str
    nick: str
    account: str | None
    #: The id of the author's session; empty if this was read from the storage.
    session: str
    texts: tuple[str, ...]
    #: The time of the previous line; 0 if there is none, or if this was read from the storage.
    previous: int = 0
    #: Empty for lines stored before this field existed.
    origin: str = ""
    #: As in L{Say<tsservices.chat.operations.Say>}; for a line about a deletion, the id of the
    #: deleted line, and the reason after a space. Empty if this was read from the storage.
    tags: str = ""

    @property
    def last(self) -> int:
        return self.first + len(self.texts) - 1

    def ident(self, offset: int) -> str:
        """The id of the line at this offset from the first: the same on all nodes, for ever."""
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
    """Whether lines are hidden from a session with these ignored masks."""
    return messages.kind in IGNORED_KINDS and (
        messages.account in masks or messages.origin in masks
    )


def newestLines(
    newestFirst: Iterable[RoomMessages], count: int, masks: frozenset[str] = frozenset()
) -> list[RoomMessages]:
    """
    The newest readable lines, the oldest first, and between them at most as many others: deleted
    lines, lines about a deletion, and ignored ones.

    Without a bound for the others a replay of deletions would not end; without the others a client
    would take each gap for lost lines.
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
    """For the session itself: it has entered, under this name."""

    nick: str
    account: str | None = None
    #: The incarnation of the order; empty: not known.
    log: str = ""


@dataclass(slots=True, eq=False)
class ResumeToken:
    """For the session itself: the secret with which another connection may replace it."""

    token: str


@dataclass(slots=True, eq=False)
class Resumed:
    """For a session that has replaced another connection, instead of L{Welcome}."""

    nick: str
    account: str | None
    #: The rooms it is in: the name, and the number of the last line.
    rooms: list[tuple[str, int]]
    #: The incarnation of the order; empty: not known.
    log: str = ""


@dataclass(slots=True, eq=False)
class LoggedIn:
    """For the session itself: it is logged in."""

    nick: str
    #: The key; the name is C{nick}.
    account: str
    #: Private messages that came while nobody was logged in.
    unread: int
    #: The time of the login: nanoseconds since 1970, UTC; 0: not known.
    time: int = 0
    #: The name of the token that was used; empty: the password was used.
    token: str = ""
    #: The scope of that token.
    scope: str = ""


@dataclass(slots=True, eq=False)
class NewToken:
    """For the session that has created an account token: its text, shown only once."""

    name: str
    scope: str
    token: str


@dataclass(slots=True, eq=False)
class TokenList:
    """The answer to a question: the account tokens of the asker's account, the oldest first."""

    #: Each with the number of connections that are logged in with it now.
    tokens: list[tuple[AccountToken, int]]


@dataclass(slots=True, eq=False)
class Invited:
    """For all sessions of a user who was invited to a room."""

    room: str
    roomName: str
    #: The nick of the inviter.
    by: str
    origin: str
    account: str | None = None


@dataclass(slots=True, eq=False)
class MarkedRead:
    """For all sessions of an account: one of them has read a room up to a line."""

    room: str
    roomName: str
    seq: int


@dataclass(slots=True, eq=False)
class TimeMarked:
    """For all sessions of an account, or one of a guest: a conversation was read up to a time."""

    #: As in L{TimeMark<tsservices.chat.records.TimeMark>}.
    target: str
    time: int


@dataclass(slots=True, eq=False)
class JoinedRoom:
    """For the session itself: it has joined a room."""

    room: str
    roomName: str
    topic: Topic
    #: The names of the first members; L{MemberList} has all.
    nicks: list[str]
    #: The number of members, by name.
    memberCount: int
    #: The number of the last line before the join. Replay ends there, live lines follow.
    joinedSeq: int
    #: The last lines; None if they have to be read from the storage first.
    replay: HistoryReplay | None
    #: The session's own name.
    nick: str
    #: The rank of the session in the room: a name of L{tsservices.chat.permissions}.
    rank: str = ""
    #: Whether others need an invitation.
    private: bool = False
    #: The number of the last line that the owner of the account has read; None: not known.
    read: int | None = None
    #: The incarnation of the order; empty: not known.
    log: str = ""
    #: None: not known.
    modes: RoomModes | None = None
    #: Whether the session may talk while the room is moderated, whatever its rank is.
    voice: bool = False
    #: As in L{Room<tsservices.chat.room.Room>}; later joins and leaves are sent as notifications.
    nickText: str = ""


@dataclass(slots=True, eq=False)
class UnreadLines:
    """
    For the session itself, after it has joined a room: the number of lines of others that are
    unread and not shown to it.
    """

    room: str
    roomName: str
    count: int
    #: Whether there are more than this: counting stops at a limit.
    more: bool
    #: The number of the last line that was read.
    read: int


@dataclass(slots=True, eq=False)
class LeftRoom:
    """For the session itself: it is no longer in a room, by its own wish or not."""

    room: str
    roomName: str
    #: Whether a line of the room has said so already.
    announced: bool = False


@dataclass(slots=True, eq=False)
class MessageStored:
    """For the author, if it wants acknowledgements: its lines are stored under these numbers."""

    room: str
    roomName: str
    first: int
    last: int


@dataclass(slots=True, eq=False)
class Posted:
    """For the program that has posted lines: they are stored."""

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
    #: Whether an earlier request with the same key had stored them.
    repeated: bool = False


@dataclass(slots=True, eq=False)
class RoomList:
    """The answer to a question: each visible room, with the number of its members and its topic."""

    rooms: list[tuple[str, int, str]]


@dataclass(slots=True, eq=False)
class Member:
    """A row of L{MemberList}."""

    nick: str
    #: Whether nobody is logged in under this name.
    guest: bool
    #: The text for being away; empty: present.
    away: str
    #: A rank: a name of L{tsservices.chat.permissions}.
    rank: str
    #: Whether they may talk while the room is moderated, whatever their rank is.
    voice: bool = False


@dataclass(slots=True, eq=False)
class MemberList:
    """The answer to a question: the members of a room."""

    #: Empty for the people of all rooms that the asker may see.
    roomName: str
    members: list[Member]


@dataclass(slots=True, eq=False)
class WhoisReply:
    """The answer to a question about somebody."""

    nick: str
    #: Whether nobody is logged in under this name.
    guest: bool
    #: The text for being away; empty: present.
    away: str
    #: The names of the rooms that the asker is in too.
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


#: The code of a L{Notice} before the answer to a command: a password that was sent, or will be
#: asked for, can be read by others on the network.
INSECURE_CODE = "insecure"


@dataclass(slots=True, eq=False)
class Notice:
    """Text from the server to one session."""

    lines: list[str]
    #: The name for programs; empty: the text is for people only.
    code: str = ""
    #: Whether it answers a notice; programs of IRC must not see that.
    toNotice: bool = False


@dataclass(slots=True, eq=False)
class ErrorReply:
    """For the session itself: its request was refused."""

    error: ChatError
    #: As in L{Notice}.
    toNotice: bool = False


@dataclass(slots=True, eq=False)
class UserJoined:
    """For the other members: somebody has joined the room, with the first session of that name."""

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
    For all members: the rights of somebody in the room have changed by a login or logout, or those
    of an account that has another nick here too. A decision of an operator is a line of the room.
    """

    room: str
    roomName: str
    nick: str
    #: A name of L{tsservices.chat.permissions}.
    rank: str
    #: As in L{Member}.
    voice: bool
    #: The changes by the rights of this room, as modes of IRC: letters, each after its sign.
    modes: str = ""


@dataclass(slots=True, eq=False)
class UserLeft:
    """For the other members: the last session of that name has left the room."""

    room: str
    roomName: str
    nick: str
    reason: str
    #: Whether a line of the room has said so already.
    announced: bool = False
    account: str | None = None
    origin: str = ""


@dataclass(slots=True, eq=False)
class UserQuit:
    """For all who shared a room with somebody: they have left the chat."""

    nick: str
    reason: str
    account: str | None = None
    origin: str = ""
    #: The user name sent by their client; empty: none.
    username: str = ""


@dataclass(slots=True, eq=False)
class NickChanged:
    """For the session itself and all who share a room with it: its new nick."""

    nick: str
    to: str


@dataclass(slots=True, eq=False)
class AwayChanged:
    """For the session itself and all who share a room with it: away or back."""

    nick: str
    #: Why the user is away; empty if back.
    text: str
    account: str | None = None
    origin: str = ""


@dataclass(slots=True, eq=False)
class PrivateMessage:
    """For all sessions of both sides of a private message."""

    #: The author.
    nick: str
    origin: str
    account: str | None
    #: The nick of the other side.
    to: str
    kind: str
    text: str
    time: int
    #: The id under which it is stored; empty if it is not stored, because one side is a guest.
    ident: str = ""
    #: The id for all recipients, whether it is stored or not.
    deliveryIdent: str = ""
    #: As in L{Say<tsservices.chat.operations.Say>}.
    tags: str = ""


@dataclass(slots=True, eq=False)
class PrivateDeleted:
    """For all sessions of both sides of a private message: its author has deleted it."""

    #: The author.
    nick: str
    account: str | None
    origin: str
    session: str
    #: The name of the other side.
    to: str
    #: The id of the message, as in L{PrivateMessage.deliveryIdent}.
    ident: str
    #: As in L{DeletePrivate<tsservices.chat.operations.DeletePrivate>}.
    reason: str = ""


@dataclass(slots=True, eq=False)
class PassingMessage:
    """
    For members of a room, or for all sessions of both sides: a message that is not kept. The fields
    are those of L{SendPassing<tsservices.chat.operations.SendPassing>}.
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
    #: The same on all nodes.
    ident: str
    kind: str = ""
    text: str = ""
    rank: str = ""


@dataclass(slots=True, eq=False)
class RealnameChanged:
    """For the session itself and all who share a room with it: its user's new real name."""

    nick: str
    account: str | None
    origin: str
    realname: str


@dataclass(slots=True, eq=False)
class UserInvited:
    """For the other members of a room: one of them has invited somebody."""

    room: str
    roomName: str
    #: The nick of the inviter.
    nick: str
    account: str | None
    origin: str
    #: The nick of the invited user.
    to: str


@dataclass(slots=True, eq=False)
class PresenceChanged:
    """For a session that watches a name: somebody has taken it, or nobody has it any more."""

    key: str
    #: The spelling that is, or was, in use.
    nick: str
    #: Whether somebody has it.
    online: bool


@dataclass(slots=True, eq=False)
class OperatorMessage:
    """For operators of the server, and sessions that subscribed: a message between operators."""

    nick: str
    account: str | None
    origin: str
    text: str


@dataclass(slots=True, eq=False)
class AwayReply:
    """For the author of a private message: the other side is away."""

    nick: str
    text: str
    #: As in L{Notice}.
    toNotice: bool = False


@dataclass(slots=True, eq=False)
class AccountChanged:
    """For the session itself and all who share a room with it: login, logout, registration."""

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
    #: The nick of the user who set it; empty if there is no topic.
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
    #: The key, if the asker may see it.
    joinKey: str
    #: The maximum number of people in the room; 0: any number.
    memberLimit: int


@dataclass(slots=True, eq=False)
class HistoryReplay:
    """For the session itself: earlier lines of a room."""

    room: str
    roomName: str
    messages: list[RoomMessages]
    #: The first and the last number of requested lines that are not stored any more.
    missing: tuple[int, int] | None
    #: The number up to which the replay goes, even if the last lines are missing.
    until: int
    #: Whether the numbers are shown to the user.
    numbered: bool = False
    #: The incarnation of the order, where lines after a number were requested; otherwise empty.
    log: str = ""


@dataclass(slots=True, eq=False)
class HistoryRestored:
    """
    For a session that has named a line: the history differs from the one in which it saw this line.
    The lines that it can't have seen follow.
    """

    room: str
    roomName: str
    #: The current incarnation of the order.
    log: str
    #: The number that was named.
    seq: int
    #: The number of the last line.
    last: int
    #: The number of the last line that is the same in both; None: not known.
    common: int | None
    #: The number of the first line that follows.
    first: int
    #: Whether the named line differs for certain.
    sure: bool = True


#: All notifications that a format must be able to write.
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
