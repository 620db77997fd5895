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
SPOKEN = re.compile(
    r"(\| )?\[\d\d:\d\d:\d\d\] (?:#(\S+) )?"
    r"(?:<(\S+)> |\* (\S+) )(.*)"
)

#: A new topic, in the same form.
_TOPIC = re.compile(r"(\| )?\* (?:\[\d\d:\d\d:\d\d\] )?(\S+) changed the topic of #(\S+) to: (.*)")

_OF_OTHERS = {
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


class Told(NamedTuple):
    """A line of a room, as somebody was told it or wrote it."""

    room: str
    kind: str
    nick: str
    text: str
    seq: int = 0
    ident: str = ""
    time: int = 0


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line that was said just now."""

    line: Told


@dataclass(frozen=True, slots=True)
class Replayed:
    """A line that was said before."""

    line: Told


@dataclass(frozen=True, slots=True)
class ReplayBegins:
    """Lines that were said before follow."""

    room: str
    until: int = 0
    count: int = 0
    missing: bool = False


@dataclass(frozen=True, slots=True)
class RoomEntered:
    """The one who is told this is in a room."""

    room: str
    last: int = -1
    topic: tuple[str, str, int] | None = None


@dataclass(frozen=True, slots=True)
class RoomLeft:
    """The one who is told this is not in a room any more."""

    room: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A line of the one who is told this is stored."""

    room: str
    seq: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """Words of the server."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Something was not done."""

    text: str


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """What the door should never have said."""

    text: str


Event = (
    Spoken
    | Replayed
    | ReplayBegins
    | RoomEntered
    | RoomLeft
    | Stored
    | Noticed
    | Refused
    | NotUnderstood
)


def understand(line: bytes) -> list[Event]:
    try:
        text = line.decode()
        return _object(json.loads(text)) if text.startswith("{") else _words(text)
    except (ValueError, KeyError, TypeError):
        return [NotUnderstood(repr(line))]


def _object(told: dict[str, Any]) -> list[Event]:
    match told["type"]:
        case "said":
            line = Told(
                told["room"],
                told["kind"],
                told["nick"],
                told["text"],
                told["seq"],
                told["id"],
                told["time"],
            )
            return [Replayed(line) if told.get("replay") else Spoken(line)]
        case "replay":
            missing = told["missing"] is not None
            return [ReplayBegins(told["room"], told["until"], told["lines"], missing)]
        case "roomEntered":
            about = told["topic"]
            topic = (about["text"], about["by"], about["time"]) if about else None
            return [RoomEntered(told["room"], told["joinedSeq"], topic)]
        case "roomLeft":
            return [RoomLeft(told["room"])]
        case "stored":
            return [Stored(told["room"], seq) for seq in range(told["first"], told["last"] + 1)]
        case "notice":
            return [Noticed(text) for text in told["lines"]]
        case "refused":
            return [Refused(told["text"])]
    if told["type"] in _OF_OTHERS:
        return []
    return [NotUnderstood(repr(told))]


def _words(text: str) -> list[Event]:
    if spoken := SPOKEN.fullmatch(text):
        before, room, nick, actor, said = spoken.groups()
        line = Told(room or "", "message" if nick else "me", nick or actor, said)
        return [Replayed(line) if before else Spoken(line)]
    if changed := _TOPIC.fullmatch(text):
        before, nick, room, said = changed.groups()
        line = Told(room, "topic", nick, said)
        return [Replayed(line) if before else Spoken(line)]
    if found := _STORED.fullmatch(text):
        return [Stored(found[1], int(found[2]))]
    if found := _REPLAY.fullmatch(text):
        return [ReplayBegins(found[1])]
    if found := _ENTERED.fullmatch(text):
        return [RoomEntered(found[1])]
    if found := _LEFT.fullmatch(text):
        return [RoomLeft(found[1])]
    if text.startswith("! "):
        return [Refused(text[2:])]
    if text.startswith("* ") and not text.startswith(("* stored", "* you are in", "* you left")):
        return [Noticed(text[2:])]
    return [] if text.startswith(("| * ", "--- now ---")) else [NotUnderstood(repr(text))]
