"""
What comes of it when people leave: a room, or altogether, one or many at once.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tsservices.chat.answers import RoomLeft
from tsservices.chat.batch import Batch
from tsservices.chat.happenings import Gone, Left
from tsservices.chat.naming import unhold
from tsservices.chat.rooms import Room
from tsservices.chat.sessions import Session
from tsservices.limits import GUESTS_REMEMBERED

if TYPE_CHECKING:
    from tsservices.chat.lobby import Lobby


def depart(lobby: Lobby, session: Session, why: str, batch: Batch) -> None:
    """
    Somebody leaves altogether.

    @param lobby: the state.
    @param session: theirs.
    @param why: in their words, or in the server's.
    @param batch: of this turn.
    """
    if not lobby.end(session):
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


def departTogether(lobby: Lobby, sessions: Sequence[Session], batch: Batch) -> None:
    """
    Many leave altogether, at once and without a word.  They may be most of a large room:
    those who stay are told of all together.

    @param lobby: the state.
    @param sessions: theirs.
    @param batch: of this turn.
    """
    gone = [(each, list(each.rooms.values())) for each in sessions if lobby.end(each)]
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
        lobby.keep(account.at(batch.stamp), batch)


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


def expel(lobby: Lobby, room: Room, people: list[Session], batch: Batch, known: str = "") -> None:
    """
    Take people out of a room.

    @param lobby: the state.
    @param room: that room.
    @param people: some of its members.
    @param batch: of this turn.
    @param known: the key of the name of which the room knows already that it leaves.
    """
    record = room.record
    for each in people:
        leave(lobby, each, room, batch)
        each.invited -= {record.key}
        if each.key != known and each.key not in room.names:
            batch.tell(room, Left(record.key, record.name, each.nick, ""))
        batch.answer(each, RoomLeft(record.key, record.name))
        batch.move(each)
