"""
Notifications: what sessions are told, as typed values.

Handlers make them, deliveries write them in the format of each recipient
(L{Formatter<tsservices.chat.outlet.Formatter>}). Those that answer a question
(L{RoomList}, L{WhoisReply}, L{SearchResults} and their like) go to its session at once, all others
when their batch is stored. The names of these classes and fields are internal: formats have their
own tables of names.

In all of them C{room} is the key of a room, C{roomName} its name as the room writes it without a
sign, C{seq} the number of a line in its room, and C{time} nanoseconds since 1970, UTC. C{account}
is the key of an account, None for guests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tsservices.chat.errors import ChatError
from tsservices.chat.operations import DELETED
from tsservices.chat.records import Restriction, StoredPrivateMessage


@dataclass(slots=True, eq=False)
class RoomMessages:
    """
    Lines that one member sent to a room together, to all members; also as they are read from the
    storage. Lines after the first have the next numbers, each a nanosecond later.

    @ivar first: the number of the first line.
    @ivar time: that of the first line.
    @ivar log: the incarnation of the order.
    @ivar position: that of the batch in the order.
    @ivar index: that of the first line in the batch.
    @ivar kind: L{tsservices.chat.operations.MESSAGE} and its like, the same for all lines.
    @ivar session: the id of the author's session; empty if this was read from the storage.
    @ivar previous: the time of the line before; 0 if there is none, or if this was read from the
        storage.
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
        return self.first + len(self.texts) - 1

    def ident(self, offset: int) -> str:
        """The id of the line that many after the first: the same on every node and for ever."""
        return f"{self.log}-{self.position}-{self.index + offset}"

    def since(self, seq: int) -> RoomMessages:
        """The line with this number and those after it."""
        skipped = seq - self.first
        return self._part(skipped, len(self.texts)) if skipped > 0 else self

    def without(self, seq: int) -> list[RoomMessages]:
        """The same lines, but without the text of the one with this number."""
        offset = seq - self.first
        if not 0 <= offset < len(self.texts):
            return [self]
        deleted = replace(self._part(offset, offset + 1), kind=DELETED, texts=("",))
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


@dataclass(slots=True, eq=False)
class Welcome:
    """To the session itself: it has entered, under this name."""

    nick: str
    account: str | None = None


@dataclass(slots=True, eq=False)
class ResumeToken:
    """To the session itself: the secret by which another connection may take its place."""

    token: str


@dataclass(slots=True, eq=False)
class Resumed:
    """
    To a session that has taken the place of another connection, instead of L{Welcome}.

    @ivar rooms: the rooms it is in: the name, and the number of the last line.
    """

    nick: str
    account: str | None
    rooms: list[tuple[str, int]]


@dataclass(slots=True, eq=False)
class LoggedIn:
    """
    To the session itself: it is logged in.

    @ivar account: the key; the name is C{nick}.
    @ivar unread: private messages that came while nobody was logged in.
    """

    nick: str
    account: str
    unread: int


@dataclass(slots=True, eq=False)
class Invited:
    """
    To all sessions of somebody who was invited to a room.

    @ivar by: the nick of whoever invites.
    @ivar key: the same, folded, for those who ignore them.
    """

    room: str
    roomName: str
    by: str
    key: str


@dataclass(slots=True, eq=False)
class MarkedRead:
    """To all sessions of an account: one of them has read a room up to a line."""

    room: str
    roomName: str
    seq: int


