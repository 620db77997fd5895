"""
What happens, written for programs: one JSON object on each line.  Pure.

The names of types and fields are written out in L{FIELDS}, though most are those of attributes:
programs know them, so they may not change when an attribute is called otherwise.

C{type} says what an object is and which fields it has.  There may be more fields and
more types at any time; what a field means changes only with L{VERSION}, which the first
object (L{FORMAT}) tells.  C{room} is always the name of a room as the room writes it,
without a sign.  Every C{time} is in nanoseconds since 1970, UTC; C{seq}, C{first},
C{last}, C{until} of a replay, C{joinedSeq} and C{read} are numbers of lines in their room.
C{account} is null for guests.

  - C{said}: room, seq, id, time, kind, nick, account, text; and C{replay}, true, if it was
    said before, or C{found}, true, if it was searched for.  The kinds that people say are
    C{message}, C{me}, C{notice} and C{topic}.  The others tell what was done: C{kick},
    C{op}, C{deop}, C{unban} and C{unmute}, with a text like C{bob} or C{bob why};
    C{ban} and C{mute}, with C{bob 2h} or C{bob forever why}; C{private} and C{public},
    with none; and C{delete}, with the C{seq} of a line whose text is no more, and which
    has the kind C{deleted} and no text from then on;
  - C{joined}: room, nick, account; C{left}: room, nick, why; C{gone}: nick, why;
  - C{renamed}: nick, to; C{away}: nick, text (empty: is back);
  - C{account}: nick, account: that is whose name it is now;
  - C{whispered}: nick, account, to, kind, text, time, id (empty: it is not kept);
    C{absent}: nick, text: the one whispered to is away;
  - C{entered}: nick, account: you are in; C{roomLeft}: room;
  - C{token}: token: the secret with which another connection goes on for this one, by
    C{/resume} as its first line;
  - C{resumed}: nick, account, rooms, each with room and last: you are in these, and
    C{/since} tells what you have missed;
  - C{loggedIn}: nick, account, unread (private messages that came while you were away);
  - C{prompt}: text: the next line is taken for a secret, and for nothing else;
  - C{invited}: room, by; C{read}: room, seq: you have read so far, maybe elsewhere;
  - C{roomEntered}: room, nick, topic (as in C{topic}, or null), nicks (some), present (how
    many), joinedSeq, rank (C{member}, C{operator}, C{founder} or C{server}), private, read
    (or null); a C{replay} follows, unless C{refused} has said why not;
  - C{replay}: room, lines (so many C{said} follow), missing (null, or the first and the
    last number of those no longer kept), until;
  - C{found}: lines (so many C{said} follow), more (there are older ones);
  - C{inbox}: letters, each with id, time, nick, to, kind and text; with (the other, or
    empty), more;
  - C{topic}: room, text, by, time;
  - C{stored}: room, first, last;
  - C{rooms}: rooms, each with room, present, topic;
  - C{people}: room (empty: anywhere), people, each with nick, guest, away and rank;
  - C{person}: nick, guest, away, rooms, cloak (of the address; empty: not for you);
  - C{seen}: nick, here, time (0: not known);
  - C{restraints}: room, restraints, each with kind (C{ban} or C{mute}), name, mask, by,
    time, until (a time; 0: for ever) and why;
  - C{commands}: commands, each with name, usage, meaning and permission;
  - C{notice}: lines, code (what it is about; empty: it is for people only);
  - C{refused}: code, text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from json import JSONEncoder
from json.encoder import encode_basestring as quoted
from typing import Any, TypeVar

from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    CommandList,
    ErrorReply,
    HistoryReplay,
    Inbox,
    Invited,
    JoinedRoom,
    LeftRoom,
    LoggedIn,
    MarkedRead,
    MemberList,
    MessageStored,
    NickChanged,
    Notice,
    Notification,
    PrivateMessage,
    RestrictionList,
    Resumed,
    ResumeToken,
    RoomList,
    RoomMessages,
    SearchResults,
    SeenReply,
    Topic,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
    WhoisReply,
)

#: What JSON can say, without C{type}.
Fields = dict[str, object]


def topic(topic: Topic) -> Fields:
    """The fields of that."""
    return {"text": topic.text, "by": topic.by, "time": topic.time}


def _whispered(whispered: PrivateMessage) -> Fields:
    return {
        "nick": whispered.nick,
        "account": whispered.account,
        "to": whispered.to,
        "kind": whispered.kind,
        "text": whispered.text,
        "time": whispered.time,
        "id": whispered.ident,
    }


def _resumed(resumed: Resumed) -> Fields:
    rooms = [{"room": name, "last": last} for name, last in resumed.rooms]
    return {"nick": resumed.nick, "account": resumed.account, "rooms": rooms}


def _inbox(inbox: Inbox) -> Fields:
    letters = [
        {
            "id": letter.ident,
            "time": letter.time,
            "nick": letter.nick,
            "to": letter.to,
            "kind": letter.kind,
            "text": letter.text,
        }
        for letter in inbox.messages
    ]
    return {"letters": letters, "with": inbox.other, "more": inbox.more}


def _rooms(listed: RoomList) -> Fields:
    names = ("room", "present", "topic")
    return {"rooms": [dict(zip(names, each, strict=True)) for each in listed.rooms]}


def _commands(listed: CommandList) -> Fields:
    names = ("name", "usage", "meaning", "permission")
    return {"commands": [dict(zip(names, each, strict=True)) for each in listed.commands]}


def _people(listed: MemberList) -> Fields:
    people = [
        {"nick": person.nick, "guest": person.guest, "away": person.away, "rank": person.rank}
        for person in listed.members
    ]
    return {"room": listed.roomName, "people": people}


def _restraints(listed: RestrictionList) -> Fields:
    restraints = [
        {
            "kind": restraint.kind,
            "name": restraint.name,
            "mask": restraint.mask,
            "by": restraint.by,
            "time": restraint.time,
            "until": restraint.until,
            "why": restraint.reason,
        }
        for restraint in listed.restrictions
    ]
    return {"room": listed.roomName, "restraints": restraints}


def _refused(refusal: ErrorReply) -> Fields:
    return {"code": refusal.error.code.name, "text": str(refusal.error)}


_Kind = TypeVar("_Kind")


def _row(
    kind: type[_Kind], name: str, fields: Callable[[_Kind], Fields]
) -> tuple[type[_Kind], tuple[str, Callable[[_Kind], Fields]]]:
    return kind, (name, fields)


#: The type and the fields of each kind of happening.
FIELDS: dict[type[Notification], tuple[str, Callable[[Any], Fields]]] = dict(
    (
        _row(
            UserJoined,
            "joined",
            lambda it: {"room": it.roomName, "nick": it.nick, "account": it.account},
        ),
        _row(UserLeft, "left", lambda it: {"room": it.roomName, "nick": it.nick, "why": it.reason}),
        _row(UserQuit, "gone", lambda it: {"nick": it.nick, "why": it.reason}),
        _row(NickChanged, "renamed", lambda it: {"nick": it.nick, "to": it.to}),
        _row(AwayChanged, "away", lambda it: {"nick": it.nick, "text": it.text}),
        _row(AccountChanged, "account", lambda it: {"nick": it.nick, "account": it.account}),
        _row(PrivateMessage, "whispered", _whispered),
        _row(AwayReply, "absent", lambda it: {"nick": it.nick, "text": it.text}),
        _row(Welcome, "entered", lambda it: {"nick": it.nick, "account": it.account}),
        _row(ResumeToken, "token", lambda it: {"token": it.token}),
        _row(Resumed, "resumed", _resumed),
        _row(
            LoggedIn,
            "loggedIn",
            lambda it: {"nick": it.nick, "account": it.account, "unread": it.unread},
        ),
        _row(Invited, "invited", lambda it: {"room": it.roomName, "by": it.by}),
        _row(MarkedRead, "read", lambda it: {"room": it.roomName, "seq": it.seq}),
        _row(LeftRoom, "roomLeft", lambda it: {"room": it.roomName}),
        _row(Inbox, "inbox", _inbox),
        _row(Topic, "topic", lambda it: {"room": it.roomName, **topic(it)}),
        _row(
            MessageStored,
            "stored",
            lambda it: {"room": it.roomName, "first": it.first, "last": it.last},
        ),
        _row(RoomList, "rooms", _rooms),
        _row(MemberList, "people", _people),
        _row(
            WhoisReply,
            "person",
            lambda it: {
                "nick": it.nick,
                "guest": it.guest,
                "away": it.away,
                "rooms": it.rooms,
                "cloak": it.cloak,
            },
        ),
        _row(SeenReply, "seen", lambda it: {"nick": it.nick, "here": it.online, "time": it.time}),
        _row(RestrictionList, "restraints", _restraints),
        _row(CommandList, "commands", _commands),
        _row(Notice, "notice", lambda it: {"lines": it.lines, "code": it.code}),
        _row(ErrorReply, "refused", _refused),
    )
)


#: Of the meaning of what is written here.
VERSION = 1

#: The first object of a connection that has asked for JSON; the door sends it.
FORMAT = b'{"type":"format","version":%d}\n' % VERSION

_asJSON = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def prompt(text: str) -> bytes:
    """An object that asks for it."""
    return f"{_asJSON({'type': 'prompt', 'text': text})}\n".encode()


class JSONFormatter:
    """Objects for programs."""

    def encode(self, happenings: Sequence[Notification]) -> bytes:
        """Lines in UTF-8."""
        lines = [_write(each) for each in happenings]
        return "".join(lines).encode("utf-8", "replace")


def _lines(said: RoomMessages, end: str = "}\n") -> str:
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


def _replay(replay: HistoryReplay) -> str:
    head = {
        "type": "replay",
        "room": replay.roomName,
        "lines": sum(len(each.texts) for each in replay.messages),
        "missing": replay.missing,
        "until": replay.until,
    }
    lines = [_lines(each, ',"replay":true}\n') for each in replay.messages]
    return f"{_asJSON(head)}\n{''.join(lines)}"


def _found(found: SearchResults) -> str:
    count = sum(len(each.texts) for each in found.messages)
    head = {"type": "found", "lines": count, "more": found.more}
    lines = [_lines(each, ',"found":true}\n') for each in found.messages]
    return f"{_asJSON(head)}\n{''.join(lines)}"


def _roomEntered(entered: JoinedRoom) -> str:
    head = {
        "type": "roomEntered",
        "room": entered.roomName,
        "nick": entered.nick,
        "topic": topic(entered.topic) if entered.topic.text else None,
        "nicks": entered.nicks,
        "present": entered.memberCount,
        "joinedSeq": entered.joinedSeq,
        "rank": entered.rank,
        "private": entered.private,
        "read": entered.read,
    }
    replay = "" if entered.replay is None else _replay(entered.replay)
    return f"{_asJSON(head)}\n{replay}"


#: What those are written by that are more than one object.
_WRITE: dict[type[Notification], Callable[[Any], str]] = {
    RoomMessages: _lines,
    HistoryReplay: _replay,
    SearchResults: _found,
    JoinedRoom: _roomEntered,
}


def _write(happening: Notification) -> str:
    kind = type(happening)
    if (several := _WRITE.get(kind)) is not None:
        return several(happening)
    name, fields = FIELDS[kind]
    return f"{_asJSON({'type': name, **fields(happening)})}\n"
