"""
What sessions propose.  Pure.

An event names sessions by their ids and rooms by their keys, and carries folded names:
case folding differs between versions of Unicode, and whoever applies the event later,
or elsewhere, must find the same.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    @ivar cloak: stands for their address.
    @ivar token: the digest of what lets another connection go on for this one.
    """

    nick: str
    key: str
    cloak: str = ""
    token: str = ""


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


@dataclass(slots=True)
class Delete(Event):
    """
    The text of a line is to be no more.

    @ivar room: the key of its room.
    @ivar seq: its number.
    @ivar author: the account that said it; L{None} for a guest's.
    """

    room: str
    seq: int
    author: str | None


MESSAGE, ME, NOTICE, TOPIC = "message", "me", "notice", "topic"
"""
The kinds of lines that people say.
"""

TALK = frozenset({MESSAGE, ME, NOTICE})
"""
Those of them that show at once what was typed: who said them needs not be told.
"""

KICK, BAN, UNBAN, MUTE, UNMUTE = "kick", "ban", "unban", "mute", "unmute"
OPERATOR, NO_OPERATOR, PRIVATE, PUBLIC, DELETE = "op", "deop", "private", "public", "delete"
"""
The kinds of lines that tell what was done to a room or to people in it, which the room
numbers and keeps too.  The text of each begins with the name of who is meant, and goes
on with for how long (bans and mutes) and why, if that was said; with L{DELETE} it is the
number of a line, with L{PRIVATE} and L{PUBLIC} nothing.
"""

DELETED = "deleted"
"""
The kind of a line whose text is no more.
"""
