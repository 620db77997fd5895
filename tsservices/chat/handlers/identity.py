"""
What comes of being called something, for the first time, anew, or from another
connection.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import NICK_SHARED, NOTHING_TO_RESUME, TAKEN_OVER, Refused
from tsservices.chat.notifications import Entered, Joined, Left, Renamed, Resumed
from tsservices.chat.operations import Enter, Event, Rename, Resume
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby


def _enter(lobby: Lobby, event: Enter, session: Session, batch: Batch) -> None:
    if session.ident in lobby.sessions:
        _rename(lobby, Rename(event.session, event.nick, event.key), session, batch)
        return
    lobby.checkNick(session, event.nick, event.key)
    appear(lobby, session, event.cloak, event.token, batch.stamp)
    hold(lobby, session, event.nick, event.key)
    batch.answer(session, Entered(event.nick))


def appear(lobby: Lobby, session: Session, cloak: str, token: str, now: int) -> None:
    """
    Somebody is here, under a name that they get next.

    @param now: the time: nanoseconds since 1970, UTC.
    """
    session.cloak, session.arrived = cloak, now
    # Somebody else may go on by it already.
    session.token = "" if token in lobby.tokens else token
    # Only the node that it is connected to knows what it may have had before.
    session.away, session.held, session.invited = "", frozenset(), frozenset()
    lobby.sessions[session.ident] = session
    lobby.ended.pop(session.ident, None)
    if session.token:
        lobby.tokens[token] = session


def guestName(lobby: Lobby) -> str:
    """A name for a guest, which is its own key, and nobody else's."""
    number = 1
    while (name := f"guest-{number}") in lobby.holders or name in lobby.accounts:
        number += 1
    return name


def hold(lobby: Lobby, session: Session, nick: str, key: str) -> None:
    """Give a name to somebody who has none now."""
    session.nick, session.key = nick, key
    lobby.holders[key] = (*lobby.holders.get(key, ()), session)


def unhold(lobby: Lobby, session: Session) -> None:
    """Take somebody's name from them."""
    others = tuple(each for each in lobby.holders[session.key] if each is not session)
    if others:
        lobby.holders[session.key] = others
    else:
        del lobby.holders[session.key]


def _rename(lobby: Lobby, event: Rename, session: Session, batch: Batch) -> None:
    lobby.checkEntered(session)
    lobby.checkNick(session, event.nick, event.key)
    if session.nick == event.nick:
        return
    if len(lobby.holders[session.key]) > 1:
        raise Refused(NICK_SHARED, nick=session.nick)
    call(lobby, session, event.nick, event.key, batch)


def call(lobby: Lobby, session: Session, nick: str, key: str, batch: Batch) -> None:
    """
    Call somebody something else, and tell those who know them: in each room what it sees
    of that, since others may have the old name there, or the new one.
    """
    old, oldKey = session.nick, session.key
    told: dict[str, Session] = {session.ident: session}
    apart: list[tuple[Room, Joined | Left]] = []
    for room in lobby.roomsOf(session):
        stays = room.names[oldKey] > 1
        there = key != oldKey and key in room.names
        record = room.record
        if not stays and not there:
            told.update(room.members)
        elif not there:
            apart.append((room, Joined(record.key, record.name, nick, session.account)))
        elif not stays:
            apart.append((room, Left(record.key, record.name, old, "")))
        room.unnamed(oldKey)
        room.named(key)
    unhold(lobby, session)
    hold(lobby, session, nick, key)
    batch.tellAll(told.values(), Renamed(old, nick))
    for room, happening in apart:
        batch.tell(room, happening)


def _resume(lobby: Lobby, event: Resume, session: Session, batch: Batch) -> None:
    old = lobby.tokens.get(event.token)
    if old is None or session.ident in lobby.sessions:
        raise Refused(NOTHING_TO_RESUME)
    lobby.end(old)
    del lobby.tokens[event.token]
    appear(lobby, session, event.cloak, event.token, old.arrived)
    session.held = old.held
    session.nick, session.key, session.account = old.nick, old.key, old.account
    session.away, session.invited = old.away, old.invited
    session.ignore(old.ignores)
    session.rooms, old.rooms = old.rooms, {}
    # What it has proposed, and comes only now, is nobody's.
    old.token, old.account = "", None
    for room in lobby.roomsOf(session):
        batch.cut(room)
        room.replace(old, session)
    for names, key in ((lobby.holders, session.key), (lobby.owners, session.account)):
        if key is not None:
            names[key] = tuple(session if each is old else each for each in names[key])
    batch.dismiss(old, Refused(TAKEN_OVER))
    batch.move(session)
    rooms = [(room.record.name, room.record.seq) for room in lobby.roomsOf(session)]
    batch.answer(session, Resumed(session.nick, session.account, rooms))


#: What each kind of event does.
APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    Enter: _enter,
    Rename: _rename,
    Resume: _resume,
}
