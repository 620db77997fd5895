"""
What comes of coming and going: the events of presence.  Pure.

People are told of each other by name: who is there twice, by two connections of one
account, joins and leaves once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tsservices.chat.answers import RoomEntered, RoomLeft
from tsservices.chat.batch import Batch
from tsservices.chat.departing import depart, leave
from tsservices.chat.events import Event, Join, Part, Quit, SetAway
from tsservices.chat.happenings import AwayChanged, Joined, Left, Replay
from tsservices.chat.refusals import (
    ROOMS_FOUNDED,
    Refused,
)
from tsservices.chat.rooms import Room, RoomRecord
from tsservices.chat.sessions import Session
from tsservices.limits import NAMES_SHOWN
from tsservices.stamps import NANOSECONDS

if TYPE_CHECKING:
    from tsservices.chat.lobby import Lobby

LOBBY = "lobby"
"""
The key of the room where those are who only say their name.  It is everybody's.
"""


def _join(lobby: Lobby, event: Join, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: a room.
    @param session: who wants to enter it.
    @param batch: of this turn.
    """
    lobby.checkEntered(session)
    if event.room in session.rooms:
        return
    lobby.checkJoin(session, event.room, batch.stamp)
    room = lobby.rooms.get(event.room) or found(lobby, event, session, batch)
    record = room.record
    enter(session, room, batch)
    mark = None if session.account is None else lobby.marks.get((session.account, event.room))
    batch.answer(
        session,
        RoomEntered(
            record.key,
            record.name,
            room.topic(),
            list(dict.fromkeys(each.nick for each in room.audience[:NAMES_SHOWN])),
            len(room.names),
            record.seq,
            _readable(room, session),
            session.nick,
            lobby.rank(session, room),
            record.private,
            None if mark is None else mark.seq,
        ),
    )


def enter(session: Session, room: Room, batch: Batch) -> None:
    """
    Put somebody into a room.

    @param session: who may enter it, and is not in it.
    @param room: which room.
    @param batch: of this turn.
    """
    record = room.record
    if room.members and session.key not in room.names:
        batch.tell(room, Joined(record.key, record.name, session.nick, session.account))
    batch.cut(room)
    if (standing := room.access.entered(session)) is not None:
        batch.put(standing)
    room.enter(session)
    batch.move(session)


def found(lobby: Lobby, event: Join, session: Session, batch: Batch) -> Room:
    """
    Make a room.

    @param lobby: the state.
    @param event: its name.
    @param session: who enters it first.
    @param batch: of this turn.
    @return: the room.
    @raise Refused: they have made too many.
    """
    who = session.cloak if session.account is None else session.account
    if event.room != LOBBY and not lobby.founding.take(who, batch.stamp / NANOSECONDS):
        raise Refused(ROOMS_FOUNDED)
    room = lobby.rooms[event.room] = Room(RoomRecord(event.room, event.name))
    if event.room != LOBBY:
        room.access.maker = who
        if session.account is None:
            room.access.guestFounder = session.ident
        else:
            room.record.founder = session.account
    return room


def _readable(room: Room, session: Session) -> Replay | None:
    """
    @param room: any.
    @param session: who has just entered it.
    @return: the last lines, as far as they may be read by them; L{None} if they are not
        at hand.
    """
    replay = room.replay()
    first = room.access.readsFrom(session)
    if first <= 1:
        return replay
    if first > room.record.seq:
        return Replay(room.record.key, room.record.name, [], None, room.record.seq)
    if replay is None:
        return None
    said = [each.since(first) for each in replay.said if each.last >= first]
    missing = replay.missing
    if missing is not None:
        missing = (max(first, missing[0]), missing[1]) if missing[1] >= first else None
    return Replay(replay.room, replay.roomName, said, missing, replay.until)


def _part(lobby: Lobby, event: Part, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: a room.
    @param session: who leaves it.
    @param batch: of this turn.
    """
    room = lobby.speaker(session, event.room)
    record = room.record
    why = "" if lobby.muted(session, room, batch.stamp) else event.why
    leave(lobby, session, room, batch)
    if session.key not in room.names:
        batch.tell(room, Left(record.key, record.name, session.nick, why))
    batch.answer(session, RoomLeft(record.key, record.name))
    batch.move(session)


def _quit(lobby: Lobby, event: Quit, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: why.
    @param session: who leaves.
    @param batch: of this turn.
    """
    depart(lobby, session, event.why, batch)


def _setAway(lobby: Lobby, event: SetAway, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: why somebody is away.
    @param session: who.
    @param batch: of this turn.
    """
    lobby.checkEntered(session)
    if session.away == event.text:
        return
    session.away = event.text
    rooms = [each for each in session.rooms.values() if not lobby.muted(session, each, batch.stamp)]
    people = lobby.neighbours(session, True, rooms)
    batch.tellAll(people, AwayChanged(session.nick, event.text))


APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    Join: _join,
    Part: _part,
    Quit: _quit,
    SetAway: _setAway,
}
"""
What each kind of event does.
"""