@dataclass(slots=True, eq=False)
class JoinedRoom:
    """
    To the session itself: it has joined a room.

    @ivar nicks: the names of the first members; L{MemberList} has all.
    @ivar memberCount: members, by name.
    @ivar joinedSeq: the number of the last line before. Replay ends there, live lines follow.
    @ivar replay: the last lines; None if they have to be read from the storage first.
    @ivar nick: the session's own name.
    @ivar rank: its rank there: a name of L{tsservices.chat.permissions}.
    @ivar private: whether others need an invitation.
    @ivar read: the number of the last line that the owner of the account has read; None if that is
        not known.
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
    """To the session itself: it is no longer in a room, by its own wish or not."""

    room: str
    roomName: str


@dataclass(slots=True, eq=False)
class MessageStored:
    """To the author, if it wants acknowledgements: its lines are stored under these numbers."""

    room: str
    roomName: str
    first: int
    last: int


@dataclass(slots=True, eq=False)
class RoomList:
    """The answer to a question: each visible room, with the number of its members and its topic."""

    rooms: list[tuple[str, int, str]]


@dataclass(slots=True, eq=False)
class Member:
    """
    A row of L{MemberList}.

    @ivar guest: nobody is logged in under this name.
    @ivar away: the text for being away; empty: present.
    @ivar rank: a name of L{tsservices.chat.permissions}.
    """

    nick: str
    guest: bool
    away: str
    rank: str


@dataclass(slots=True, eq=False)
class MemberList:
    """
    The answer to a question: the members of a room.

    @ivar roomName: empty: people of all rooms that the asker may see.
    """

    roomName: str
    members: list[Member]


@dataclass(slots=True, eq=False)
class WhoisReply:
    """
    The answer to a question about somebody.

    @ivar guest: nobody is logged in under this name.
    @ivar away: the text for being away; empty: present.
    @ivar rooms: the names of those that the asker is in too.
    @ivar cloak: that of the address; empty for an asker who may not know it.
    """

    nick: str
    guest: bool
    away: str
    rooms: list[str]
    cloak: str = ""


@dataclass(slots=True, eq=False)
class SeenReply:
    """
    The answer to a question: when somebody was last here.

    @ivar online: whether they are here now.
    @ivar time: 0: not known.
    """

    nick: str
    online: bool
    time: int


@dataclass(slots=True, eq=False)
class RestrictionList:
    """The answer to a question: the bans and mutes of a room."""

    room: str
    roomName: str
    restrictions: list[Restriction]


@dataclass(slots=True, eq=False)
class Inbox:
    """
    The answer to a question: earlier private messages, the oldest first.

    @ivar other: the name of the other side; empty: all.
    @ivar more: whether there are older ones.
    """

    messages: list[StoredPrivateMessage]
    other: str
    more: bool


@dataclass(slots=True, eq=False)
class SearchResults:
    """
    The answer to a search, the oldest line first.

    @ivar more: whether there are older ones.
    """

    messages: list[RoomMessages]
    more: bool


@dataclass(slots=True, eq=False)
class CommandList:
    """The answer to a question: usage, meaning and permission of each command, after its name."""

    commands: list[tuple[str, str, str, str]]


@dataclass(slots=True, eq=False)
class Notice:
    """
    Text from the server to one session.

    @ivar code: how programs know it; empty: it is for people only.
    """

    lines: list[str]
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


@dataclass(slots=True, eq=False)
class UserLeft:
    """To the other members: the last session of that name has left the room."""

    room: str
    roomName: str
    nick: str
    reason: str


@dataclass(slots=True, eq=False)
class UserQuit:
    """To all who shared a room with somebody: they have left altogether."""

    nick: str
    reason: str


@dataclass(slots=True, eq=False)
class NickChanged:
    """To the session itself and to all who share a room with it."""

    nick: str
    to: str


@dataclass(slots=True, eq=False)
class AwayChanged:
    """
    To the session itself and to all who share a room with it.

    @ivar text: empty: back.
    """

    nick: str
    text: str


@dataclass(slots=True, eq=False)
class PrivateMessage:
    """
    To all sessions of both sides of a private message.

    @ivar nick: the author.
    @ivar key: the same, folded.
    @ivar to: the nick of the other side.
    @ivar ident: the id under which it is stored; empty if it is not, since one side is a guest.
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

    @ivar by: the nick of whoever set it; empty when there is no topic.
    """

    room: str
    roomName: str
    text: str
    by: str
    time: int


@dataclass(slots=True, eq=False)
class HistoryReplay:
    """
    To the session itself: earlier lines of a room.

    @ivar missing: the first and the last number of lines that were asked for, and are not stored
        any more.
    @ivar until: the number up to which this goes, also when the last lines are missing.
    """

    room: str
    roomName: str
    messages: list[RoomMessages]
    missing: tuple[int, int] | None
    until: int


#: All that a format has to be able to write.
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
