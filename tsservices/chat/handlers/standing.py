"""What the members of a room are told when somebody's rights there change by logging in or out."""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.batch import Batch
from tsservices.chat.notifications import StandingChanged
from tsservices.chat.permissions import MEMBER, OPERATOR_LETTER, VOICE_LETTER
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


@dataclass(frozen=True, slots=True)
class Standing:
    """What a session may do in its rooms."""

    #: The folded name by which the rooms know it.
    key: str
    #: By the keys of the rooms: the rank, and the letters of what it is by the rights of the room.
    rooms: dict[str, tuple[str, str]]


def standingOf(state: ChatState, session: Session) -> Standing:
    """What a session may do now; for L{reportStanding}, after it has logged in or out."""
    rooms = {room.record.key: _standing(state, session, room) for room in state.roomsOf(session)}
    return Standing(session.key, rooms)


def _standing(state: ChatState, session: Session, room: Room) -> tuple[str, str]:
    permissions = room.permissions
    operator = OPERATOR_LETTER if permissions.rank(session) != MEMBER else ""
    voice = VOICE_LETTER if permissions.hasVoice(session) else ""
    return state.rank(session, room), operator + voice


def reportStanding(state: ChatState, session: Session, before: Standing, batch: Batch) -> None:
    """Tell each room of a session what has changed."""
    if batch.schema == 1:
        return
    for room in state.roomsOf(session):
        key = room.record.key
        if room.nickCounts[session.key] > 1:
            # By another connection they were there before, with all rights.
            continue
        oldRank, old = before.rooms[key]
        if before.key != session.key and before.key in room.nickCounts:
            # The rooms take this one for somebody who has just joined.
            oldRank, old = MEMBER, ""
        rank, new = _standing(state, session, room)
        if (rank, new) == (oldRank, old):
            continue
        modes = [f"-{letter}" for letter in old if letter not in new]
        modes += [f"+{letter}" for letter in new if letter not in old]
        voice = VOICE_LETTER in new
        record = room.record
        changed = StandingChanged(key, record.name, session.nick, rank, voice, "".join(modes))
        batch.sendToRoom(room, changed)
