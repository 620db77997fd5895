"""
The fields of what is one object for programs.  Pure.

What they mean stands in L{tsservices.doors.jsonform}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tsservices.chat.answers import (
    CommandsListed,
    Entered,
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
    RoomLeft,
    RoomsListed,
    Stored,
    Token,
)
from tsservices.chat.happenings import (
    Absent,
    AccountChanged,
    AwayChanged,
    Gone,
    Happening,
    Joined,
    Left,
    Renamed,
    Topic,
    Whispered,
)

Fields = dict[str, object]
"""
What JSON can say, without C{type}.
"""


def topic(topic: Topic) -> Fields:
    """
    @param topic: what a room is about.
    @return: the fields of that.
    """
    return {"text": topic.text, "by": topic.by, "time": topic.time}


def _only(*names: str) -> Callable[[Any], Fields]:
    """
    @param names: of attributes that are fields under the same names.
    @return: gives these.
    """
    return lambda it: {name: getattr(it, name) for name in names}


def _ofRoom(*names: str) -> Callable[[Any], Fields]:
    """
    @param names: of attributes that are fields under the same names.
    @return: gives these after the name of the room.
    """
    return lambda it: {"room": it.roomName} | {name: getattr(it, name) for name in names}


def _whispered(whispered: Whispered) -> Fields:
    """
    @param whispered: something said to one person.
    @return: the fields of that.
    """
    named = _only("nick", "account", "to", "kind", "text", "time")
    return named(whispered) | {"id": whispered.ident}


def _resumed(resumed: Resumed) -> Fields:
    """
    @param resumed: the reader goes on where another connection was.
    @return: the fields of that.
    """
    rooms = [{"room": name, "last": last} for name, last in resumed.rooms]
    return {"nick": resumed.nick, "account": resumed.account, "rooms": rooms}


def _inbox(inbox: Inbox) -> Fields:
    """
    @param inbox: private messages that were said before.
    @return: the fields of that.
    """
    named = _only("time", "nick", "to", "kind", "text")
    letters = [{"id": each.ident} | named(each) for each in inbox.letters]
    return {"letters": letters, "with": inbox.other, "more": inbox.more}


def _rooms(listed: RoomsListed) -> Fields:
    """
    @param listed: the rooms.
    @return: the fields of that.
    """
    names = ("room", "present", "topic")
    return {"rooms": [dict(zip(names, each, strict=True)) for each in listed.rooms]}


def _commands(listed: CommandsListed) -> Fields:
    """
    @param listed: what can be asked for.
    @return: the fields of that.
    """
    names = ("name", "usage", "meaning", "permission")
    return {"commands": [dict(zip(names, each, strict=True)) for each in listed.commands]}


def _people(listed: PeopleListed) -> Fields:
    """
    @param listed: who is somewhere.
    @return: the fields of that.
    """
    named = _only("nick", "guest", "away", "rank")
    return {"room": listed.roomName, "people": [named(each) for each in listed.people]}


def _restraints(listed: RestraintsListed) -> Fields:
    """
    @param listed: who may not enter a room, or not speak in it.
    @return: the fields of that.
    """
    named = _only("kind", "name", "mask", "by", "time", "until", "why")
    return {"room": listed.roomName, "restraints": [named(each) for each in listed.restraints]}


def _refused(refusal: Refusal) -> Fields:
    """
    @param refusal: what is not done.
    @return: the fields of that.
    """
    return {"code": refusal.why.reason.code, "text": str(refusal.why)}


_Kind = TypeVar("_Kind")


def _row(
    kind: type[_Kind], name: str, fields: Callable[[_Kind], Fields]
) -> tuple[type[_Kind], tuple[str, Callable[[_Kind], Fields]]]:
    """
    @param kind: of happenings.
    @param name: of their type.
    @param fields: gives the others.
    @return: a row of the table.
    """
    return kind, (name, fields)


FIELDS: dict[type[Happening], tuple[str, Callable[[Any], Fields]]] = dict(
    (
        _row(Joined, "joined", _ofRoom("nick", "account")),
        _row(Left, "left", _ofRoom("nick", "why")),
        _row(Gone, "gone", _only("nick", "why")),
        _row(Renamed, "renamed", _only("nick", "to")),
        _row(AwayChanged, "away", _only("nick", "text")),
        _row(AccountChanged, "account", _only("nick", "account")),
        _row(Whispered, "whispered", _whispered),
        _row(Absent, "absent", _only("nick", "text")),
        _row(Entered, "entered", _only("nick", "account")),
        _row(Token, "token", _only("token")),
        _row(Resumed, "resumed", _resumed),
        _row(LoggedIn, "loggedIn", _only("nick", "account", "unread")),
        _row(Invited, "invited", _ofRoom("by")),
        _row(MarkedRead, "read", _ofRoom("seq")),
        _row(RoomLeft, "roomLeft", _ofRoom()),
        _row(Inbox, "inbox", _inbox),
        _row(Topic, "topic", lambda it: {"room": it.roomName} | topic(it)),
        _row(Stored, "stored", _ofRoom("first", "last")),
        _row(RoomsListed, "rooms", _rooms),
        _row(PeopleListed, "people", _people),
        _row(PersonShown, "person", _only("nick", "guest", "away", "rooms", "cloak")),
        _row(LastSeen, "seen", _only("nick", "here", "time")),
        _row(RestraintsListed, "restraints", _restraints),
        _row(CommandsListed, "commands", _commands),
        _row(Notice, "notice", _only("lines", "code")),
        _row(Refusal, "refused", _refused),
    )
)
"""
The type and the fields of each kind of happening.
"""
