"""
What the line door of the chat says, as the clients of a test understand it: both its
forms, as the same values.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

#: A line that somebody said, in the form for people.
MESSAGE = re.compile(
    r"(\| )?\[\d\d:\d\d:\d\d\] (?:#(\S+) )?"
    r"(?:<(\S+)> |\* (\S+) )(.*)"
)

#: A new topic, in the same form.
_TOPIC = re.compile(r"(\| )?\* (?:\[\d\d:\d\d:\d\d\] )?(\S+) changed the topic of #(\S+) to: (.*)")

_IGNORED = {
    "joined",
    "left",
    "gone",
    "renamed",
    "entered",
    "format",
    "people",
    "rooms",
    "topic",
    "token",
}

_REPLAY = re.compile(r"--- #(\S+): (?:\d+ lines?|nothing) from before ---")

_ENTERED = re.compile(r"\* you are in #(\S+?)(?:, alone| with .*)")

_LEFT = re.compile(r"\* you left #(\S+)")

_STORED = re.compile(r"\* stored (\S+) (\d+)")


class Message(NamedTuple):
    """A line of a room, as somebody was told it or wrote it."""

    room: str
    kind: str
    nick: str
    text: str
    seq: int = 0
    ident: str = ""
    time: int = 0


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """A line that was said just now."""

    line: Message


@dataclass(frozen=True, slots=True)
class ReplayedMessage:
    """A line that was said before."""

    line: Message


@dataclass(frozen=True, slots=True)
class ReplayStarted:
    """Lines that were said before follow."""

    room: str
    until: int = 0
    count: int = 0
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """The one who is told this is in a room."""

    room: str
    last: int = -1
    topic: tuple[str, str, int] | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """The one who is told this is not in a room any more."""

    room: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A line of the one who is told this is stored."""

    room: str
    seq: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Words of the server."""

    text: str


@dataclass(frozen=True, slots=True)
class Error:
    """Something was not done."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """What the door should never have said."""

    text: str


Event = (
    LiveMessage
    | ReplayedMessage
    | ReplayStarted
    | Joined
    | Left
    | Stored
    | Notice
    | Error
    | Unknown
)


def parse(line: bytes) -> list[Event]:
    try:
        text = line.decode()
        return _parseObject(json.loads(text)) if text.startswith("{") else _parseText(text)
    except (ValueError, KeyError, TypeError):
        return [Unknown(repr(line))]


def _parseObject(told: dict[str, Any]) -> list[Event]:
    match told["type"]:
        case "said":
            line = Message(
                told["room"],
                told["kind"],
                told["nick"],
                told["text"],
                told["seq"],
                told["id"],
                told["time"],
            )
            return [ReplayedMessage(line) if told.get("replay") else LiveMessage(line)]
        case "replay":
            missing = told["missing"] is not None
            return [ReplayStarted(told["room"], told["until"], told["lines"], missing)]
        case "roomEntered":
            about = told["topic"]
            topic = (about["text"], about["by"], about["time"]) if about else None
            return [Joined(told["room"], told["joinedSeq"], topic)]
        case "roomLeft":
            return [Left(told["room"])]
        case "stored":
            return [Stored(told["room"], seq) for seq in range(told["first"], told["last"] + 1)]
        case "notice":
            return [Notice(text) for text in told["lines"]]
        case "refused":
            return [Error(told["text"])]
    if told["type"] in _IGNORED:
        return []
    return [Unknown(repr(told))]


def _parseText(text: str) -> list[Event]:
    if spoken := MESSAGE.fullmatch(text):
        before, room, nick, actor, said = spoken.groups()
        line = Message(room or "", "message" if nick else "me", nick or actor, said)
        return [ReplayedMessage(line) if before else LiveMessage(line)]
    if changed := _TOPIC.fullmatch(text):
        before, nick, room, said = changed.groups()
        line = Message(room, "topic", nick, said)
        return [ReplayedMessage(line) if before else LiveMessage(line)]
    if found := _STORED.fullmatch(text):
        return [Stored(found[1], int(found[2]))]
    if found := _REPLAY.fullmatch(text):
        return [ReplayStarted(found[1])]
    if found := _ENTERED.fullmatch(text):
        return [Joined(found[1])]
    if found := _LEFT.fullmatch(text):
        return [Left(found[1])]
    if text.startswith("! "):
        return [Error(text[2:])]
    if text.startswith("* ") and not text.startswith(("* stored", "* you are in", "* you left")):
        return [Notice(text[2:])]
    return [] if text.startswith(("| * ", "--- now ---")) else [Unknown(repr(text))]
