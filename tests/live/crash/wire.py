"""Both forms of the line protocol, for people and JSON, as the same events."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

_MESSAGE = re.compile(
    r"(\| )?\[\d\d:\d\d:\d\d\] (?:#(\S+) (?:\d+ )?)?"
    r"(?:<(\S+)> |\* (\S+) )(.*)"
)

_TOPIC = re.compile(
    r"(\| )?\* (?:\[\d\d:\d\d:\d\d\] (?:#\S+ \d+ )?)?(\S+) changed the topic of #(\S+) to: (.*)"
)

_STORED = re.compile(r"\* stored (\S+) (\d+)")

_REPLAY = re.compile(r"--- #(\S+): (?:\d+ lines?|nothing) from before ---")

_JOINED = re.compile(r"\* you are in #(\S+?)(?:, alone| with .*)")

_LEFT = re.compile(r"\* you left #(\S+)")

#: Types of JSON objects about other people, and answers to questions that are not checked.
_IGNORED = frozenset(
    ["joined", "left", "gone", "renamed", "entered", "format", "people", "rooms", "topic", "token"]
)


class Message(NamedTuple):
    """A message of a room, as a client wrote or received it."""

    room: str
    kind: str
    nick: str
    text: str
    seq: int = 0
    ident: str = ""
    time: int = 0


@dataclass(frozen=True, slots=True)
class LiveMessage:
    line: Message


@dataclass(frozen=True, slots=True)
class ReplayedMessage:
    line: Message


@dataclass(frozen=True, slots=True)
class ReplayStarted:
    """Replayed messages follow."""

    room: str
    until: int = 0
    count: int = 0
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    room: str
    last: int = -1
    topic: tuple[str, str, int] | None = None


@dataclass(frozen=True, slots=True)
class Left:
    room: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The acknowledgement of a message of one's own."""

    room: str
    seq: int


@dataclass(frozen=True, slots=True)
class Notice:
    text: str


@dataclass(frozen=True, slots=True)
class Error:
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """What the server should never send."""

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


def _parseObject(event: dict[str, Any]) -> list[Event]:
    match event["type"]:
        case "said":
            names = ("room", "kind", "nick", "text", "seq", "id", "time")
            message = Message(*[event[name] for name in names])
            return [ReplayedMessage(message) if event.get("replay") else LiveMessage(message)]
        case "replay":
            missing = event["missing"] is not None
            return [ReplayStarted(event["room"], event["until"], event["lines"], missing)]
        case "roomEntered":
            about = event["topic"]
            topic = (about["text"], about["by"], about["time"]) if about else None
            return [Joined(event["room"], event["joinedSeq"], topic)]
        case "roomLeft":
            return [Left(event["room"])]
        case "stored":
            return [Stored(event["room"], seq) for seq in range(event["first"], event["last"] + 1)]
        case "notice":
            return [Notice(text) for text in event["lines"]]
        case "refused":
            return [Error(event["text"])]
        case kind:
            return [] if kind in _IGNORED else [Unknown(repr(event))]


def _parseText(text: str) -> list[Event]:
    if match := _MESSAGE.fullmatch(text):
        replayed, room, nick, actor, text = match.groups()
        message = Message(room or "", "message" if nick else "me", nick or actor, text)
        return [ReplayedMessage(message) if replayed else LiveMessage(message)]
    if match := _TOPIC.fullmatch(text):
        replayed, nick, room, text = match.groups()
        message = Message(room, "topic", nick, text)
        return [ReplayedMessage(message) if replayed else LiveMessage(message)]
    if match := _STORED.fullmatch(text):
        return [Stored(match[1], int(match[2]))]
    for pattern, kind in ((_REPLAY, ReplayStarted), (_JOINED, Joined), (_LEFT, Left)):
        if match := pattern.fullmatch(text):
            return [kind(match[1])]
    if text.startswith("! "):
        return [Error(text[2:])]
    if text.startswith("* ") and not text.startswith(("* stored", "* you are in", "* you left")):
        return [Notice(text[2:])]
    return [] if text.startswith(("| * ", "--- now ---")) else [Unknown(repr(text))]
