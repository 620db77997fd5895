"""
What comes of bans and mutes: who is held, and by what else than their name.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import NOT_RESTRAINED, ONESELF, RESTRAINTS_ALL, ChatError
from tsservices.chat.handlers.membership import removeFromRoom
from tsservices.chat.handlers.messages import appendMessages
from tsservices.chat.handlers.targets import Target, checkOutranks, checkRank, targetOf
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.operations import BAN, UNBAN, UNMUTE, LiftRestriction, Operation, Restrict
from tsservices.chat.permissions import OPERATOR as OPERATOR_RANK
from tsservices.chat.records import Restriction
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.durations import spanText
from tsservices.common.timestamps import NANOSECONDS

#: Bans and mutes of one room: everyone who enters is compared with them.
RESTRICTIONS_EACH = 500


def _restrict(state: ChatState, event: Restrict, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    checkRank(state, session, room, OPERATOR_RANK)
    target = targetOf(state, event.name, event.key)
    checkOutranks(state, session, room, target)
    restraints = room.permissions.restrictions
    for key in [key for key, each in restraints.items() if 0 < each.until <= batch.stamp]:
        batch.delete(restraints.pop(key))
    if len(restraints) >= RESTRICTIONS_EACH and (event.kind, target.mask) not in restraints:
        raise ChatError(RESTRAINTS_ALL, most=RESTRICTIONS_EACH, room=ROOM_SIGN + room.record.name)
    until = batch.stamp + event.seconds * NANOSECONDS if event.seconds else 0
    restraint = Restriction(
        room.record.key,
        event.kind,
        target.mask,
        target.name,
        session.nick,
        batch.stamp,
        until,
        event.reason,
        event.key,
    )
    restraints[event.kind, target.mask] = restraint
    _restrictSessions(state, restraint, room, target, batch)
    if target.session is not None and target.session.ident == room.permissions.guestFounder:
        # It is one above who says so.
        room.permissions.guestFounder = ""
    batch.upsert(restraint)
    words = f"{target.name} {spanText(event.seconds)} {event.reason}".strip()
    appendMessages(room, event.kind, (words,), session, batch)
    if event.kind == BAN:
        if (standing := room.permissions.revoke(target.account)) is not None:
            batch.upsert(standing)
        _revokeInvitations(state, room, batch.stamp)
        removeFromRoom(state, room, _banned(state, room, batch.stamp), batch)
    batch.audit(event.kind, session, room, target=target.mask, until=until, why=event.reason)


def _restrictSessions(
    state: ChatState, restraint: Restriction, room: Room, target: Target, batch: Batch
) -> None:
    """
    Have a ban or a mute hold those who are meant also when they go on as a guest, or by
    another name.
    """
    if target.session is None:
        return
    people: tuple[Session, ...] = (target.session,)
    if target.account is not None:
        people = state.sessionsByAccount[target.account]
    for each in people:
        mine = restraint
        if target.account is not None:
            mine = replace(restraint, mask=each.cloak)
            had = room.permissions.restrictions.get((mine.kind, mine.mask))
            other = had is not None and had.name != mine.name
            if had is not None and other and (not had.until or 0 < mine.until <= had.until):
                mine = had
            else:
                room.permissions.restrictions[mine.kind, mine.mask] = mine
                batch.upsert(mine)
        # Those that are over go, or it would grow with each new one.
        kept = [held for held in each.inheritedRestrictions if _isInForce(state, *held)]
        each.inheritedRestrictions = frozenset(
            [*kept, (mine.room, mine.kind, mine.mask, mine.time)]
        )


def _isInForce(state: ChatState, room: str, kind: str, mask: str, time: int) -> bool:
    there = state.rooms.get(room)
    found = None if there is None else there.permissions.restrictions.get((kind, mask))
    return found is not None and found.time == time


def _revokeInvitations(state: ChatState, room: Room, now: int) -> None:
    """
    Guests who may not enter a room any more, and are not in it, are not invited any more,
    as accounts are not.
    """
    key = room.record.key
    for each in state.sessions.values():
        if key in each.invited and state.restriction(BAN, each, room, now) is not None:
            each.invited -= {key}


def _banned(state: ChatState, room: Room, now: int) -> list[Session]:
    return [each for each in room.recipients if state.restriction(BAN, each, room, now) is not None]


def _lift(state: ChatState, event: LiftRestriction, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    checkRank(state, session, room, OPERATOR_RANK)
    restraints = room.permissions.restrictions
    meant = {event.key}
    if (holders := state.sessionsByNick.get(event.key)) is not None:
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
        raise ChatError(NOT_RESTRAINED, kind=event.kind, name=event.name, room=where)
    if any(each.mask == session.account for each in found):
        raise ChatError(ONESELF)
    for each in found:
        del restraints[each.kind, each.mask]
        batch.delete(each)
    kind = UNBAN if event.kind == BAN else UNMUTE
    appendMessages(room, kind, (found[0].name,), session, batch)
    batch.audit(kind, session, room, target=[each.mask for each in found])


#: What each kind of event does.
HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    Restrict: _restrict,
    LiftRestriction: _lift,
}
