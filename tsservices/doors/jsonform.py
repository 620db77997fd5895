"""
What happens, written for programs: one JSON object on each line.  Pure.

C{type} says what an object is and which fields it has.  There may be more fields and
more types at any time; what a field means changes only with L{VERSION}, which the first
object (L{FORMAT}) tells.  C{room} is always the name of a room as the room writes it,
without a sign.  Every C{time} is in nanoseconds since 1970, UTC; C{seq}, C{first},
C{last}, C{until} and C{joinedSeq} are numbers of lines in their room.

  - C{said}: room, seq, id, time, kind (C{message}, C{me}, C{notice}, C{topic}), nick,
    account (null for guests), text; and C{replay}, true, if it was said before;
  - C{joined}: room, nick; C{left}: room, nick, why; C{gone}: nick, why;
  - C{renamed}: nick, to; C{away}: nick, text (empty: is back);
  - C{whispered}: nick, to, kind, text, time; C{absent}: nick, text: the one whispered to
    is away;
  - C{entered}: nick: you are in; C{roomLeft}: room;
  - C{roomEntered}: room, nick, topic (as in C{topic}, or null), nicks (some), present (how
    many), joinedSeq; a C{replay} follows, unless C{refused} has said why not;
  - C{replay}: room, lines (so many C{said} follow), missing (null, or the first and the
    last number of those no longer kept), until;
  - C{topic}: room, text, by, time;
  - C{stored}: room, first, last;
  - C{rooms}: rooms, each with room, present, topic;
  - C{people}: room (empty: anywhere), people, each with nick and away;
  - C{person}: nick, guest, away, rooms;
  - C{notice}: lines;
  - C{refused}: code, text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from json import JSONEncoder
from json.encoder import encode_basestring as quoted
from typing import Any, TypeVar

from tsservices.chat.happenings import (
    Absent,
    AwayChanged,
    Entered,
    Gone,
    Happening,
    Joined,
    Left,
    Notice,
    PeopleListed,
    PersonShown,
    Refusal,
    Renamed,
    Replay,
    RoomEntered,
    RoomLeft,
    RoomsListed,
    Said,
    Stored,
    Topic,
    Whispered,
)

VERSION = 1
"""
Of the meaning of what is written here.
"""

FORMAT = b'{"type":"format","version":%d}\n' % VERSION
"""
The first object of a connection that has asked for JSON; the door sends it.
"""

_asJSON = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


class JSONForm:
    """
    Objects for programs.
    """

    def encode(self, happenings: Sequence[Happening]) -> bytes:
        """
        @param happenings: what happened, in order.
        @return: lines in UTF-8.
        """
        lines = [_WRITE[type(each)](each) for each in happenings]
        return "".join(lines).encode("utf-8", "replace")


def _lines(said: Said, end: str = "}\n") -> str:
    """
    @param said: lines, said now or before.
    @param end: what closes each object.
    @return: an object for each.
    """
    # The hot path: all that the lines of one person have in common is written once.
    account = "null" if said.account is None else quoted(said.account)
    start = f'{{"type":"said","room":{quoted(said.roomName)},"seq":'
    ident = f',"id":{quoted(f"{said.log}-{said.position}-")[:-1]}'
    author = f',"kind":{quoted(said.kind)},"nick":{quoted(said.nick)},"account":{account},"text":'
    first, time, index = said.first, said.time, said.index
    return "".join(
        [
            f'{start}{first + which}{ident}{index + which}","time":{time + which}'
            f"{author}{quoted(text)}{end}"
            for which, text in enumerate(said.texts)
        ]
    )


def _replay(replay: Replay) -> str:
    """
    @param replay: lines that were said before.
    @return: an object that tells of them, and one for each.
    """
    head = {
        "type": "replay",
        "room": replay.roomName,
        "lines": sum(len(each.texts) for each in replay.said),
        "missing": replay.missing,
        "until": replay.until,
    }
    lines = [_lines(each, ',"replay":true}\n') for each in replay.said]
    return f"{_asJSON(head)}\n{''.join(lines)}"


def _topic(topic: Topic) -> dict[str, object]:
    """
    @param topic: what a room is about.
    @return: the fields of that.
    """
    return {"text": topic.text, "by": topic.by, "time": topic.time}


def _roomEntered(entered: RoomEntered) -> str:
    """
    @param entered: the reader is in a room.
    @return: an object, and what was said last if that is at hand.
    """
    head = {
        "type": "roomEntered",
        "room": entered.roomName,
        "nick": entered.nick,
        "topic": _topic(entered.topic) if entered.topic.text else None,
        "nicks": entered.nicks,
        "present": entered.present,
        "joinedSeq": entered.joinedSeq,
    }
    replay = "" if entered.replay is None else _replay(entered.replay)
    return f"{_asJSON(head)}\n{replay}"


_Kind = TypeVar("_Kind")


def _row(
    kind: type[_Kind], name: str, fields: Callable[[_Kind], dict[str, object]]
) -> tuple[type[_Kind], Callable[[_Kind], str]]:
    """
    @param kind: of happenings that are one object each.
    @param name: of their type.
    @param fields: gives the others.
    @return: a row of the table.
    """
    return kind, lambda happening: _asJSON({"type": name, **fields(happening)}) + "\n"


_WRITE: dict[type[Happening], Callable[[Any], str]] = dict(
    (
        (Said, _lines),
        (Replay, _replay),
        (RoomEntered, _roomEntered),
        _row(Joined, "joined", lambda it: {"room": it.roomName, "nick": it.nick}),
        _row(Left, "left", lambda it: {"room": it.roomName, "nick": it.nick, "why": it.why}),
        _row(Gone, "gone", lambda it: {"nick": it.nick, "why": it.why}),
        _row(Renamed, "renamed", lambda it: {"nick": it.nick, "to": it.to}),
        _row(AwayChanged, "away", lambda it: {"nick": it.nick, "text": it.text}),
        _row(
            Whispered,
            "whispered",
            lambda it: {
                "nick": it.nick,
                "to": it.to,
                "kind": it.kind,
                "text": it.text,
                "time": it.time,
            },
        ),
        _row(Absent, "absent", lambda it: {"nick": it.nick, "text": it.text}),
        _row(Entered, "entered", lambda it: {"nick": it.nick}),
        _row(RoomLeft, "roomLeft", lambda it: {"room": it.roomName}),
        _row(Topic, "topic", lambda it: {"room": it.roomName, **_topic(it)}),
        _row(
            Stored, "stored", lambda it: {"room": it.roomName, "first": it.first, "last": it.last}
        ),
        _row(
            RoomsListed,
            "rooms",
            lambda it: {
                "rooms": [
                    {"room": name, "present": present, "topic": topic}
                    for name, present, topic in it.rooms
                ]
            },
        ),
        _row(
            PeopleListed,
            "people",
            lambda it: {
                "room": it.roomName,
                "people": [{"nick": nick, "away": away} for nick, away in it.people],
            },
        ),
        _row(
            PersonShown,
            "person",
            lambda it: {"nick": it.nick, "guest": it.guest, "away": it.away, "rooms": it.rooms},
        ),
        _row(Notice, "notice", lambda it: {"lines": it.lines}),
        _row(Refusal, "refused", lambda it: {"code": it.why.reason.code, "text": str(it.why)}),
    )
)
"""
What each kind of happening is written by.
"""
