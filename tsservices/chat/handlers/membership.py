"""
What comes of coming and going: the events of presence.  Pure.

People are told of each other by name: who is there twice, by two connections of one
account, joins and leaves once.

What comes of it when people leave: a room, or altogether, one or many at once.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import ROOMS_FOUNDED, Refused
from tsservices.chat.handlers.identity import unhold
from tsservices.chat.notifications import (
    AwayChanged,
    Gone,
    Joined,
    Left,
    Replay,
    RoomEntered,
    RoomLeft,
)
from tsservices.chat.operations import Event, Join, Part, Quit, SetAway
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby
from tsservices.common.limits import GUESTS_REMEMBERED, NAMES_SHOWN
from tsservices.common.timestamps import NANOSECONDS

#: The key of the room where those are who only say their name. It is everybody's.
LOBBY = "lobby"


def _join(lobby: Lobby, event: Join, session: Session, batch: Batch) -> None:
    lobby.checkEntered(session)
    if event.room in session.rooms:
        return
    lobby.checkJoin(session, event.room, batch.stamp)
    room = lobby.rooms.get(event.room) or found(lobby, event, session, batch)
    record = room.record
    enter(lobby, session, room, batch)
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


def enter(lobby: Lobby, session: Session, room: Room, batch: Batch) -> None:
    """Put somebody into a room."""
    record = room.record
    if room.members and session.key not in room.names:
        batch.tell(room, Joined(record.key, record.name, session.nick, session.account))
    batch.cut(room)
    if (standing := room.access.entered(session)) is not None:
        batch.put(standing)
    lobby.enter(session, room)
    batch.move(session)


def found(lobby: Lobby, event: Join, session: Session, batch: Batch) -> Room:
    """
    Make a room.

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
    room = lobby.speaker(session, event.room)
    record = room.record
    why = "" if lobby.muted(session, room, batch.stamp) else event.why
    leave(lobby, session, room, batch)
    if session.key not in room.names:
        batch.tell(room, Left(record.key, record.name, session.nick, why))
    batch.answer(session, RoomLeft(record.key, record.name))
    batch.move(session)


def _quit(lobby: Lobby, event: Quit, session: Session, batch: Batch) -> None:
    depart(lobby, session, event.why, batch)


def _setAway(lobby: Lobby, event: SetAway, session: Session, batch: Batch) -> None:
    lobby.checkEntered(session)
    if session.away == event.text:
        return
    session.away = event.text
    rooms = [each for each in lobby.roomsOf(session) if not lobby.muted(session, each, batch.stamp)]
    people = lobby.neighbours(session, True, rooms)
    batch.tellAll(people, AwayChanged(session.nick, event.text))


#: What each kind of event does.
APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    Join: _join,
    Part: _part,
    Quit: _quit,
    SetAway: _setAway,
}


def depart(lobby: Lobby, session: Session, why: str, batch: Batch) -> None:
    """Somebody leaves altogether."""
    if not lobby.end(session):
        return
    if any(lobby.muted(session, room, batch.stamp) for room in lobby.roomsOf(session)):
        # What they say of it would be heard there too.
        why = ""
    lobby.tokens.pop(session.token, None)
    unhold(lobby, session)
    # By another connection they may still be elsewhere.
    stays = session.key in lobby.holders
    told: dict[str, Session] = {}
    for room in lobby.roomsOf(session):
        leave(lobby, session, room, batch)
        if session.key in room.names:
            continue
        if stays:
            record = room.record
            batch.tell(room, Left(record.key, record.name, session.nick, why))
        else:
            told.update(room.members)
    _note(lobby, session, batch)
    if told:
        batch.tellAll(told.values(), Gone(session.nick, why))


def departTogether(lobby: Lobby, sessions: Sequence[Session], batch: Batch) -> None:
    """
    Many leave altogether, at once and without a word.  They may be most of a large room:
    those who stay are told of all together.
    """
    gone = [(each, lobby.roomsOf(each)) for each in sessions if lobby.end(each)]
    for session, rooms in gone:
        lobby.tokens.pop(session.token, None)
        unhold(lobby, session)
        for room in rooms:
            leave(lobby, session, room, batch)
        _note(lobby, session, batch)
    told: dict[tuple[str, ...], dict[str, None]] = {}
    for session, rooms in gone:
        left = [room for room in rooms if room.members and session.key not in room.names]
        if session.key not in lobby.holders:
            keys = tuple(sorted(room.record.key for room in left))
            told.setdefault(keys, {})[session.nick] = None
            continue
        for room in left:
            record = room.record
            batch.tell(room, Left(record.key, record.name, session.nick, ""))
    for keys, nicks in told.items():
        people = {ident: each for key in keys for ident, each in lobby.rooms[key].members.items()}
        if people:
            batch.tellAll(people.values(), *[Gone(nick, "") for nick in nicks])


def _note(lobby: Lobby, session: Session, batch: Batch) -> None:
    """Note when somebody was last here."""
    if session.account is not None:
        disown(lobby, session, batch)
    elif session.key not in lobby.holders:
        lobby.left[session.key] = batch.stamp
        lobby.left.move_to_end(session.key)
        if len(lobby.left) > GUESTS_REMEMBERED:
            lobby.left.popitem(last=False)


def disown(lobby: Lobby, session: Session, batch: Batch) -> None:
    """Somebody is logged out."""
    key, session.account = session.account, None
    assert key is not None
    others = tuple(each for each in lobby.owners[key] if each is not session)
    if others:
        lobby.owners[key] = others
    else:
        del lobby.owners[key]
    account = lobby.accounts.get(key)
    if account is not None:
        lobby.keep(account.at(batch.stamp), batch)


def leave(lobby: Lobby, session: Session, room: Room, batch: Batch) -> None:
    """Take somebody out of a room."""
    batch.cut(room)
    lobby.leave(session, room)
    if not room.members:
        batch.empty(room)
        if not room.record.seq:
            # Nothing was said in it: nobody will miss it.
            del lobby.rooms[room.record.key]
            lobby.founding.giveBack(room.access.maker)


def expel(lobby: Lobby, room: Room, people: list[Session], batch: Batch, known: str = "") -> None:
    """Take people out of a room."""
    record = room.record
    for each in people:
        leave(lobby, each, room, batch)
        each.invited -= {record.key}
        if each.key != known and each.key not in room.names:
            batch.tell(room, Left(record.key, record.name, each.nick, ""))
        batch.answer(each, RoomLeft(record.key, record.name))
        batch.move(each)
