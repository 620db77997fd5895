"""
The requests of a page: one table.  Pure.

A request is an object of JSON with C{do}, optionally C{id}, and the fields of its row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import BAD_REQUEST, COMMAND_HIDDEN, LINE_LONG, ChatError
from tsservices.chat.names import roomKey
from tsservices.chat.operations import ME, MESSAGE, NOTICE
from tsservices.chat.requests import PendingReply
from tsservices.chat.verbs import accounts, deletion, inbox, search, talk
from tsservices.chat.verbs import history as past
from tsservices.chat.verbs.checks import REGISTERED, checkPermission
from tsservices.common.limits import Limits
from tsservices.common.text import plural, visible
from tsservices.frontends.flood import FLOOD_BURST_SECONDS
from tsservices.frontends.slash import commands, parsing

#: Bytes of one message of a page.
LONGEST_MESSAGE = 65_536

#: Lines that can be said by one request.
MESSAGE_LINES = 50

#: Lines of history that can be requested at once.
HISTORY_LINES = 200

#: Returned by a verb that waits.
Waiting: TypeAlias = Coroutine[PendingReply[Any], None, None]

#: The fields of one request, by their names.
Fields: TypeAlias = Mapping[str, Any]


class WebRequestError(Exception):
    """
    A message of a page is not a request.

    @ivar ident: its id, if it has one.
    """

    def __init__(self, why: str, ident: int | None = None) -> None:
        super().__init__(why)
        self.ident = ident


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a page."""

    name: str
    fields: Fields
    #: Its id, if it is to be answered.
    ident: int | None


def mostLines(limits: Limits) -> int:
    """Return how many lines one request can say: flood control has to allow them."""
    if not limits.floodLines:
        return MESSAGE_LINES
    return min(MESSAGE_LINES, limits.floodLines * FLOOD_BURST_SECONDS)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request."""

    kind: type
    #: The value of an optional field that is missing.
    default: Any = None
    isOptional: bool = False
    #: The range of a number.
    least: int = 0
    most: int = past.HIGHEST_SEQ


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table."""

    run: Callable[[SessionController, Fields], Waiting | None]
    fields: Mapping[str, Field] = field(default_factory=dict)
    #: Runs the request without waiting, if it is not to be answered.
    atOnce: Callable[[SessionController, Fields], None] | None = None


