"""
What comes of coming, going, and being called something: the events of presence.  Pure.

People are told of each other by name: who is there twice, by two connections of one
account, joins and leaves once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tsservices.chat.accountevents import Resume
from tsservices.chat.answers import Entered, Resumed, RoomEntered, RoomLeft
from tsservices.chat.batch import Batch
from tsservices.chat.events import Enter, Event, Join, Part, Quit, Rename, SetAway
from tsservices.chat.happenings import AwayChanged, Gone, Joined, Left, Renamed, Replay
from tsservices.chat.refusals import (
    NICK_SHARED,
    NOTHING_TO_RESUME,
    ROOMS_FOUNDED,
    TAKEN_OVER,
    Refused,
)
from tsservices.chat.rooms import Room, RoomRecord
from tsservices.chat.sessions import Session
from tsservices.limits import GUESTS_REMEMBERED, NAMES_SHOWN
from tsservices.stamps import NANOSECONDS

if TYPE_CHECKING:
    from tsservices.chat.lobby import Lobby

LOBBY = "lobby"
"""
The key of the room where those are who only say their name.  It is everybody's.
"""


def _enter(lobby: Lobby, event: Enter, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: a name.
    @param session: without one, unless it has said two before it was told of the first.
    @param batch: of this turn.
    """
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

    @param lobby: the state.
    @param session: theirs.
    @param cloak: stands for their address.
    @param token: the digest of what another connection has to know to go on for it.
    @param now: the time: nanoseconds since 1970, UTC.
    """
    session.cloak, session.token, session.arrived = cloak, token, now
    lobby.sessions[session.ident] = session
    if token:
        lobby.tokens[token] = session


def hold(lobby: Lobby, session: Session, nick: str, key: str) -> None:
    """
    Give a name to somebody who has none now.

    @param lobby: the state.
    @param session: theirs.
    @param nick: the name.
    @param key: the same, folded.
    """
    session.nick, session.key = nick, key
    lobby.holders[key] = (*lobby.holders.get(key, ()), session)


def unhold(lobby: Lobby, session: Session) -> None:
    """
    Take somebody's name from them.

    @param lobby: the state.
    @param session: theirs.
    """
    others = tuple(each for each in lobby.holders[session.key] if each is not session)
    if others:
        lobby.holders[session.key] = others
    else:
        del lobby.holders[session.key]


def _rename(lobby: Lobby, event: Rename, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: another name.
    @param session: who wants it.
    @param batch: of this turn.
    """
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

    @param lobby: the state.
    @param session: theirs.
    @param nick: the name.
    @param key: the same, folded.
    @param batch: of this turn.
    """
    old, oldKey = session.nick, session.key
    told: dict[str, Session] = {session.ident: session}
    apart: list[tuple[Room, Joined | Left]] = []
    for room in session.rooms.values():
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
    """
    @param lobby: the state.
    @param event: what the new connection knows.
    @param session: the new one, without a name.
    @param batch: of this turn.
    """
    old = lobby.tokens.get(event.token)
    if old is None or session.ident in lobby.sessions:
        raise Refused(NOTHING_TO_RESUME)
    del lobby.sessions[old.ident]
    appear(lobby, session, event.cloak, event.token, old.arrived)
    session.held = old.held
    session.nick, session.key, session.account = old.nick, old.key, old.account
    session.away, session.ignores, session.invited = old.away, old.ignores, old.invited
    session.rooms, old.rooms = old.rooms, {}
    # What it has proposed, and comes only now, is nobody's.
    old.token, old.account = "", None
    for room in session.rooms.values():
        batch.cut(room)
        room.replace(old, session)
    for names, key in ((lobby.holders, session.key), (lobby.owners, session.account)):
        if key is not None:
            names[key] = tuple(session if each is old else each for each in names[key])
    batch.dismiss(old, Refused(TAKEN_OVER))
    batch.move(session)
    rooms = [(room.record.name, room.record.seq) for room in session.rooms.values()]
    batch.answer(session, Resumed(session.nick, session.account, rooms))


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
    room = lobby.rooms.get(event.room) or _found(lobby, event, session, batch)
    record = room.record
    if room.members and session.key not in room.names:
        batch.tell(room, Joined(record.key, record.name, session.nick, session.account))
    batch.cut(room)
    if (standing := room.access.entered(session)) is not None:
        batch.put(standing)
    room.enter(session)
    batch.move(session)
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


def _found(lobby: Lobby, event: Join, session: Session, batch: Batch) -> Room:
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


def depart(lobby: Lobby, session: Session, why: str, batch: Batch) -> None:
    """
    Somebody leaves altogether.

    @param lobby: the state.
    @param session: theirs.
    @param why: in their words, or in the server's.
    @param batch: of this turn.
    """
    if lobby.sessions.pop(session.ident, None) is None:
        return
    if any(lobby.muted(session, room, batch.stamp) for room in session.rooms.values()):
        # What they say of it would be heard there too.
        why = ""
    lobby.tokens.pop(session.token, None)
    unhold(lobby, session)
    # By another connection they may still be elsewhere.
    stays = session.key in lobby.holders
    told: dict[str, Session] = {}
    for room in list(session.rooms.values()):
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


def _note(lobby: Lobby, session: Session, batch: Batch) -> None:
    """
    Note when somebody was last here.

    @param lobby: the state.
    @param session: of who leaves.
    @param batch: of this turn.
    """
    if session.account is not None:
        disown(lobby, session, batch)
    elif session.key not in lobby.holders:
        lobby.left[session.key] = batch.stamp
        lobby.left.move_to_end(session.key)
        if len(lobby.left) > GUESTS_REMEMBERED:
            lobby.left.popitem(last=False)


def disown(lobby: Lobby, session: Session, batch: Batch) -> None:
    """
    Somebody is logged out.

    @param lobby: the state.
    @param session: theirs.
    @param batch: of this turn.
    """
    key, session.account = session.account, None
    assert key is not None
    others = tuple(each for each in lobby.owners[key] if each is not session)
    if others:
        lobby.owners[key] = others
    else:
        del lobby.owners[key]
    account = lobby.accounts.get(key)
    if account is not None:
        account = lobby.accounts[key] = account.at(batch.stamp)
        batch.put(account)


def leave(lobby: Lobby, session: Session, room: Room, batch: Batch) -> None:
    """
    Take somebody out of a room.

    @param lobby: the state.
    @param session: who leaves.
    @param room: which room.
    @param batch: of this turn.
    """
    batch.cut(room)
    room.leave(session)
    if not room.members:
        batch.empty(room)
        if not room.record.seq:
            # Nothing was said in it: nobody will miss it.
            del lobby.rooms[room.record.key]
            lobby.founding.giveBack(room.access.maker)


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
    Enter: _enter,
    Rename: _rename,
    Resume: _resume,
    Join: _join,
    Part: _part,
    Quit: _quit,
    SetAway: _setAway,
}
"""
What each kind of event does.
"""
