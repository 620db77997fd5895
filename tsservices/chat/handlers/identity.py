"""
What comes of being called something, for the first time, anew, or from another
connection.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import NICK_SHARED, NOTHING_TO_RESUME, TAKEN_OVER, ChatError
from tsservices.chat.notifications import NickChanged, Resumed, UserJoined, UserLeft, Welcome
from tsservices.chat.operations import Enter, Operation, Rename, Resume
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def _enter(state: ChatState, event: Enter, session: Session, batch: Batch) -> None:
    if session.ident in state.sessions:
        _rename(state, Rename(event.session, event.nick, event.key), session, batch)
        return
    state.checkNick(session, event.nick, event.key)
    admit(state, session, event.cloak, event.token, batch.stamp)
    claimNick(state, session, event.nick, event.key)
    batch.reply(session, Welcome(event.nick))


def admit(state: ChatState, session: Session, cloak: str, token: str, now: int) -> None:
    """
    Somebody is here, under a name that they get next.

    @param now: the time: nanoseconds since 1970, UTC.
    """
    session.cloak, session.connectedAt = cloak, now
    # Somebody else may go on by it already.
    session.token = "" if token in state.tokens else token
    # Only the node that it is connected to knows what it may have had before.
    session.away, session.inheritedRestrictions, session.invited = "", frozenset(), frozenset()
    state.sessions[session.ident] = session
    state.endedSessions.pop(session.ident, None)
    if session.token:
        state.tokens[token] = session


def guestName(state: ChatState) -> str:
    """A name for a guest, which is its own key, and nobody else's."""
    number = 1
    while (name := f"guest-{number}") in state.sessionsByNick or name in state.accounts:
        number += 1
    return name


def claimNick(state: ChatState, session: Session, nick: str, key: str) -> None:
    """Give a name to somebody who has none now."""
    session.nick, session.key = nick, key
    state.sessionsByNick[key] = (*state.sessionsByNick.get(key, ()), session)


def releaseNick(state: ChatState, session: Session) -> None:
    """Take somebody's name from them."""
    others = tuple(each for each in state.sessionsByNick[session.key] if each is not session)
    if others:
        state.sessionsByNick[session.key] = others
    else:
        del state.sessionsByNick[session.key]


def _rename(state: ChatState, event: Rename, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    state.checkNick(session, event.nick, event.key)
    if session.nick == event.nick:
        return
    if len(state.sessionsByNick[session.key]) > 1:
        raise ChatError(NICK_SHARED, nick=session.nick)
    rename(state, session, event.nick, event.key, batch)


def rename(state: ChatState, session: Session, nick: str, key: str, batch: Batch) -> None:
    """
    Call somebody something else, and tell those who know them: in each room what it sees
    of that, since others may have the old name there, or the new one.
    """
    old, oldKey = session.nick, session.key
    told: dict[str, Session] = {session.ident: session}
    apart: list[tuple[Room, UserJoined | UserLeft]] = []
    for room in state.roomsOf(session):
        stays = room.nickCounts[oldKey] > 1
        there = key != oldKey and key in room.nickCounts
        record = room.record
        if not stays and not there:
            told.update(room.members)
        elif not there:
            apart.append((room, UserJoined(record.key, record.name, nick, session.account)))
        elif not stays:
            apart.append((room, UserLeft(record.key, record.name, old, "")))
        room.removeNick(oldKey)
        room.addNick(key)
    releaseNick(state, session)
    claimNick(state, session, nick, key)
    batch.sendTo(told.values(), NickChanged(old, nick))
    for room, happening in apart:
        batch.sendToRoom(room, happening)


def _resume(state: ChatState, event: Resume, session: Session, batch: Batch) -> None:
    old = state.tokens.get(event.token)
    if old is None or session.ident in state.sessions:
        raise ChatError(NOTHING_TO_RESUME)
    state.removeSession(old)
    del state.tokens[event.token]
    admit(state, session, event.cloak, event.token, old.connectedAt)
    session.inheritedRestrictions = old.inheritedRestrictions
    session.nick, session.key, session.account = old.nick, old.key, old.account
    session.away, session.invited = old.away, old.invited
    session.setIgnored(old.ignores)
    session.rooms, old.rooms = old.rooms, {}
    # What it has proposed, and comes only now, is nobody's.
    old.token, old.account = "", None
    for room in state.roomsOf(session):
        batch.splitDelivery(room)
        room.replaceSession(old, session)
    for names, key in (
        (state.sessionsByNick, session.key),
        (state.sessionsByAccount, session.account),
    ):
        if key is not None:
            names[key] = tuple(session if each is old else each for each in names[key])
    batch.disconnect(old, ChatError(TAKEN_OVER))
    batch.membershipChanged(session)
    rooms = [(room.record.name, room.record.seq) for room in state.roomsOf(session)]
    batch.reply(session, Resumed(session.nick, session.account, rooms))


#: What each kind of event does.
HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    Enter: _enter,
    Rename: _rename,
    Resume: _resume,
}
