"""
The decoder of the server's JSON format: lines become the notification classes that the server's
frontends use.  Pure; the input is not trusted.

The format is described in L{tsservices.frontends.formats.json}.  Unknown types and fields are not
errors, because newer servers may send them; a field that is missing or of a wrong type is read as
empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tsservices.chat.errors import ChatError, ErrorCode
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    CommandList,
    ErrorReply,
    HistoryRestored,
    Inbox,
    Invited,
    JoinedRoom,
    LeftRoom,
    LoggedIn,
    MarkedRead,
    Member,
    MemberList,
    MessageStored,
    NewToken,
    NickChanged,
    Notice,
    Notification,
    OperatorMessage,
    PassingMessage,
    PrivateDeleted,
    PrivateMessage,
    RestrictionList,
    Resumed,
    ResumeToken,
    RoomList,
    RoomMessages,
    RoomModes,
    SeenReply,
    StandingChanged,
    TokenList,
    Topic,
    UnreadLines,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
    WhoisReply,
)
from tsservices.chat.operations import TALK
from tsservices.chat.permissions import OPERATOR
from tsservices.chat.records import AccountToken, Restriction, StoredPrivateMessage
from tsservices.common.text import visible

#: A server writes no larger numbers: times in nanoseconds fit in 64 bits.
_LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FormatVersion:
    """The first object: the version of the JSON format."""

    version: int


@dataclass(frozen=True, slots=True)
class SecretWanted:
    """The server's prompt for a secret: it takes the next line as one."""

    text: str


@dataclass(frozen=True, slots=True)
class RoomLine:
    """One line of a room, in an object of its own."""

    #: The line, with one text.
    message: RoomMessages
    #: Whether it is part of a replay of old lines.
    replayed: bool = False
    #: Whether it is a search result.
    found: bool = False


@dataclass(frozen=True, slots=True)
class ReplayHead:
    """The head of a replay of old lines."""

    room: str
    roomName: str
    count: int
    #: The first and the last number of the lines that are no longer kept, if any.
    missing: tuple[int, int] | None
    #: The epoch, if lines after a number were requested; otherwise empty.
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class SearchHead:
    """The head of search results."""

    count: int
    #: Whether there are older results.
    more: bool


