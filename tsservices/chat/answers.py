"""
What one person is told, of themselves or because they have asked.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tsservices.chat.records import Letter, Restraint
from tsservices.chat.refusals import Refused
from tsservices.chat.said import Said

if TYPE_CHECKING:
    from tsservices.chat.happenings import Replay, Topic


@dataclass(slots=True, eq=False)
class Entered:
    """
    The one who is told this is in, under a name.

    @ivar account: whom the name belongs to; L{None} for guests.
    """

    nick: str
    account: str | None = None


@dataclass(slots=True, eq=False)
class Token:
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
    """
    The owner of the account has read a room up to a line, maybe elsewhere.
    """

    room: str
    roomName: str
    seq: int


@dataclass(slots=True, eq=False)
class RoomEntered:
    """
    The one who is told this has entered a room.

    @ivar nicks: some of those who are there.
    @ivar present: how many are there.
    @ivar joinedSeq: the number of the last line before.
    @ivar replay: the last lines before; L{None} when they have to be fetched first.
    @ivar nick: what the one who is told this is called.
    @ivar rank: what they may do there: a name of L{tsservices.chat.ranks}.
    @ivar private: whether others enter only when they are invited.
    @ivar read: the number of the last line that the owner of the account has read; L{None}
        if that is not known.
    """

    room: str
    roomName: str
    topic: Topic
    nicks: list[str]
    present: int
    joinedSeq: int
    replay: Replay | None
    nick: str
    rank: str = ""
    private: bool = False
    read: int | None = None


@dataclass(slots=True, eq=False)
class RoomLeft:
    """
    The one who is told this has left a room.
    """

    room: str
    roomName: str


@dataclass(slots=True, eq=False)
class Stored:
    """
    The lines of the one who is told this are kept for ever under these numbers.
    """

    room: str
    roomName: str
    first: int
    last: int


@dataclass(slots=True, eq=False)
class RoomsListed:
    """
    The rooms there are: name, how many are in it, what it is about.
    """

    rooms: list[tuple[str, int, str]]


@dataclass(slots=True, eq=False)
class Present:
    """
    One of those in a room.

    @ivar guest: the name belongs to nobody.
    @ivar away: why they are away.
    @ivar rank: what they may do there: a name of L{tsservices.chat.ranks}.
    """

    nick: str
    guest: bool
    away: str
    rank: str


@dataclass(slots=True, eq=False)
class PeopleListed:
    """
    Who is in a room.
    """

    roomName: str
    people: list[Present]


@dataclass(slots=True, eq=False)
class PersonShown:
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
class LastSeen:
    """
    When somebody was here.

    @ivar here: whether they are here now.
    @ivar time: when they last were: nanoseconds since 1970, UTC; 0: not known.
    """

    nick: str
    here: bool
    time: int


@dataclass(slots=True, eq=False)
class RestraintsListed:
    """
    Who may not enter a room, or not speak in it.
    """

    room: str
    roomName: str
    restraints: list[Restraint]


@dataclass(slots=True, eq=False)
class Inbox:
    """
    Private messages that were said before, the oldest first.

    @ivar other: with whom; nothing: with all.
    @ivar more: whether there are older ones.
    """

    letters: list[Letter]
    other: str
    more: bool


@dataclass(slots=True, eq=False)
class Found:
    """
    Lines that were searched for, the oldest first.

    @ivar more: whether there are older ones.
    """

    said: list[Said]
    more: bool


@dataclass(slots=True, eq=False)
class CommandsListed:
    """
    What can be asked for: how each command is written, what it does, and who may.
    """

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
class Refusal:
    """
    The one who is told this asked for something that is not done.
    """

    why: Refused
