"""
Bans and mutes of a room: to whom they apply besides the given name, and how they end.

A ban of an account applies to the account, and to its current addresses, so that its owner does not
come back as a guest. A ban of a guest applies to the address. Others at the same address are not
affected if they entered before, or have an older account (L{RoomPermissions.restriction}). Two
guests of one address share the longer ban. A ban of a mask applies to everybody that it matches at
the time.
"""

from __future__ import annotations

from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.cloaks import isMask, singleTarget
from tsservices.chat.errors import NOT_RESTRAINED, ONESELF, RESTRAINTS_ALL, ChatError
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.membership import removeFromRoom
from tsservices.chat.handlers.messages import appendMessages
from tsservices.chat.handlers.targets import (
    Target,
    checkOutranks,
    checkRank,
    permittedReason,
    restrictionTarget,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.operations import BAN, UNBAN, UNMUTE, LiftRestriction, Restrict
from tsservices.chat.permissions import OPERATOR as OPERATOR_RANK
from tsservices.chat.records import Restriction
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.durations import spanText
from tsservices.common.timestamps import NANOSECONDS

#: Maximum number of bans and mutes of one room: everybody who joins is compared with them.
RESTRICTIONS_EACH = 500


def _restrict(state: ChatState, operation: Restrict, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    checkRank(state, session, room, OPERATOR_RANK)
    target, key = restrictionTarget(state, room, operation.name, operation.key, batch.schema)
    checkOutranks(state, session, room, target)
    makePlace(room, operation.kind, target, batch)
    reason = permittedReason(state, operation, session, room, batch)
    until = batch.stamp + operation.seconds * NANOSECONDS if operation.seconds else 0
    restrict(state, room, operation.kind, target, key, until, reason, session, batch)
    text = f"{target.name} {spanText(operation.seconds)} {reason}".strip()
    appendMessages(room, operation.kind, (text,), session, batch)
    if operation.kind == BAN:
        removeBanned(state, room, [target], batch)
    batch.audit(operation.kind, session, room, target=target.mask, until=until, why=reason)


def restrict(
    state: ChatState,
    room: Room,
    kind: str,
    target: Target,
    key: str,
    until: int,
    reason: str,
    session: Session,
    batch: Batch,
) -> None:
    """
    Ban or mute; the caller has checked the rights, and made place.

    @param key: as L{restrictionTarget} returns it.
    @param until: when it ends: nanoseconds since 1970, UTC; 0: never.
    """
    restriction = Restriction(
        room.record.key,
        kind,
        target.mask,
        target.name,
        session.nick,
        batch.stamp,
        until,
        reason,
        key,
        batch.recordPosition,
    )
    if target.account is None and target.session is not None and batch.schema > 1:
        room.permissions.revokeSession(target.session)
        _mark(state, target.session, _restrictAddress(state, restriction, room, batch))
        return
    room.permissions.setRestriction(restriction)
    _restrictSessions(state, restriction, room, target, batch)
    batch.upsert(restriction)


def removeBanned(state: ChatState, room: Room, targets: list[Target], batch: Batch) -> None:
    """Remove all banned members, after bans of these targets."""
    for target in targets:
        if (role := room.permissions.revoke(target.account)) is not None:
            batch.upsert(role)
    _revokeInvitations(state, room, batch.stamp)
    removeFromRoom(state, room, _banned(state, room, batch.stamp), batch)


def makePlace(room: Room, kind: str, target: Target, batch: Batch) -> None:
    """@raise ChatError: there is no place for one more restriction."""
    restrictions = room.permissions.restrictions
    isNew = (kind, target.mask) not in restrictions
    _makePlace(room, batch, isNew)
    if len(restrictions) >= RESTRICTIONS_EACH and isNew:
        raise ChatError(RESTRAINTS_ALL, most=RESTRICTIONS_EACH, room=ROOM_SIGN + room.record.name)


def _makePlace(room: Room, batch: Batch, isNew: bool) -> None:
    # Restrictions that have ended do not count, but stay while there is place: they ended by a
    # clock that may be ahead. (Version 1 deleted them.)
    restrictions = room.permissions.restrictions
    ended = [key for key, old in restrictions.items() if old.hasEnded(batch.stamp)]
    if batch.schema > 1:
        ended.sort(key=lambda key: (restrictions[key].until, key))
        ended = ended[: max(0, len(restrictions) + isNew - RESTRICTIONS_EACH)]
    for key in ended:
        _remove(room, restrictions[key], batch)


def _remove(room: Room, restriction: Restriction, batch: Batch) -> None:
    room.permissions.removeRestriction(restriction.kind, restriction.mask)
    batch.delete(restriction)


def noteClockSetBack(state: ChatState, batch: Batch) -> None:
    """Let restrictions that were set at a later time than now end by the current clock."""
    for room in state.rooms.values():
        for old in list(room.permissions.restrictions.values()):
            if old.until and old.time > batch.stamp and not 0 < old.countedFrom <= batch.stamp:
                new = replace(old, countedFrom=batch.stamp)
                room.permissions.setRestriction(new)
                batch.upsert(new)


def _restrictSessions(
    state: ChatState, restriction: Restriction, room: Room, target: Target, batch: Batch
) -> None:
    # The current sessions are marked, so that the restriction follows them as guests and under
    # other names, while others at the same address are not affected.
    if target.session is None and (target.account is None or batch.schema == 1):
        return
    sessions: tuple[Session, ...] = (target.session,) if target.session is not None else ()
    if target.account is not None:
        # Its owner may be here under another name than that of the account.
        sessions = state.sessionsByAccount.get(target.account, ())
    for session in sessions:
        # A guest who created the room, or was made operator, can be banned only from above, so it
        # loses that role.
        room.permissions.revokeSession(session)
        applied = restriction
        if target.account is not None:
            applied = replace(restriction, mask=session.cloak)
            applied = _restrictAddress(state, applied, room, batch)
        _mark(state, session, applied)


def _restrictAddress(
    state: ChatState, restriction: Restriction, room: Room, batch: Batch
) -> Restriction:
    # Restrict an address, and return the restriction in force there: an address has one restriction
    # of a kind, shared by all users who were named.
    key, now = (restriction.kind, restriction.mask), batch.stamp
    old = room.permissions.restrictions.get(key)
    others: list[Session] = []
    if old is not None and old.name != restriction.name:
        if not old.until or 0 < restriction.until <= _end(old, batch):
            # Another user at this address is restricted for longer: that restriction stays.
            return old
        if batch.schema > 1 and not old.hasEnded(now):
            others = [
                session
                for session in state.sessions.values()
                if session.cloak == restriction.mask
                and state.restriction(restriction.kind, session, room, now) is old
            ]
    room.permissions.setRestriction(restriction)
    batch.upsert(restriction)
    for session in others:
        _mark(state, session, restriction)
    return restriction


def _mark(state: ChatState, session: Session, restriction: Restriction) -> None:
    # Those that have ended are removed, or the set would grow with each new one.
    current = [item for item in session.inheritedRestrictions if _isInForce(state, *item)]
    session.inheritedRestrictions = frozenset(
        [*current, (restriction.room, restriction.kind, restriction.mask, restriction.time)]
    )


def _end(restriction: Restriction, batch: Batch) -> int:
    return restriction.until if batch.schema == 1 else restriction.end(batch.stamp)


def _isInForce(state: ChatState, key: str, kind: str, mask: str, time: int) -> bool:
    room = state.rooms.get(key)
    restriction = None if room is None else room.permissions.restrictions.get((kind, mask))
    return restriction is not None and restriction.time == time


def _revokeInvitations(state: ChatState, room: Room, now: int) -> None:
    # Of banned guests; a banned account has lost its invitation already.
    key = room.record.key
    for session in state.sessions.values():
        if key in session.invited and state.restriction(BAN, session, room, now) is not None:
            session.invited -= {key}


def _banned(state: ChatState, room: Room, now: int) -> list[Session]:
    return [
        member
        for member in room.recipients
        if state.restriction(BAN, member, room, now) is not None
    ]


def _lift(state: ChatState, operation: LiftRestriction, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    checkRank(state, session, room, OPERATOR_RANK)
    matches = lift(state, room, operation.kind, operation.key, session, batch)
    if not matches:
        where = ROOM_SIGN + room.record.name
        raise ChatError(NOT_RESTRAINED, kind=operation.kind, name=operation.name, room=where)
    kind = UNBAN if operation.kind == BAN else UNMUTE
    appendMessages(room, kind, (matches[0].name,), session, batch)
    batch.audit(kind, session, room, target=[restriction.mask for restriction in matches])


def lift(
    state: ChatState, room: Room, kind: str, key: str, session: Session, batch: Batch
) -> list[Restriction]:
    """
    End all bans or mutes of somebody; returns them, or an empty list if none is in force.

    @param key: that of a name, a cloak, or a mask.
    @raise ChatError: the session would lift its own.
    """
    if batch.schema > 1 and isMask(key):
        key = singleTarget(key) or key
    masks = {key}
    if (holders := state.sessionsByNick.get(key)) is not None:
        masks.add(holders[0].account or holders[0].cloak)
        if batch.schema > 1:
            # As a guest, or under another name, the person was restricted by another mask.
            where = room.record.key
            masks.update(item[2] for item in holders[0].inheritedRestrictions if item[0] == where)
    matches = [
        restriction
        for restriction in room.permissions.restrictions.values()
        if restriction.kind == kind and (restriction.mask in masks or restriction.key == key)
    ]
    # The order of the dict changes with a restart, and the first match gives the line its name.
    matches.sort(key=lambda restriction: restriction.mask)
    if batch.schema > 1 and all(restriction.hasEnded(batch.stamp) for restriction in matches):
        return []
    if any(restriction.mask == session.account for restriction in matches):
        raise ChatError(ONESELF)
    for restriction in matches:
        _remove(room, restriction, batch)
    return matches


HANDLERS: Handlers = {
    Restrict: _restrict,
    LiftRestriction: _lift,
}
