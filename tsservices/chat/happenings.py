"""
What has happened, as people are told of it.  Pure.

Doors turn these into bytes, and those of L{said<tsservices.chat.said>} and
L{answers<tsservices.chat.answers>} too; the journal keeps what was said.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.answers import (
    CommandsListed,
    Entered,
    Found,
    Inbox,
    Invited,
    LastSeen,
    LoggedIn,
    MarkedRead,
    Notice,
    PeopleListed,
    PersonShown,
    Refusal,
    RestraintsListed,
    Resumed,
    RoomEntered,
    RoomLeft,
    RoomsListed,
    Stored,
    Token,
)
from tsservices.chat.said import Said


@dataclass(slots=True, eq=False)
class Joined:
    """
    Somebody entered a room where one is.

    @ivar account: whom the name belongs to; L{None} for guests.
    """

    room: str
    roomName: str
    nick: str
    account: str | None


@dataclass(slots=True, eq=False)
class Left:
    """
    Somebody left a room where one is.
    """

    room: str
    roomName: str
    nick: str
    why: str


@dataclass(slots=True, eq=False)
class Gone:
    """
    Somebody left altogether.
    """

    nick: str
    why: str


@dataclass(slots=True, eq=False)
class Renamed:
    """
    Somebody is called something else now.
    """

    nick: str
    to: str


@dataclass(slots=True, eq=False)
class AwayChanged:
    """
    Somebody is away for a reason, or back when there is none.
    """

    nick: str
    text: str


@dataclass(slots=True, eq=False)
class Whispered:
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
class Absent:
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
class Replay:
    """
    Lines that were said before.

    @ivar missing: the first and the last number of lines asked for that are not kept
        any more.
    @ivar until: the number up to which this goes.
    """

    room: str
    roomName: str
    said: list[Said]
    missing: tuple[int, int] | None
    until: int


Happening = (
    Said
    | Joined
    | Left
    | Gone
    | Renamed
    | AwayChanged
    | Whispered
    | Absent
    | Entered
    | Topic
    | Replay
    | RoomEntered
    | RoomLeft
    | Stored
    | RoomsListed
    | PeopleListed
    | PersonShown
    | Token
    | Resumed
    | LoggedIn
    | AccountChanged
    | Invited
    | MarkedRead
    | LastSeen
    | RestraintsListed
    | Inbox
    | Found
    | CommandsListed
    | Notice
    | Refusal
)
"""
Anything that a door has to be able to say.
"""
