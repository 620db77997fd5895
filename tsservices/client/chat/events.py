"""
What a server sends in the JSON form, read without trusting it: lines become the
notifications that the server's frontends are given.  Pure.

The form itself is described in L{tsservices.frontends.formats.json}.  Types and fields that
this client does not know are no errors, since later servers may have them; a field that is
missing, or is not of its type, reads as empty.
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

#: Numbers beyond this are none that a server writes: times in nanoseconds fit in 64 bits.
_LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FormatVersion:
    """The first object: what version of the JSON form follows."""

    version: int


@dataclass(frozen=True, slots=True)
class SecretWanted:
    """The server takes the next line as a secret."""

    text: str


@dataclass(frozen=True, slots=True)
class RoomLine:
    """One line of a room, in an object of its own."""

    #: It has one text.
    message: RoomMessages
    #: It was said before.
    replayed: bool = False
    #: It was searched for.
    found: bool = False


@dataclass(frozen=True, slots=True)
class ReplayHead:
    """So many lines follow that were said before."""

    room: str
    roomName: str
    count: int
    #: The first and the last number of those that are no longer kept, if any.
    missing: tuple[int, int] | None
    #: The epoch, if lines after a number were asked for; else empty.
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class SearchHead:
    """So many lines follow that were searched for."""

    count: int
    #: Whether there are older ones.
    more: bool


#: What an object can say.  In the JSON form replays and search results are split into a head and
#: lines, so L{RoomMessages}, L{HistoryReplay} and L{SearchResults} are not among it.
Content = Notification | FormatVersion | SecretWanted | RoomLine | ReplayHead | SearchHead


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One object from the server."""

    #: The line it came in.
    raw: str
    #: What it says; L{None}: its type is not known here.
    content: Content | None


def clean(text: str) -> str:
    """The same as one line that can do nothing to a terminal."""
    if text.isprintable():
        # Nearly all texts are, and this takes a third of the time.
        return text
    return visible(text).replace("\n", "\\n").replace("\t", "    ")


def roomKey(name: str) -> str:
    """What is the same for all forms of a room's name, with or without its sign."""
    return fold(name.removeprefix(ROOM_SIGN))


class Fields:
    """The fields of one object, each read as the type it should have, or as empty."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """A text, made harmless for terminals."""
        value = self._values.get(name)
        return clean(value) if isinstance(value, str) else ""

    def words(self, kind: str) -> str:
        """What somebody says: the text of a message, which alone may have several lines."""
        value = self._values.get("text")
        if kind not in TALK or not isinstance(value, str) or "\n" not in value:
            return self.text("text")
        return "\n".join(clean(line) for line in value.split("\n"))

    def word(self, name: str) -> str:
        # It is sent back as it is, and a line feed in it would begin a command.
        value = self._values.get(name)
        return value if isinstance(value, str) and value.split() == [value] else ""

    def number(self, name: str) -> int:
        return self.optionalNumber(name) or 0

    def optionalNumber(self, name: str) -> int | None:
        value = self._values.get(name)
        # In Python True is a number too.
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
        """The key of the room, and its name."""
        name = self.text("room")
        return roomKey(name), name


def decode(line: bytes) -> ServerEvent | None:
    """
    Read one line.

    @return: L{None} if it is no object with a type.
    """
    if not line.startswith(b"{"):
        return None
    # What is no UTF-8 is shown as it is rather than ending the client.
    text = line.decode("utf-8", "backslashreplace")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        # The latter for some thousand brackets in each other.
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
        # The epoch.  Where it stands in the order of all rooms is the server's business.
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
        # It follows, in objects of its own.
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
    # The server has put the facts into its words already, and its codes may be newer than ours.
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


#: How the objects of each type are read.
_CONTENTS: dict[str, Callable[[Fields], Content]] = {
    "format": lambda fields: FormatVersion(fields.number("version")),
    # Without a text nothing would show that the next line is taken for a secret.
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