#: The content of an object.  L{RoomMessages}, L{HistoryReplay} and L{SearchResults} never occur,
#: because the JSON format splits replays and search results into a head and lines.
Content = Notification | FormatVersion | SecretWanted | RoomLine | ReplayHead | SearchHead


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One object from the server."""

    #: The received line.
    raw: str
    #: L{None}: its type is unknown.
    content: Content | None


def clean(text: str) -> str:
    """Make a text a single line without terminal control characters."""
    if text.isprintable():
        # Nearly all texts are printable, for which this takes a third of the time.
        return text
    return visible(text).replace("\n", "\\n").replace("\t", "    ")


def roomKey(name: str) -> str:
    """Return the key of a room, the same for all spellings of its name, with or without sign."""
    return fold(name.removeprefix(ROOM_SIGN))


class Fields:
    """The fields of one object; a field that is missing or of a wrong type is read as empty."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """Read a text, without terminal control characters."""
        value = self._values.get(name)
        return clean(value) if isinstance(value, str) else ""

    def words(self, kind: str) -> str:
        """Read the text of a message, the only field that may have several lines."""
        value = self._values.get("text")
        if kind not in TALK or not isinstance(value, str) or "\n" not in value:
            return self.text("text")
        return "\n".join(clean(line) for line in value.split("\n"))

    def word(self, name: str) -> str:
        # Words are sent back unchanged, where a line feed would begin another command.
        value = self._values.get(name)
        return value if isinstance(value, str) and value.split() == [value] else ""

    def number(self, name: str) -> int:
        return self.optionalNumber(name) or 0

    def optionalNumber(self, name: str) -> int | None:
        value = self._values.get(name)
        # In Python, bool is a subclass of int.
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST_NUMBER:
            return None
        return value

    def has(self, name: str) -> bool:
        return name in self._values

    def flag(self, name: str) -> bool:
        return self._values.get(name) is True

    def texts(self, name: str) -> list[str]:
        value = self._values.get(name)
        values = value if isinstance(value, list) else []
        return [clean(text) for text in values if isinstance(text, str)]

    def numberPair(self, name: str) -> tuple[int, int] | None:
        value = self._values.get(name)
        if isinstance(value, list) and len(value) == 2:
            first, last = value
            if isinstance(first, int) and isinstance(last, int):
                return first, last
        return None

    def objects(self, name: str) -> list[Fields]:
        value = self._values.get(name)
        values = value if isinstance(value, list) else []
        return [Fields(fields) for fields in values if isinstance(fields, dict)]

    def object(self, name: str) -> Fields:
        value = self._values.get(name)
        return Fields(value if isinstance(value, dict) else {})

    def account(self) -> str | None:
        return self.text("account") or None

    def room(self) -> tuple[str, str]:
        """Read the key and the name of the room."""
        name = self.text("room")
        return roomKey(name), name


def decode(line: bytes) -> ServerEvent | None:
    """
    Decode one line.

    @return: L{None} if the line is no object with a type.
    """
    if not line.startswith(b"{"):
        return None
    # Bytes that are not UTF-8 are shown escaped, instead of ending the client.
    text = line.decode("utf-8", "backslashreplace")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        # RecursionError is raised for thousands of nested brackets.
        return None
    kind = values.get("type") if isinstance(values, dict) else None
    if not isinstance(kind, str):
        return None
    read = _CONTENTS.get(kind)
    return ServerEvent(text, None if read is None else read(Fields(values)))


def _line(fields: Fields) -> RoomLine:
    message = RoomMessages(
        *fields.room(),
        first=fields.number("seq"),
        time=fields.number("time"),
        # The epoch.  The position, in the order of all rooms, is not sent to clients.
        log=fields.word("id").rpartition("-")[0].rpartition("-")[0],
        position=0,
        index=0,
        kind=fields.text("kind"),
        nick=fields.text("nick"),
        account=fields.account(),
        session="",
        texts=(fields.words(fields.text("kind")),),
    )
    return RoomLine(message, fields.flag("replay"), fields.flag("found"))


def _topic(room: tuple[str, str], fields: Fields) -> Topic:
    return Topic(*room, fields.text("text"), fields.text("by"), fields.number("time"))


def _modes(room: tuple[str, str], fields: Fields) -> RoomModes:
    letters, limit = fields.word("modes"), fields.number("limit")
    return RoomModes(*room, letters, fields.word("key"), limit)


def _joinedRoom(fields: Fields) -> JoinedRoom:
    room = fields.room()
    return JoinedRoom(
        *room,
        _topic(room, fields.object("topic")),
        fields.texts("nicks"),
        fields.number("present"),
        fields.number("joinedSeq"),
        # The history follows in objects of its own.
        None,
        fields.text("nick"),
        fields.text("rank"),
        fields.flag("private"),
        fields.optionalNumber("read"),
        fields.word("epoch"),
        _modes(room, fields) if fields.has("modes") else None,
        fields.flag("voice"),
    )


def _resumed(fields: Fields) -> Resumed:
    rooms = [(room.text("room"), room.number("last")) for room in fields.objects("rooms")]
    return Resumed(fields.text("nick"), fields.account(), rooms, fields.word("epoch"))


def _restored(fields: Fields) -> HistoryRestored:
    return HistoryRestored(
        *fields.room(),
        fields.word("epoch"),
        fields.number("seq"),
        fields.number("last"),
        fields.optionalNumber("common"),
        fields.number("first"),
        fields.flag("sure"),
    )


def _private(fields: Fields) -> PrivateMessage:
    nick = fields.text("nick")
    to, kind = fields.text("to"), fields.text("kind")
    text = fields.words(kind)
    time, ident = fields.number("time"), fields.text("id")
    return PrivateMessage(nick, "", fields.account(), to, kind, text, time, ident)


def _inbox(fields: Fields) -> Inbox:
    messages = [
        StoredPrivateMessage(
            message.text("id"),
            message.number("time"),
            "",
            "",
            message.text("nick"),
            message.text("to"),
            message.text("kind"),
            message.words(message.text("kind")),
        )
        for message in fields.objects("letters")
    ]
    return Inbox(messages, fields.text("with"), fields.flag("more"))


def _members(fields: Fields) -> MemberList:
    members = [
        Member(
            member.text("nick"),
            member.flag("guest"),
            member.text("away"),
            member.text("rank"),
            member.flag("voice"),
        )
        for member in fields.objects("people")
    ]
    return MemberList(fields.text("room"), members)


def _restrictions(fields: Fields) -> RestrictionList:
    key, name = fields.room()
    restrictions = [
        Restriction(
            key,
            row.text("kind"),
            row.text("mask"),
            row.text("name"),
            row.text("by"),
            row.number("time"),
            row.number("until"),
            row.text("why"),
        )
        for row in fields.objects("restraints")
    ]
    return RestrictionList(key, name, restrictions)


def _commands(fields: Fields) -> CommandList:
    return CommandList(
        [
            (name, row.text("usage"), row.text("meaning"), row.text("permission"))
            for row in fields.objects("commands")
            if (name := row.text("name"))
        ]
    )


def _tokens(fields: Fields) -> TokenList:
    return TokenList(
        [
            (
                AccountToken(
                    row.text("id"),
                    "",
                    row.text("name"),
                    row.text("name"),
                    row.text("scope"),
                    "",
                    row.number("created"),
                    row.number("used"),
                    row.text("cloak"),
                ),
                row.number("connections"),
            )
            for row in fields.objects("tokens")
        ]
    )


def _rooms(fields: Fields) -> RoomList:
    return RoomList(
        [
            (room.text("room"), room.number("present"), room.text("topic"))
            for room in fields.objects("rooms")
        ]
    )


def _error(fields: Fields) -> ErrorReply:
    # The server's text has the arguments filled in, and its code may be unknown here.
    code = fields.text("code")
    return ErrorReply(ChatError(ErrorCode(code, "{text}"), text=fields.text("text") or code))


def _toOperators(fields: Fields) -> PassingMessage:
    return PassingMessage(
        fields.text("nick"),
        fields.account(),
        "",
        "",
        *fields.room(),
        "",
        "",
        fields.number("time"),
        "",
        fields.text("kind"),
        fields.words(fields.text("kind")),
        OPERATOR,
    )


#: The decoders of the objects, by type.
_CONTENTS: dict[str, Callable[[Fields], Content]] = {
    "format": lambda fields: FormatVersion(fields.number("version")),
    # An empty prompt would not show that the next line is taken as a secret.
    "prompt": lambda fields: SecretWanted(fields.text("text") or "secret: "),
    "said": _line,
    "replay": lambda fields: ReplayHead(
        *fields.room(), fields.number("lines"), fields.numberPair("missing"), fields.word("epoch")
    ),
    "found": lambda fields: SearchHead(fields.number("lines"), fields.flag("more")),
    "joined": lambda fields: UserJoined(
        *fields.room(),
        fields.text("nick"),
        fields.account(),
        fields.text("rank"),
        fields.flag("voice"),
    ),
    "left": lambda fields: UserLeft(
        *fields.room(), fields.text("nick"), fields.text("why"), fields.flag("kicked")
    ),
    "gone": lambda fields: UserQuit(fields.text("nick"), fields.text("why")),
    "renamed": lambda fields: NickChanged(fields.text("nick"), fields.text("to")),
    "away": lambda fields: AwayChanged(fields.text("nick"), fields.text("text")),
    "absent": lambda fields: AwayReply(fields.text("nick"), fields.text("text")),
    "account": lambda fields: AccountChanged(fields.text("nick"), fields.account()),
    "whispered": _private,
    "unwhispered": lambda fields: PrivateDeleted(
        fields.text("nick"), fields.account(), "", "", fields.text("to"), fields.word("id")
    ),
    "standing": lambda fields: StandingChanged(
        *fields.room(), fields.text("nick"), fields.text("rank"), fields.flag("voice")
    ),
    "toOperators": _toOperators,
    "wallops": lambda fields: OperatorMessage(fields.text("nick"), None, "", fields.text("text")),
    "inbox": _inbox,
    "entered": lambda fields: Welcome(fields.text("nick"), fields.account(), fields.word("epoch")),
    "loggedIn": lambda fields: LoggedIn(
        fields.text("nick"),
        fields.text("account"),
        fields.number("unread"),
        fields.number("time"),
        fields.text("tokenName"),
        fields.text("scope"),
    ),
    "accountToken": lambda fields: NewToken(
        fields.text("name"), fields.text("scope"), fields.word("token")
    ),
    "accountTokens": _tokens,
    "resumed": _resumed,
    "restored": _restored,
    "token": lambda fields: ResumeToken(fields.word("token")),
    "roomEntered": _joinedRoom,
    "unread": lambda fields: UnreadLines(
        *fields.room(), fields.number("lines"), fields.flag("more"), fields.number("read")
    ),
    "roomLeft": lambda fields: LeftRoom(*fields.room()),
    "invited": lambda fields: Invited(*fields.room(), fields.text("by"), ""),
    "read": lambda fields: MarkedRead(*fields.room(), fields.number("seq")),
    "stored": lambda fields: MessageStored(
        *fields.room(), fields.number("first"), fields.number("last")
    ),
    "topic": lambda fields: _topic(fields.room(), fields),
    "modes": lambda fields: _modes(fields.room(), fields),
    "rooms": _rooms,
    "people": _members,
    "person": lambda fields: WhoisReply(
        fields.text("nick"),
        fields.flag("guest"),
        fields.text("away"),
        fields.texts("rooms"),
        fields.text("cloak"),
    ),
    "seen": lambda fields: SeenReply(
        fields.text("nick"), fields.flag("here"), fields.number("time")
    ),
    "restraints": _restrictions,
    "commands": _commands,
    "notice": lambda fields: Notice(fields.texts("lines"), fields.text("code")),
    "refused": _error,
}
