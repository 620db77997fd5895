"""
What comes of bans and mutes: who is held, and by what else than their name.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import NOT_RESTRAINED, ONESELF, RESTRAINTS_ALL, Refused
from tsservices.chat.handlers.membership import expel
from tsservices.chat.handlers.messages import keep
from tsservices.chat.handlers.targets import Target, checkBelow, checkRank, targetOf
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.operations import BAN, UNBAN, UNMUTE, Event, Release, Restrain
from tsservices.chat.permissions import OPERATOR as OPERATOR_RANK
from tsservices.chat.records import Restraint
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby
from tsservices.common.durations import spanText
from tsservices.common.limits import RESTRAINTS_EACH
from tsservices.common.timestamps import NANOSECONDS


def _restrain(lobby: Lobby, event: Restrain, session: Session, batch: Batch) -> None:
    room = lobby.speaker(session, event.room)
    checkRank(lobby, session, room, OPERATOR_RANK)
    target = targetOf(lobby, event.name, event.key)
    checkBelow(lobby, session, room, target)
    restraints = room.access.restraints
    for key in [key for key, each in restraints.items() if 0 < each.until <= batch.stamp]:
        batch.remove(restraints.pop(key))
    if len(restraints) >= RESTRAINTS_EACH and (event.kind, target.mask) not in restraints:
        raise Refused(RESTRAINTS_ALL, most=RESTRAINTS_EACH, room=ROOM_SIGN + room.record.name)
    until = batch.stamp + event.seconds * NANOSECONDS if event.seconds else 0
    restraint = Restraint(
        room.record.key,
        event.kind,
        target.mask,
        target.name,
        session.nick,
        batch.stamp,
        until,
        event.why,
        event.key,
    )
    restraints[event.kind, target.mask] = restraint
    _holdGuests(lobby, restraint, room, target, batch)
    if target.session is not None and target.session.ident == room.access.guestFounder:
        # It is one above who says so.
        room.access.guestFounder = ""
    batch.put(restraint)
    words = f"{target.name} {spanText(event.seconds)} {event.why}".strip()
    keep(room, event.kind, (words,), session, batch)
    if event.kind == BAN:
        if (standing := room.access.revoke(target.account)) is not None:
            batch.put(standing)
        _uninvite(lobby, room, batch.stamp)
        expel(lobby, room, _banned(lobby, room, batch.stamp), batch)
    batch.audit(event.kind, session, room, target=target.mask, until=until, why=event.why)


def _holdGuests(
    lobby: Lobby, restraint: Restraint, room: Room, target: Target, batch: Batch
) -> None:
    """
    Have a ban or a mute hold those who are meant also when they go on as a guest, or by
    another name.
    """
    if target.session is None:
        return
    people: tuple[Session, ...] = (target.session,)
    if target.account is not None:
        people = lobby.owners[target.account]
    for each in people:
        mine = restraint
        if target.account is not None:
            mine = replace(restraint, mask=each.cloak)
            had = room.access.restraints.get((mine.kind, mine.mask))
            other = had is not None and had.name != mine.name
            if had is not None and other and (not had.until or 0 < mine.until <= had.until):
                mine = had
            else:
                room.access.restraints[mine.kind, mine.mask] = mine
                batch.put(mine)
        # Those that are over go, or it would grow with each new one.
        kept = [held for held in each.held if _stands(lobby, *held)]
        each.held = frozenset([*kept, (mine.room, mine.kind, mine.mask, mine.time)])


def _stands(lobby: Lobby, room: str, kind: str, mask: str, time: int) -> bool:
    there = lobby.rooms.get(room)
    found = None if there is None else there.access.restraints.get((kind, mask))
    return found is not None and found.time == time


def _uninvite(lobby: Lobby, room: Room, now: int) -> None:
    """
    Guests who may not enter a room any more, and are not in it, are not invited any more,
    as accounts are not.
    """
    key = room.record.key
    for each in lobby.sessions.values():
        if key in each.invited and lobby.restraint(BAN, each, room, now) is not None:
            each.invited -= {key}


def _banned(lobby: Lobby, room: Room, now: int) -> list[Session]:
    return [each for each in room.audience if lobby.restraint(BAN, each, room, now) is not None]


def _release(lobby: Lobby, event: Release, session: Session, batch: Batch) -> None:
    room = lobby.speaker(session, event.room)
    checkRank(lobby, session, room, OPERATOR_RANK)
    restraints = room.access.restraints
    meant = {event.key}
    if (holders := lobby.holders.get(event.key)) is not None:
        meant.add(holders[0].account or holders[0].cloak)
    found = [
        each
        for (kind, mask), each in restraints.items()
        if kind == event.kind and (mask in meant or each.key == event.key)
    ]
    # In the order of what tells them apart, which is the same after a restart.
    found.sort(key=lambda each: each.mask)
    if not found:
        where = ROOM_SIGN + room.record.name
        raise Refused(NOT_RESTRAINED, kind=event.kind, name=event.name, room=where)
    if any(each.mask == session.account for each in found):
        raise Refused(ONESELF)
    for each in found:
        del restraints[each.kind, each.mask]
        batch.remove(each)
    kind = UNBAN if event.kind == BAN else UNMUTE
    keep(room, kind, (found[0].name,), session, batch)
    batch.audit(kind, session, room, target=[each.mask for each in found])


#: What each kind of event does.
APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    Restrain: _restrain,
    Release: _release,
}