def read(text: str) -> Request:
    """
    Parse a message of a page.

    @raise WebRequestError: it is not a request.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise WebRequestError("this is no JSON") from None
    if not isinstance(given, dict):
        raise WebRequestError("a request is an object")
    ident = given.pop("id", None)
    if ident is not None and (type(ident) is not int or not 0 <= ident < 2**53):
        raise WebRequestError("an id is a whole number")
    name = given.pop("do", None)
    row = REQUESTS.get(name) if isinstance(name, str) else None
    if row is None:
        raise WebRequestError(f"do is one of {', '.join(REQUESTS)}", ident)
    fields: dict[str, Any] = {}
    for key, wanted in row.fields.items():
        fields[key] = _value(name, key, wanted, given.pop(key, None), ident)
    if given:
        unknown = visible(next(iter(given)))[:64]
        raise WebRequestError(f"{name} has no field {unknown!r}", ident)
    return Request(name, fields, ident)


def _value(name: str, key: str, wanted: Field, value: object, ident: int | None) -> object:
    if value is None and wanted.isOptional:
        return wanted.default
    if type(value) is not wanted.kind:
        kind = "a text" if wanted.kind is str else "a whole number"
        raise WebRequestError(f"{key} of {name} is {kind}", ident)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise WebRequestError(f"{key} of {name} has half a character", ident) from None
    elif isinstance(value, int) and not wanted.least <= value <= wanted.most:
        raise WebRequestError(f"{key} of {name} is from {wanted.least} to {wanted.most}", ident)
    return value


# The requests.


def _enter(controller: SessionController, fields: Fields) -> Waiting:
    return talk.changeNick(controller, fields["nick"].strip())


def _resume(controller: SessionController, fields: Fields) -> Waiting:
    return accounts.resume(controller, fields["token"])


KINDS = {"message": MESSAGE, "me": ME, "notice": NOTICE}


def _say(controller: SessionController, fields: Fields) -> None:
    kind = KINDS.get(fields["kind"])
    if kind is None:
        raise ChatError(BAD_REQUEST, why=f"kind is one of {', '.join(KINDS)}")
    texts = _lines(controller, fields["text"])
    if texts:
        controller.sayIn(roomKey(fields["room"])[1], texts, kind)


def _lines(controller: SessionController, text: str) -> tuple[str, ...]:
    limits = controller.context.state.limits
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > (most := mostLines(limits)):
        raise ChatError(BAD_REQUEST, why=f"a message has at most {plural(most, 'line')}")
    most = limits.chatLine
    for line in lines:
        if len(line.encode()) > most:
            raise ChatError(LINE_LONG, most=most)
        if name := commands.hiddenSecretCommand(line):
            raise ChatError(COMMAND_HIDDEN, command=name)
    return tuple([line if line.isprintable() else visible(line) for line in lines])


def _whisper(controller: SessionController, fields: Fields) -> None:
    for line in _lines(controller, fields["text"]):
        talk.sendPrivate(controller, fields["nick"], line)


def _command(controller: SessionController, fields: Fields) -> Waiting | None:
    if fields["room"] is not None:
        controller.current = controller.room(fields["room"]).record.key
    most = controller.context.state.limits.chatLine
    if len(fields["line"].encode()) > most:
        raise ChatError(LINE_LONG, most=most)
    line = commands.cleanCommand(fields["line"])
    return commands.performNow(controller, line.removeprefix(parsing.SIGN))


def _join(controller: SessionController, fields: Fields) -> Waiting | None:
    key = roomKey(fields["room"])[1]
    if key in controller.session.rooms:
        controller.current = key
        return None
    return talk.join(controller, fields["room"], fields["key"])


def _part(controller: SessionController, fields: Fields) -> Waiting:
    return talk.part(controller, controller.room(fields["room"]), fields["reason"])


def _history(controller: SessionController, fields: Fields) -> Waiting:
    room, count = controller.room(fields["room"]), fields["count"]
    if fields["before"] is None:
        return past.history(controller, room, count)
    return past.before(controller, room, fields["before"], count)


def _since(controller: SessionController, fields: Fields) -> Waiting:
    room = controller.room(fields["room"])
    return past.since(controller, room, fields["seq"], fields["epoch"], fields["time"])


def _around(controller: SessionController, fields: Fields) -> Waiting:
    room = controller.room(fields["room"])
    return past.around(controller, room, fields["seq"], fields["count"])


def _search(controller: SessionController, fields: Fields) -> Waiting:
    text = fields["text"]
    if fields["room"] is None:
        text = f"{parsing.ALL_ROOMS} {text}"
    else:
        controller.current = controller.room(fields["room"]).record.key
    query = parsing.search(controller, text)
    if fields["before"]:
        query = replace(query, before=_place(fields["before"]))
    return search.search(controller, query)


def _place(ident: str) -> tuple[int, int]:
    # The position and the index of a line, from its id.
    _, *numbers = ident.rsplit("-", 2)
    if len(numbers) != 2 or not all(re.fullmatch("[0-9]{1,18}", number) for number in numbers):
        raise ChatError(BAD_REQUEST, why="before is the id of a line")
    return int(numbers[0]), int(numbers[1])


def _inbox(controller: SessionController, fields: Fields) -> Waiting:
    checkPermission(controller, REGISTERED, "have private messages kept")
    return inbox.inbox(controller, fields["with"], fields["before"])


def _read(controller: SessionController, fields: Fields) -> Waiting:
    checkPermission(controller, REGISTERED, "have it kept how far they have read")
    room = controller.room(fields["room"])
    return past.markRead(controller, room, fields["seq"], fields["epoch"], fields["time"])


def _delete(controller: SessionController, fields: Fields) -> Waiting:
    return deletion.delete(controller, controller.room(fields["room"]), fields["seq"])


def _rooms(controller: SessionController, fields: Fields) -> Waiting:
    return talk.listRooms(controller)


def _people(controller: SessionController, fields: Fields) -> Waiting:
    return talk.listMembers(controller, talk.visibleRoom(controller, fields["room"]))


def _answer(controller: SessionController, fields: Fields) -> None:
    # While a question is open, the connection takes the answer itself.
    raise ChatError(BAD_REQUEST, why="nothing was asked")


def _ping(controller: SessionController, fields: Fields) -> None:
    # A page can't see WebSocket pings, and has to check the connection after a sleep.
    pass


_TEXT = Field(str)
_SEQ = Field(int)
_NO_TEXT = Field(str, "", isOptional=True)
_MAYBE_TEXT = Field(str, None, isOptional=True)
_COUNT = Field(int, HISTORY_LINES, isOptional=True, least=1, most=HISTORY_LINES)
_TIME = Field(int, 0, isOptional=True)

#: The fields of a line that the user has seen.
_SEEN = {"room": _TEXT, "seq": _SEQ, "epoch": _NO_TEXT, "time": _TIME}

#: The request that is allowed while another one is running.
ANSWER = "answer"

#: The requests by their names in C{do}.
REQUESTS: dict[str, Row] = {
    "enter": Row(_enter, {"nick": _TEXT}),
    "resume": Row(_resume, {"token": _TEXT}),
    "say": Row(
        _say,
        {"room": _TEXT, "text": _TEXT, "kind": Field(str, "message", isOptional=True)},
        atOnce=_say,
    ),
    "whisper": Row(_whisper, {"nick": _TEXT, "text": _TEXT}, atOnce=_whisper),
    "command": Row(_command, {"room": _MAYBE_TEXT, "line": _TEXT}),
    "join": Row(_join, {"room": _TEXT, "key": _NO_TEXT}),
    "part": Row(_part, {"room": _TEXT, "reason": _NO_TEXT}),
    "history": Row(
        _history, {"room": _TEXT, "before": Field(int, None, isOptional=True), "count": _COUNT}
    ),
    "since": Row(_since, _SEEN),
    "around": Row(_around, {"room": _TEXT, "seq": _SEQ, "count": _COUNT}),
    "search": Row(_search, {"room": _MAYBE_TEXT, "text": _TEXT, "before": _NO_TEXT}),
    "inbox": Row(_inbox, {"with": _NO_TEXT, "before": _NO_TEXT}),
    "read": Row(_read, _SEEN),
    "delete": Row(_delete, {"room": _TEXT, "seq": _SEQ}),
    "rooms": Row(_rooms),
    "people": Row(_people, {"room": _TEXT}),
    ANSWER: Row(_answer, {"text": _MAYBE_TEXT}),
    "ping": Row(_ping),
}

#: The requests that are allowed before the user has a name.
NAMELESS = frozenset({"enter", "resume", "command", "rooms", ANSWER, "ping"})
