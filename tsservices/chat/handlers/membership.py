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
from tsservices.chat.errors import ROOMS_FOUNDED, ChatError
from tsservices.chat.handlers.identity import releaseNick
from tsservices.chat.notifications import (
    AwayChanged,
    HistoryReplay,
    JoinedRoom,
    LeftRoom,
    UserJoined,
    UserLeft,
    UserQuit,
)
from tsservices.chat.operations import Join, Operation, Part, Quit, SetAway
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.timestamps import NANOSECONDS

#: Guests who have left, of whom it is known when.
GUESTS_REMEMBERED = 1000

#: Names shown to who enters a room; /who lists all.
NAMES_SHOWN = 50


#: The key of the room where those are who only say their name. It is everybody's.
LOBBY = "lobby"


def _join(state: ChatState, event: Join, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    if event.room in session.rooms:
        return
    state.checkJoin(session, event.room, batch.stamp)
    room = state.rooms.get(event.room) or createRoom(state, event, session, batch)
    record = room.record
    enterRoom(state, session, room, batch)
    mark = None if session.account is None else state.readMarkers.get((session.account, event.room))
    batch.reply(
        session,
        JoinedRoom(
            record.key,
            record.name,
            room.topic(),
            list(dict.fromkeys(each.nick for each in room.recipients[:NAMES_SHOWN])),
            len(room.nickCounts),
            record.seq,
            _replayFor(room, session),
            session.nick,
            state.rank(session, room),
            record.private,
            None if mark is None else mark.seq,
        ),
    )


def enterRoom(state: ChatState, session: Session, room: Room, batch: Batch) -> None:
    """Put somebody into a room."""
    record = room.record
    if room.members and session.key not in room.nickCounts:
        batch.sendToRoom(room, UserJoined(record.key, record.name, session.nick, session.account))
    batch.splitDelivery(room)
    if (standing := room.permissions.onJoin(session)) is not None:
        batch.upsert(standing)
    state.addMember(session, room)
    batch.membershipChanged(session)


def createRoom(state: ChatState, event: Join, session: Session, batch: Batch) -> Room:
    """
    Make a room.

    @raise Refused: they have made too many.
    """
    who = session.cloak if session.account is None else session.account
    if event.room != LOBBY and not state.roomCreationLimit.take(who, batch.stamp / NANOSECONDS):
        raise ChatError(ROOMS_FOUNDED)
    room = state.rooms[event.room] = Room(RoomRecord(event.room, event.name))
    if event.room != LOBBY:
        room.permissions.creator = who
        if session.account is None:
            room.permissions.guestFounder = session.ident
        else:
            room.record.founder = session.account
    return room


def _replayFor(room: Room, session: Session) -> HistoryReplay | None:
    replay = room.replay()
    first = room.permissions.firstReadable(session)
    if first <= 1:
        return replay
    if first > room.record.seq:
        return HistoryReplay(room.record.key, room.record.name, [], None, room.record.seq)
    if replay is None:
        return None
    said = [each.since(first) for each in replay.messages if each.last >= first]
    missing = replay.missing
    if missing is not None:
        missing = (max(first, missing[0]), missing[1]) if missing[1] >= first else None
    return HistoryReplay(replay.room, replay.roomName, said, missing, replay.until)


def _part(state: ChatState, event: Part, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    record = room.record
    why = "" if state.isMuted(session, room, batch.stamp) else event.reason
    partRoom(state, session, room, batch)
    if session.key not in room.nickCounts:
        batch.sendToRoom(room, UserLeft(record.key, record.name, session.nick, why))
    batch.reply(session, LeftRoom(record.key, record.name))
    batch.membershipChanged(session)


def _quit(state: ChatState, event: Quit, session: Session, batch: Batch) -> None:
    quitChat(state, session, event.reason, batch)


def _setAway(state: ChatState, event: SetAway, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    if session.away == event.text:
        return
    session.away = event.text
    rooms = [
        each for each in state.roomsOf(session) if not state.isMuted(session, each, batch.stamp)
    ]
    people = state.sharedWith(session, True, rooms)
    batch.sendTo(people, AwayChanged(session.nick, event.text))


#: What each kind of event does.
HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    Join: _join,
    Part: _part,
    Quit: _quit,
    SetAway: _setAway,
}


def quitChat(state: ChatState, session: Session, why: str, batch: Batch) -> None:
    """Somebody leaves altogether."""
    if not state.removeSession(session):
        return
    if any(state.isMuted(session, room, batch.stamp) for room in state.roomsOf(session)):
        # What they say of it would be heard there too.
        why = ""
    state.tokens.pop(session.token, None)
    releaseNick(state, session)
    # By another connection they may still be elsewhere.
    stays = session.key in state.sessionsByNick
    told: dict[str, Session] = {}
    for room in state.roomsOf(session):
        partRoom(state, session, room, batch)
        if session.key in room.nickCounts:
            continue
        if stays:
            record = room.record
            batch.sendToRoom(room, UserLeft(record.key, record.name, session.nick, why))
        else:
            told.update(room.members)
    _recordLastSeen(state, session, batch)
    if told:
        batch.sendTo(told.values(), UserQuit(session.nick, why))


def quitAll(state: ChatState, sessions: Sequence[Session], batch: Batch) -> None:
    """
    Many leave altogether, at once and without a word.  They may be most of a large room:
    those who stay are told of all together.
    """
    gone = [(each, state.roomsOf(each)) for each in sessions if state.removeSession(each)]
    for session, rooms in gone:
        state.tokens.pop(session.token, None)
        releaseNick(state, session)
        for room in rooms:
            partRoom(state, session, room, batch)
        _recordLastSeen(state, session, batch)
    told: dict[tuple[str, ...], dict[str, None]] = {}
    for session, rooms in gone:
        left = [room for room in rooms if room.members and session.key not in room.nickCounts]
        if session.key not in state.sessionsByNick:
            keys = tuple(sorted(room.record.key for room in left))
            told.setdefault(keys, {})[session.nick] = None
            continue
        for room in left:
            record = room.record
            batch.sendToRoom(room, UserLeft(record.key, record.name, session.nick, ""))
    for keys, nicks in told.items():
        people = {ident: each for key in keys for ident, each in state.rooms[key].members.items()}
        if people:
            batch.sendTo(people.values(), *[UserQuit(nick, "") for nick in nicks])


def _recordLastSeen(state: ChatState, session: Session, batch: Batch) -> None:
    """Note when somebody was last here."""
    if session.account is not None:
        detachAccount(state, session, batch)
    elif session.key not in state.sessionsByNick:
        state.lastSeenGuests[session.key] = batch.stamp
        state.lastSeenGuests.move_to_end(session.key)
        if len(state.lastSeenGuests) > GUESTS_REMEMBERED:
            state.lastSeenGuests.popitem(last=False)


def detachAccount(state: ChatState, session: Session, batch: Batch) -> None:
    """Somebody is logged out."""
    key, session.account = session.account, None
    assert key is not None
    others = tuple(each for each in state.sessionsByAccount[key] if each is not session)
    if others:
        state.sessionsByAccount[key] = others
    else:
        del state.sessionsByAccount[key]
    account = state.accounts.get(key)
    if account is not None:
        state.updateAccount(account.seenAt(batch.stamp), batch)


def partRoom(state: ChatState, session: Session, room: Room, batch: Batch) -> None:
    """Take somebody out of a room."""
    batch.splitDelivery(room)
    state.removeMember(session, room)
    if not room.members:
        batch.roomEmptied(room)
        if not room.record.seq:
            # Nothing was said in it: nobody will miss it.
            del state.rooms[room.record.key]
            state.roomCreationLimit.giveBack(room.permissions.creator)


def removeFromRoom(
    state: ChatState, room: Room, people: list[Session], batch: Batch, known: str = ""
) -> None:
    """Take people out of a room."""
    record = room.record
    for each in people:
        partRoom(state, each, room, batch)
        each.invited -= {record.key}
        if each.key != known and each.key not in room.nickCounts:
            batch.sendToRoom(room, UserLeft(record.key, record.name, each.nick, ""))
        batch.reply(each, LeftRoom(record.key, record.name))
        batch.membershipChanged(each)
