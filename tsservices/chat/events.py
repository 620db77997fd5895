"""
What sessions propose.  Pure.

An event names sessions by their ids and rooms by their keys, and carries folded names:
case folding differs between versions of Unicode, and whoever applies the event later,
or elsewhere, must find the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = 1
"""
The version of these events' shapes.
"""


@dataclass(slots=True)
class Event:
    """
    Anything that can be proposed.

    @ivar session: the id of who proposes it.
    """

    session: str


@dataclass(slots=True)
class Enter(Event):
    """
    Somebody says who they are for the first time.

    @ivar nick: what they want to be called.
    @ivar key: the same, folded.
    """

    nick: str
    key: str


@dataclass(slots=True)
class Rename(Event):
    """
    Somebody wants to be called something else.

    @ivar nick: the new name.
    @ivar key: the same, folded.
    """

    nick: str
    key: str


@dataclass(slots=True)
class Join(Event):
    """
    Somebody enters a room, which is made if it is not there.

    @ivar name: of the room.
    @ivar room: its key.
    """

    name: str
    room: str


@dataclass(slots=True)
class Part(Event):
    """
    Somebody leaves a room.

    @ivar room: its key.
    @ivar why: in their words, or nothing.
    """

    room: str
    why: str


@dataclass(slots=True)
class Quit(Event):
    """
    Somebody leaves.

    @ivar why: in their words, or in the server's.
    """

    why: str


@dataclass(slots=True)
class Say(Event):
    """
    Somebody says some lines in a room: one after another, nobody else's between.

    @ivar room: its key.
    @ivar kind: L{MESSAGE}, L{ME} or L{NOTICE}.
    @ivar texts: the lines.
    """

    room: str
    kind: str
    texts: tuple[str, ...]


@dataclass(slots=True)
class Whisper(Event):
    """
    Somebody says something to one person.

    @ivar nick: whom to, as it was written.
    @ivar key: the same, folded.
    @ivar kind: L{MESSAGE}, L{ME} or L{NOTICE}.
    @ivar text: the line.
    """

    nick: str
    key: str
    kind: str
    text: str


@dataclass(slots=True)
class SetTopic(Event):
    """
    Somebody says what a room is about.

    @ivar room: its key.
    @ivar text: what it is about; nothing takes the topic away.
    """

    room: str
    text: str


@dataclass(slots=True)
class SetAway(Event):
    """
    Somebody is away, or back.

    @ivar text: why; nothing: back.
    """

    text: str


MESSAGE, ME, NOTICE, TOPIC = "message", "me", "notice", "topic"
"""
The kinds of lines that a room numbers and keeps.
"""

_KINDS: dict[str, type[Event]] = {
    each.__name__: each
    for each in (Enter, Rename, Join, Part, Quit, Say, Whisper, SetTopic, SetAway)
}


def asJSON(event: Event) -> dict[str, Any]:
    """
    @param event: any.
    @return: what JSON can say, with the version of its shape.
    """
    return {"v": SCHEMA, "event": type(event).__name__, **asdict(event)}


def fromJSON(said: dict[str, Any]) -> Event:
    """
    @param said: what L{asJSON} gave, after any journey.
    @return: an equal event.
    @raise ValueError: its version or kind is not known here.
    """
    facts = dict(said)
    version, kind = facts.pop("v", None), facts.pop("event", None)
    if version != SCHEMA or kind not in _KINDS:
        raise ValueError(f"an event {kind!r} of version {version!r} is not known")
    if "texts" in facts:
        facts["texts"] = tuple(facts["texts"])
    return _KINDS[kind](**facts)
