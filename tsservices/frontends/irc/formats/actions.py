"""Actions in a room, written for IRC: one line for each kind of message.  Pure."""

from __future__ import annotations

from typing import Protocol

from tsservices.chat.cloaks import maskOf
from tsservices.chat.handlers.modes import HIDDEN_KEY
from tsservices.chat.names import fold
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import (
    BAN,
    DELETE,
    KICK,
    MODE,
    MUTE,
    NO_OPERATOR,
    OPERATOR,
    PRIVATE,
    PUBLIC,
    TOPIC,
    UNBAN,
    UNMUTE,
)
from tsservices.chat.records import JOIN_KEY
from tsservices.chat.room import Room
from tsservices.chat.state import ChatState
from tsservices.frontends.formats.sentences import actionText
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc.isupport import CHANNEL_MODES, MEMBER_MODES
from tsservices.frontends.irc.message import BODY_BYTES
from tsservices.frontends.irc.people import Directory

_LISTS, _ALWAYS, NAMED_WHEN_SET, _FLAGS = CHANNEL_MODES

#: Modes that have an argument both when they are set and when they are removed.
ALWAYS_NAMED = "".join([_LISTS, _ALWAYS, *[letter for letter, _ in MEMBER_MODES]])


class ActionWriter(Protocol):
    """The properties of the readers for whom a line is written."""

    capabilities: frozenset[str]
    directory: Directory
    server: str


def actionLines(
    writer: ActionWriter, messages: RoomMessages, channel: str, mask: str, text: str
) -> list[str]:
    """
    Write the lines for an action; none if IRC has no line for it.

    @param text: the action: one of the texts of the messages.
    """
    capabilities, server, state = writer.capabilities, writer.server, writer.directory.state
    kind = messages.kind
    name, _, rest = text.partition(" ")
    if kind == TOPIC:
        return [f":{mask} TOPIC {channel} :{text}"]
    if kind == KICK:
        return [f":{mask} KICK {channel} {name} :{rest or messages.nick}"]
    if kind == MODE:
        return _modeLines(
            f":{mask} MODE {channel} ", _withKey(state.rooms.get(messages.room), text)
        )
    if kind in (OPERATOR, NO_OPERATOR):
        return [f":{mask} MODE {channel} {'+' if kind == OPERATOR else '-'}o {name}"]
    if kind in (BAN, UNBAN):
        return [f":{mask} MODE {channel} {'+' if kind == BAN else '-'}b {_banMask(state, name)}"]
    if kind in (PRIVATE, PUBLIC):
        return [f":{mask} MODE {channel} {'+' if kind == PRIVATE else '-'}i"]
    if kind == DELETE:
        if caps.MESSAGE_REDACTION in capabilities and messages.tags:
            return [redaction(mask, channel, *messages.tags.partition(" ")[::2])]
        return []
    if kind in (MUTE, UNMUTE):
        sentence = actionText(messages, False)[0]
        return [f":{server} NOTICE {channel} :{sentence}"]
    return []


def _modeLines(before: str, text: str) -> list[str]:
    # A line of another frontend has room for more masks than one of IRC, and a cut mask would be
    # a different mask.
    if len(f"{before}{text}".encode("utf-8", "replace")) <= BODY_BYTES:
        return [before + text]
    letters, *words = text.split(" ")
    arguments = iter(words)
    lines: list[str] = []
    sign, shown, changes, named = "+", "", "", ""
    for letter in letters:
        if letter in "+-":
            sign = letter
            continue
        withArgument = letter in ALWAYS_NAMED or (sign == "+" and letter in NAMED_WHEN_SET)
        argument = f" {next(arguments, '')}" if withArgument else ""
        change = letter if sign == shown else sign + letter
        size = len(f"{before}{changes}{change}{named}{argument}".encode("utf-8", "replace"))
        if changes and size > BODY_BYTES:
            lines.append(f"{before}{changes}{named}")
            change, changes, named = sign + letter, "", ""
        shown, changes, named = sign, changes + change, named + argument
    return [*lines, f"{before}{changes}{named}"]


def _withKey(room: Room | None, text: str) -> str:
    # The stored text hides the key of a room.  Members may know it, and their clients rejoin with
    # the key of this line: irssi, WeeChat and bouncers rejoined with the placeholder.
    letters, *arguments = text.split(" ")
    joinKey = "" if room is None else room.storedRecord.joinKey
    before = letters.partition(JOIN_KEY)[0]
    isSet = letters.count(JOIN_KEY) == 1 and before.rfind("+") > before.rfind("-")
    if not isSet or not joinKey or joinKey.startswith(":"):
        return text
    return " ".join([letters, *[joinKey if it == HIDDEN_KEY else it for it in arguments]])


def _banMask(state: ChatState, name: str) -> str:
    # The mask that is written for a ban by name.
    account = state.accounts.get(fold(name))
    if account is not None:
        return maskOf(account.key)
    return f"{name}!*@*"


def redaction(mask: str, target: str, ident: str, reason: str) -> str:
    """Write the line for the deletion of a message."""
    why = f" :{reason}" if reason else ""
    return f":{mask} REDACT {target} {ident}{why}"
