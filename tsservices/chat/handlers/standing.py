"""Notifications to rooms about changed rights of members that no line of the room shows."""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.batch import Batch
from tsservices.chat.names import fold
from tsservices.chat.notifications import StandingChanged
from tsservices.chat.permissions import MEMBER, OPERATOR_LETTER, VOICE_LETTER
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


@dataclass(frozen=True, slots=True)
class Standing:
    """The rights of a session in its rooms."""

    #: The folded name of the session in the rooms.
    key: str
    #: By the keys of the rooms: the rank, and the letters of its roles in the room.
    rooms: dict[str, tuple[str, str]]


def standingOf(state: ChatState, session: Session) -> Standing:
    """The current rights of a session; for L{reportStanding}, after a login or logout."""
    rooms = {room.record.key: _standing(state, session, room) for room in state.roomsOf(session)}
    return Standing(session.key, rooms)


def _standing(state: ChatState, session: Session, room: Room) -> tuple[str, str]:
    permissions = room.permissions
    operator = OPERATOR_LETTER if permissions.rank(session) != MEMBER else ""
    voice = VOICE_LETTER if permissions.hasVoice(session) else ""
    return state.rank(session, room), operator + voice


def reportStanding(state: ChatState, session: Session, before: Standing, batch: Batch) -> None:
    """Notify each room of a session of its changed rights."""
    if batch.schema == 1:
        return
    for room in state.roomsOf(session):
        key = room.record.key
        if room.nickCounts[session.key] > 1:
            # Another session with this name was there before, with all rights.
            continue
        oldRank, old = before.rooms[key]
        if before.key != session.key and before.key in room.nickCounts:
            # To the rooms this looks like a session that has just joined.
            oldRank, old = MEMBER, ""
        _report(state, session, room, (oldRank, old), batch)


def _report(
    state: ChatState, session: Session, room: Room, before: tuple[str, str], batch: Batch
) -> None:
    rank, new = _standing(state, session, room)
    if (rank, new) == before:
        return
    _, old = before
    modes = [f"-{letter}" for letter in old if letter not in new]
    modes += [f"+{letter}" for letter in new if letter not in old]
    voice = VOICE_LETTER in new
    record = room.record
    changed = StandingChanged(record.key, record.name, session.nick, rank, voice, "".join(modes))
    batch.sendToRoom(room, changed)


#: The rights of sessions in a room, by their folded names.
Standings = dict[str, tuple[Session, tuple[str, str]]]


def standingsBeside(state: ChatState, room: Room, account: str, name: str) -> Standings:
    """
    The current rights of the other nicks that an account has in a room; for L{reportStandings}.

    @param name: the one that the line about the change names.
    """
    return {
        session.key: (session, _standing(state, session, room))
        for session in state.sessionsByAccount.get(account, ())
        if session.key != fold(name) and session.ident in room.members
    }


def reportStandings(state: ChatState, room: Room, before: Standings, batch: Batch) -> None:
    """Notify a room of the changed rights of these nicks."""
    if batch.schema > 1:
        for session, standing in before.values():
            _report(state, session, room, standing, batch)
