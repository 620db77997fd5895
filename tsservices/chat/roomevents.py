"""
What is proposed to keep order in a room.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.events import Event


@dataclass(slots=True)
class SetOperator(Event):
    """
    Somebody is to look after a room, or not any more.

    @ivar room: its key.
    @ivar name: who, as it was written.
    @ivar key: the same, folded.
    @ivar on: whether they are to.
    """

    room: str
    name: str
    key: str
    on: bool


@dataclass(slots=True)
class Kick(Event):
    """
    Somebody is to leave a room at once.

    @ivar room: its key.
    @ivar name: who, as it was written.
    @ivar key: the same, folded.
    @ivar why: in the words of who says so.
    """

    room: str
    name: str
    key: str
    why: str


@dataclass(slots=True)
class Restrain(Event):
    """
    Somebody may not enter a room, or not speak in it, for some time.

    @ivar room: its key.
    @ivar kind: L{BAN} or L{MUTE}.
    @ivar name: who, as it was written: a name, or the cloak of an address.
    @ivar key: the same, folded.
    @ivar seconds: for how long; 0: for ever.
    @ivar why: in the words of who says so.
    """

    room: str
    kind: str
    name: str
    key: str
    seconds: int
    why: str


@dataclass(slots=True)
class Release(Event):
    """
    Somebody may again.

    @ivar room: its key.
    @ivar kind: L{BAN} or L{MUTE}.
    @ivar name: who, as it was written: a name, or the cloak of an address.
    @ivar key: the same, folded.
    """

    room: str
    kind: str
    name: str
    key: str


@dataclass(slots=True)
class SetPrivate(Event):
    """
    A room is to be entered by invitation only, or by everybody.

    @ivar room: its key.
    @ivar on: whether by invitation.
    """

    room: str
    on: bool


@dataclass(slots=True)
class Invite(Event):
    """
    Somebody may enter a private room.

    @ivar room: its key.
    @ivar name: who, as it was written.
    @ivar key: the same, folded.
    """

    room: str
    name: str
    key: str
