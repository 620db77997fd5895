"""
What was done to a room, or to people in it, in sentences.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tsservices.chat.events import (
    BAN,
    DELETE,
    KICK,
    MUTE,
    NO_OPERATOR,
    OPERATOR,
    PRIVATE,
    PUBLIC,
    TOPIC,
    UNBAN,
    UNMUTE,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.said import Said
from tsservices.doors.phrases import counted

_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}

_DURATION = re.compile(f"([0-9]+)([{''.join(_UNITS)}])")


def deeds(said: Said, withRoom: bool) -> list[str]:
    """
    @param said: lines that no person has said.
    @param withRoom: whether the room is named where it need not be.
    @return: a sentence for each.
    """
    write = _WRITE.get(said.kind, _unknown)
    return [write(said, text, withRoom) for text in said.texts]


def lasting(duration: str) -> str:
    """
    @param duration: how long something lasts, as events have it: C{2h}, or C{forever}.
    @return: the same in words.
    """
    found = _DURATION.fullmatch(duration)
    if found is None:
        return "for ever"
    return f"for {counted(int(found[1]), _UNITS[found[2]])}"


def _room(said: Said) -> str:
    """
    @param said: in some room.
    @return: what the room is called.
    """
    return f"{ROOM_SIGN}{said.roomName}"


def _because(why: str) -> str:
    """
    @param why: in somebody's words, or nothing.
    @return: the same as the end of a sentence.
    """
    return f": {why}" if why else ""


def _toSomebody(before: str, after: str, preposition: str) -> Callable[[Said, str, bool], str]:
    """
    @param before: what stands before the name of who it was done to.
    @param after: what stands behind.
    @param preposition: what joins it with the room.
    @return: writes what was done to somebody.
    """

    def write(said: Said, text: str, withRoom: bool) -> str:
        name, _, why = text.partition(" ")
        where = f" {preposition} {_room(said)}" if withRoom else ""
        return f"{said.nick} {before} {name}{after}{where}{_because(why)}"

    return write


def _forSomeTime(done: str, preposition: str) -> Callable[[Said, str, bool], str]:
    """
    @param done: to somebody.
    @param preposition: what joins it with the room.
    @return: writes what was done to somebody for some time.
    """

    def write(said: Said, text: str, withRoom: bool) -> str:
        name, _, rest = text.partition(" ")
        duration, _, why = rest.partition(" ")
        where = f" {preposition} {_room(said)}" if withRoom else ""
        return f"{said.nick} {done} {name}{where} {lasting(duration)}{_because(why)}"

    return write


def _toRoom(words: str) -> Callable[[Said, str, bool], str]:
    """
    @param words: what the room is now.
    @return: writes what was done to a room.
    """
    return lambda said, text, withRoom: f"{_room(said)} is {words} now ({said.nick})"


def _topic(said: Said, text: str, withRoom: bool) -> str:
    """
    @param said: a topic.
    @param text: it, or nothing.
    @param withRoom: it is named anyway.
    @return: that it was changed.
    """
    did = "changed" if text else "removed"
    return f"{said.nick} {did} the topic of {_room(said)}{f' to: {text}' if text else ''}"


def _deleted(said: Said, text: str, withRoom: bool) -> str:
    """
    @param said: that a line is no more.
    @param text: its number.
    @param withRoom: whether the room is named.
    @return: the same.
    """
    return f"{said.nick} deleted line {text}{f' of {_room(said)}' if withRoom else ''}"


def _unknown(said: Said, text: str, withRoom: bool) -> str:
    """
    @param said: of a kind that is not known here: a newer server has kept it.
    @param text: of a line.
    @param withRoom: whether the room is named.
    @return: as much as there is to tell.
    """
    where = f" in {_room(said)}" if withRoom else ""
    return f"{said.nick} did {said.kind}{where}{_because(text)}"


_WRITE: dict[str, Callable[[Said, str, bool], str]] = {
    TOPIC: _topic,
    KICK: _toSomebody("kicked", "", "from"),
    BAN: _forSomeTime("banned", "from"),
    UNBAN: _toSomebody("unbanned", "", "from"),
    MUTE: _forSomeTime("muted", "in"),
    UNMUTE: _toSomebody("unmuted", "", "in"),
    OPERATOR: _toSomebody("made", " an operator", "of"),
    NO_OPERATOR: _toSomebody("made", " a plain member", "of"),
    PRIVATE: _toRoom("by invitation only"),
    PUBLIC: _toRoom("open to everybody"),
    DELETE: _deleted,
}
"""
What each kind of line is written by that no person has said.
"""
