"""
Notifications written for programs: one JSON object on each line.  Pure.

The names of types and fields are written out in L{FIELDS}, though most are those of attributes:
programs depend on them, so they must not change when an attribute is renamed.

C{type} is the type of an object and decides which fields it has.  There may be more fields and
more types at any time; the meaning of a field changes only with L{VERSION}, which is in the
first object (L{FORMAT}).  C{room} is always the name of a room as the room spells it,
without a sign.  Every C{time} is in nanoseconds since 1970, UTC; C{seq}, C{first},
C{last}, C{until} of a replay, C{joinedSeq} and C{read} are numbers of lines in their room.
C{account} is null for guests.  C{epoch} identifies the history that numbers belong to: a restored
history has another one.  The epoch of a line is the part of its id before the last two C{-}.

  - C{said}: room, seq, id, time, kind, nick, account, text; and C{replay}, true, for a replayed
    line, or C{found}, true, for a search result.  Messages of people have the kinds
    C{message}, C{me}, C{notice} and C{topic}; their text may have line feeds.  The other kinds
    report actions: C{kick}, C{op}, C{deop}, C{unban} and C{unmute}, with a text like
    C{bob} or C{bob why};
    C{ban} and C{mute}, with C{bob 2h} or C{bob forever why}; C{private} and C{public},
    with none; C{mode}, with C{+ov-n ann bob} (a key is C{*}); and C{delete}, with the
    C{seq} of a line whose text was deleted: from then on it has the kind C{deleted} and no text
    or, if it was a C{kick}, C{ban} or C{mute}, its text without the reason;
  - C{joined}: room, nick, account, and rank and voice as in C{roomEntered};
    C{left}: room, nick, why, and C{kicked}, true, if a line of the room has reported it;
    C{gone}: nick, why;
  - C{renamed}: nick, to; C{away}: nick, text (empty: the person is back);
  - C{account}: nick, account: the account that the nick is logged in to now;
  - C{whispered}: nick, account, to, kind, text, time, id (empty: it is not stored);
    C{absent}: nick, text: the receiver of a private message is away;
    C{unwhispered}: nick, account, to, id: the author has deleted that message; its text is removed,
    and in C{inbox} it has the kind C{deleted};
  - C{standing}: room, nick, rank and voice as in C{roomEntered}: the rights of a member after a
    log-in or log-out;
  - C{entered}: nick, account, epoch: your name is accepted; C{roomLeft}: room;
  - C{token}: token: the secret with which another connection continues this one, by
    C{/resume} as its first line;
  - C{resumed}: nick, account, rooms, each with room and last, and epoch: you are in these rooms,
    and C{/since} shows the lines that you have missed;
  - C{restored}: room, epoch, seq, last, common, first, sure: you have named the line seq, but
    have seen it in another history than the present one.  Lines up to common (null: not known)
    are the same.  The lines that you can't have seen follow, from first on; if sure is false,
    only lines after seq, since seq may be a line of this history;
  - C{loggedIn}: nick, account, unread (private messages that arrived while you were away), and
    tokenName and scope if you have logged in by an account token;
  - C{accountToken}: name, scope, token: the requested account token, shown only once;
  - C{accountTokens}: tokens, each with name, id, scope (C{talk} or C{read}), created (a time), used
    (the hour of the last log-in by it; 0: there was none), cloak (of the address then) and
    connections (how many are logged in by it now);
  - C{prompt}: text: the next line is taken as a secret, and as nothing else;
  - C{invited}: room, by; C{read}: room, seq: you have read up to seq, maybe on another connection;
  - C{roomEntered}: room, nick, topic (as in C{topic}, or null), nicks (some), present (how
    many), joinedSeq, rank (C{member}, C{operator}, C{founder} or C{server}), private, read
    (or null), epoch, modes, key and limit as in C{modes}, and voice, true, if you may speak while
    the room is moderated, whatever your rank is; a C{replay} follows, unless C{refused} gives
    the reason why not;
  - C{unread}: room, lines (the number of others' lines, up to a thousand, that you have not read;
    not all of them are in the replay), more (there are more than these), read (as in
    C{roomEntered}): it is sent some time after C{roomEntered}, or not at all;
  - C{replay}: room, lines (the number of C{said} that follow), missing (null, or the first and the
    last number of lines no longer stored), until, and epoch after C{/since} and C{/history};
  - C{found}: lines (the number of C{said} that follow), more (there are older ones);
  - C{inbox}: letters, each with id, time, nick, to, kind and text; with (the other person,
    or empty), more;
  - C{topic}: room, text, by, time;
  - C{modes}: room, modes (the letters, sorted), key (empty: none, or not for you), limit (0: none);
  - C{stored}: room, first, last;
  - C{rooms}: rooms, each with room, present, topic;
  - C{people}: room (empty: anywhere), people, each with nick, guest, away, rank, and voice,
    true, if they have it;
  - C{person}: nick, guest, away, rooms, cloak (of the address; empty: not for you);
  - C{toOperators}: room, nick, account, kind, text, time: to the operators of a room; not stored;
  - C{wallops}: nick, text: an operator of the server to all operators;
  - C{seen}: nick, here, time (0: not known);
  - C{restraints}: room, restraints, each with kind (C{ban} or C{mute}), name, mask, by,
    time, until (a time; 0: for ever) and why;
  - C{commands}: commands, each with name, usage, meaning and permission;
  - C{notice}: lines, code (the subject; empty: the notice is for people only);
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
    HistoryRestored,
    Inbox,
    Invited,
    JoinedRoom,
    LeftRoom,
    LoggedIn,
    MarkedRead,
    MemberList,
    MessageStored,
    NewToken,
    NickChanged,
    Notice,
    Notification,
    OperatorMessage,
    PassingMessage,
    Posted,
    PresenceChanged,
    PrivateDeleted,
    PrivateMessage,
    RealnameChanged,
    RestrictionList,
    Resumed,
    ResumeToken,
    RoomList,
    RoomMessages,
    RoomModes,
    SearchResults,
    SeenReply,
    StandingChanged,
    TimeMarked,
    TokenList,
    Topic,
    UnreadLines,
    UserInvited,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
    WhoisReply,
)

#: An object without its C{type}.
Fields = dict[str, object]


def _withEpoch(fields: Fields, log: str) -> Fields:
    return {**fields, "epoch": log} if log else fields


def _topic(topic: Topic) -> Fields:
    return {"text": topic.text, "by": topic.by, "time": topic.time}


def _modes(modes: RoomModes) -> Fields:
    return {"modes": modes.letters, "key": modes.joinKey, "limit": modes.memberLimit}


def _withVoice(fields: Fields, voice: bool) -> Fields:
    return {**fields, "voice": True} if voice else fields


def _userJoined(joined: UserJoined) -> Fields:
    fields: Fields = {"room": joined.roomName, "nick": joined.nick, "account": joined.account}
    return _withVoice({**fields, "rank": joined.rank} if joined.rank else fields, joined.voice)


def _userLeft(left: UserLeft) -> Fields:
    kicked = {"kicked": True} if left.announced else {}
    return {"room": left.roomName, "nick": left.nick, "why": left.reason, **kicked}


def _private(message: PrivateMessage) -> Fields:
    return {
        "nick": message.nick,
        "account": message.account,
        "to": message.to,
        "kind": message.kind,
        "text": message.text,
        "time": message.time,
        "id": message.ident,
    }


def _privateDeleted(deleted: PrivateDeleted) -> Fields:
    return {
        "nick": deleted.nick,
        "account": deleted.account,
        "to": deleted.to,
        "id": deleted.ident,
    }


def _resumed(resumed: Resumed) -> Fields:
    rooms = [{"room": name, "last": last} for name, last in resumed.rooms]
    fields: Fields = {"nick": resumed.nick, "account": resumed.account, "rooms": rooms}
    return _withEpoch(fields, resumed.log)


def _restored(restored: HistoryRestored) -> Fields:
    return {
        "room": restored.roomName,
        "epoch": restored.log,
        "seq": restored.seq,
        "last": restored.last,
        "common": restored.common,
        "first": restored.first,
        "sure": restored.sure,
    }


def _loggedIn(event: LoggedIn) -> Fields:
    fields: Fields = {"nick": event.nick, "account": event.account, "unread": event.unread}
    if event.time:
        fields["time"] = event.time
    if event.token:
        fields |= {"tokenName": event.token, "scope": event.scope}
    return fields


def _tokens(listed: TokenList) -> Fields:
    tokens = [
        {
            "name": token.name,
            "id": token.ident,
            "scope": token.scope,
            "created": token.created,
            "used": token.used,
            "cloak": token.cloak,
            "connections": connections,
        }
        for token, connections in listed.tokens
    ]
    return {"tokens": tokens}


def _inbox(inbox: Inbox) -> Fields:
    messages = [
        {
            "id": message.ident,
            "time": message.time,
            "nick": message.nick,
            "to": message.to,
            "kind": message.kind,
            "text": message.text,
        }
        for message in inbox.messages
    ]
    return {"letters": messages, "with": inbox.other, "more": inbox.more}


def _rooms(listed: RoomList) -> Fields:
    names = ("room", "present", "topic")
    return {"rooms": [dict(zip(names, row, strict=True)) for row in listed.rooms]}


def _commands(listed: CommandList) -> Fields:
    names = ("name", "usage", "meaning", "permission")
    return {"commands": [dict(zip(names, row, strict=True)) for row in listed.commands]}


def _members(listed: MemberList) -> Fields:
    members = []
    for member in listed.members:
        away, rank = member.away, member.rank
        fields: Fields = {"nick": member.nick, "guest": member.guest, "away": away, "rank": rank}
        members.append(_withVoice(fields, member.voice))
    return {"room": listed.roomName, "people": members}


def _restrictions(listed: RestrictionList) -> Fields:
    restrictions = [
        {
            "kind": restriction.kind,
            "name": restriction.name,
            "mask": restriction.mask,
            "by": restriction.by,
            "time": restriction.time,
            "until": restriction.until,
            "why": restriction.reason,
        }
        for restriction in listed.restrictions
    ]
    return {"room": listed.roomName, "restraints": restrictions}


def _error(error: ErrorReply) -> Fields:
    return {"code": error.error.code.name, "text": str(error.error)}


_Kind = TypeVar("_Kind")


def _row(
    kind: type[_Kind], name: str, fields: Callable[[_Kind], Fields]
) -> tuple[type[_Kind], tuple[str, Callable[[_Kind], Fields]]]:
    return kind, (name, fields)


#: The type and the fields of each notification that is one object.
FIELDS: dict[type[Notification], tuple[str, Callable[[Any], Fields]]] = dict(
    (
        _row(UserJoined, "joined", _userJoined),
        _row(UserLeft, "left", _userLeft),
        _row(UserQuit, "gone", lambda event: {"nick": event.nick, "why": event.reason}),
        _row(NickChanged, "renamed", lambda event: {"nick": event.nick, "to": event.to}),
        _row(AwayChanged, "away", lambda event: {"nick": event.nick, "text": event.text}),
        _row(
            AccountChanged, "account", lambda event: {"nick": event.nick, "account": event.account}
        ),
        _row(PrivateMessage, "whispered", _private),
        _row(PrivateDeleted, "unwhispered", _privateDeleted),
        _row(
            StandingChanged,
            "standing",
            lambda event: _withVoice(
                {"room": event.roomName, "nick": event.nick, "rank": event.rank}, event.voice
            ),
        ),
        _row(AwayReply, "absent", lambda event: {"nick": event.nick, "text": event.text}),
        _row(
            Welcome,
            "entered",
            lambda event: _withEpoch({"nick": event.nick, "account": event.account}, event.log),
        ),
        _row(OperatorMessage, "wallops", lambda event: {"nick": event.nick, "text": event.text}),
        _row(ResumeToken, "token", lambda event: {"token": event.token}),
        _row(Resumed, "resumed", _resumed),
        _row(HistoryRestored, "restored", _restored),
        _row(LoggedIn, "loggedIn", _loggedIn),
        _row(
            NewToken,
            "accountToken",
            lambda event: {"name": event.name, "scope": event.scope, "token": event.token},
        ),
        _row(TokenList, "accountTokens", _tokens),
        _row(Invited, "invited", lambda event: {"room": event.roomName, "by": event.by}),
        _row(MarkedRead, "read", lambda event: {"room": event.roomName, "seq": event.seq}),
        _row(LeftRoom, "roomLeft", lambda event: {"room": event.roomName}),
        _row(
            UnreadLines,
            "unread",
            lambda event: {
                "room": event.roomName,
                "lines": event.count,
                "more": event.more,
                "read": event.read,
            },
        ),
        _row(Inbox, "inbox", _inbox),
        _row(Topic, "topic", lambda event: {"room": event.roomName, **_topic(event)}),
        _row(RoomModes, "modes", lambda event: {"room": event.roomName, **_modes(event)}),
        _row(
            MessageStored,
            "stored",
            lambda event: {"room": event.roomName, "first": event.first, "last": event.last},
        ),
        _row(RoomList, "rooms", _rooms),
        _row(MemberList, "people", _members),
        _row(
            WhoisReply,
            "person",
            lambda event: {
                "nick": event.nick,
                "guest": event.guest,
                "away": event.away,
                "rooms": event.rooms,
                "cloak": event.cloak,
            },
        ),
        _row(
            SeenReply,
            "seen",
            lambda event: {"nick": event.nick, "here": event.online, "time": event.time},
        ),
        _row(RestrictionList, "restraints", _restrictions),
        _row(CommandList, "commands", _commands),
        _row(Notice, "notice", lambda event: {"lines": event.lines, "code": event.code}),
        _row(ErrorReply, "refused", _error),
    )
)


#: The version of the meaning of types and fields.
VERSION = 1

#: The first object of a connection that has requested JSON; the frontend sends it.
FORMAT = b'{"type":"format","version":%d}\n' % VERSION

_asJSON = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def asJSON(fields: Fields) -> bytes:
    """Write an object as one line."""
    return f"{_asJSON(fields)}\n".encode("utf-8", "replace")


def prompt(text: str) -> bytes:
    """The object that asks for a secret."""
    return asJSON({"type": "prompt", "text": text})


class JSONFormatter:
    """Writes notifications for programs; stateless, so one serves all connections."""

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """Lines in UTF-8."""
        lines = [_write(notification) for notification in notifications]
        return "".join(lines).encode("utf-8", "replace")


def _messages(message: RoomMessages, end: str = "}\n") -> str:
    # The hot path: the common part of one person's lines is written once, and no dict is built
    # for a line.
    account = "null" if message.account is None else quoted(message.account)
    start = f'{{"type":"said","room":{quoted(message.roomName)},"seq":'
    ident = f',"id":{quoted(f"{message.log}-{message.position}-")[:-1]}'
    author = (
        f',"kind":{quoted(message.kind)},"nick":{quoted(message.nick)},"account":{account},"text":'
    )
    first, time, index = message.first, message.time, message.index
    return "".join(
        [
            f'{start}{first + offset}{ident}{index + offset}","time":{time + offset}'
            f"{author}{quoted(text)}{end}"
            for offset, text in enumerate(message.texts)
        ]
    )


def _replay(replay: HistoryReplay) -> str:
    head: Fields = {
        "type": "replay",
        "room": replay.roomName,
        "lines": _count(replay.messages),
        "missing": replay.missing,
        "until": replay.until,
    }
    head = _withEpoch(head, replay.log)
    lines = [_messages(message, ',"replay":true}\n') for message in replay.messages]
    return f"{_asJSON(head)}\n{''.join(lines)}"


def _searchResults(results: SearchResults) -> str:
    head = {"type": "found", "lines": _count(results.messages), "more": results.more}
    lines = [_messages(message, ',"found":true}\n') for message in results.messages]
    return f"{_asJSON(head)}\n{''.join(lines)}"


def _count(messages: Sequence[RoomMessages]) -> int:
    return sum(len(message.texts) for message in messages)


def _joinedRoom(joined: JoinedRoom) -> str:
    head: Fields = {
        "type": "roomEntered",
        "room": joined.roomName,
        "nick": joined.nick,
        "topic": _topic(joined.topic) if joined.topic.text else None,
        "nicks": joined.nicks,
        "present": joined.memberCount,
        "joinedSeq": joined.joinedSeq,
        "rank": joined.rank,
        "private": joined.private,
        "read": joined.read,
    }
    head = _withVoice(_withEpoch(head, joined.log), joined.voice)
    if joined.modes is not None:
        head |= _modes(joined.modes)
    replay = "" if joined.replay is None else _replay(joined.replay)
    return f"{_asJSON(head)}\n{replay}"


def _passing(message: PassingMessage) -> str:
    # Without a rank, it is a message between IRC clients.
    if not message.rank:
        return ""
    fields = {
        "type": "toOperators",
        "room": message.roomName,
        "nick": message.nick,
        "account": message.account,
        "kind": message.kind,
        "text": message.text,
        "time": message.time,
    }
    return f"{_asJSON(fields)}\n"


#: The writers of notifications that are several objects, or none.
_WRITE_SEVERAL: dict[type[Notification], Callable[[Any], str]] = {
    RoomMessages: _messages,
    HistoryReplay: _replay,
    SearchResults: _searchResults,
    JoinedRoom: _joinedRoom,
    PassingMessage: _passing,
    # Only IRC clients can set these, see them, or watch names.
    RealnameChanged: lambda event: "",
    UserInvited: lambda event: "",
    PresenceChanged: lambda event: "",
    TimeMarked: lambda event: "",
    # Only for programs that post over HTTP.
    Posted: lambda event: "",
}


def _write(notification: Notification) -> str:
    kind = type(notification)
    if (writeSeveral := _WRITE_SEVERAL.get(kind)) is not None:
        return writeSeveral(notification)
    name, fields = FIELDS[kind]
    return f"{_asJSON({'type': name, **fields(notification)})}\n"
