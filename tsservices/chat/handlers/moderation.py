"""
What comes of keeping order in rooms: the events of moderation.  Pure.

All of it is decided here, when its turn has come: whoever was an operator when they
proposed it may be none now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import GUEST_OPERATOR, GUEST_ROOM, LOBBY_OPEN, NO_PERSON, ChatError
from tsservices.chat.handlers.membership import LOBBY, removeFromRoom
from tsservices.chat.handlers.messages import appendMessages
from tsservices.chat.handlers.targets import checkOutranks, checkRank, targetOf
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import Invited, Notice
from tsservices.chat.operations import (
    KICK,
    NO_OPERATOR,
    OPERATOR,
    PRIVATE,
    PUBLIC,
    Invite,
    Kick,
    Operation,
    SetOperator,
    SetPrivate,
)
from tsservices.chat.permissions import CLOAK_SIGN, FOUNDER
from tsservices.chat.permissions import OPERATOR as OPERATOR_RANK
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def _setOperator(state: ChatState, operation: SetOperator, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    target = targetOf(state, operation.name, operation.key)
    if operation.grant or target.account is None or target.account != session.account:
        # Whoever looks after a room may always stop to.
        checkRank(state, session, room, FOUNDER)
    if target.account is None:
        raise ChatError(GUEST_OPERATOR, name=target.name)
    role = room.permissions.role(target.account)
    if role.operator == operation.grant:
        batch.reply(session, Notice([f"nothing has changed for {target.name}"], "same"))
        return
    admitted = role.admitted
    if operation.grant and room.record.private and admitted is None:
        admitted = room.record.seq + 1
    role = replace(role, operator=operation.grant, admitted=admitted)
    batch.upsert(room.permissions.setRole(role))
    kind = OPERATOR if operation.grant else NO_OPERATOR
    appendMessages(room, kind, (target.name,), session, batch)
    batch.audit(kind, session, room, target=target.mask)


def _kick(state: ChatState, operation: Kick, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    checkRank(state, session, room, OPERATOR_RANK)
    target = targetOf(state, operation.name, operation.key)
    checkOutranks(state, session, room, target)
    there = [
        each
        for each in room.recipients
        if each.key == operation.key or (target.account and each.account == target.account)
    ]
    if not there:
        raise ChatError(NO_PERSON, nick=operation.name)
    if (role := room.permissions.revoke(target.account)) is not None:
        batch.upsert(role)
    appendMessages(room, KICK, (f"{target.name} {operation.reason}".strip(),), session, batch)
    removeFromRoom(state, room, there, batch, operation.key)
    batch.audit(KICK, session, room, target=target.mask, why=operation.reason)


def _setPrivate(state: ChatState, operation: SetPrivate, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    name = ROOM_SIGN + room.record.name
    if room.record.key == LOBBY:
        raise ChatError(LOBBY_OPEN, room=name)
    checkRank(state, session, room, FOUNDER)
    if room.record.private == operation.private:
        batch.reply(session, Notice([f"nothing has changed for {name}"], "same"))
        return
    if operation.private and not room.record.founder:
        raise ChatError(GUEST_ROOM, room=name)
    if operation.private:
        for role in room.permissions.makePrivate(list(room.recipients)):
            batch.upsert(role)
        appendMessages(room, PRIVATE, ("",), session, batch)
    else:
        appendMessages(room, PUBLIC, ("",), session, batch)
        room.permissions.makePublic()
    batch.roomChanged(room)
    batch.audit(PRIVATE if operation.private else PUBLIC, session, room)


def _invite(state: ChatState, operation: Invite, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    record = room.record
    if record.private:
        checkRank(state, session, room, OPERATOR_RANK)
    target = targetOf(state, operation.name, operation.key)
    if target.mask.startswith(CLOAK_SIGN) and target.session is None:
        raise ChatError(NO_PERSON, nick=operation.name)
    people: tuple[Session, ...] = state.sessionsByNick.get(operation.key, ())
    if record.private and target.account is not None:
        role = room.permissions.role(target.account)
        if role.admitted is None and not role.invited:
            batch.upsert(room.permissions.setRole(replace(role, invited=True)))
        people = state.sessionsByAccount.get(target.account, ())
    elif record.private:
        for each in people:
            each.invited |= {record.key}
    for each in people:
        batch.reply(each, Invited(record.key, record.name, session.nick, session.key))
    words = f"{target.name} may enter {ROOM_SIGN}{record.name}"
    batch.reply(session, Notice([words], "invited"))
    batch.audit("invite", session, room, target=target.mask)


HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    SetOperator: _setOperator,
    Kick: _kick,
    SetPrivate: _setPrivate,
    Invite: _invite,
}
