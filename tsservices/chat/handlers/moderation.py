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


def _setOperator(state: ChatState, event: SetOperator, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    target = targetOf(state, event.name, event.key)
    if event.grant or target.account is None or target.account != session.account:
        # Whoever looks after a room may always stop to.
        checkRank(state, session, room, FOUNDER)
    if target.account is None:
        raise ChatError(GUEST_OPERATOR, name=target.name)
    standing = room.permissions.role(target.account)
    if standing.operator == event.grant:
        batch.reply(session, Notice([f"nothing has changed for {target.name}"], "same"))
        return
    admitted = standing.admitted
    if event.grant and room.record.private and admitted is None:
        admitted = room.record.seq + 1
    standing = replace(standing, operator=event.grant, admitted=admitted)
    batch.upsert(room.permissions.setRole(standing))
    kind = OPERATOR if event.grant else NO_OPERATOR
    appendMessages(room, kind, (target.name,), session, batch)
    batch.audit(kind, session, room, target=target.mask)


def _kick(state: ChatState, event: Kick, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    checkRank(state, session, room, OPERATOR_RANK)
    target = targetOf(state, event.name, event.key)
    checkOutranks(state, session, room, target)
    there = [
        each
        for each in room.recipients
        if each.key == event.key or (target.account and each.account == target.account)
    ]
    if not there:
        raise ChatError(NO_PERSON, nick=event.name)
    if (standing := room.permissions.revoke(target.account)) is not None:
        batch.upsert(standing)
    appendMessages(room, KICK, (f"{target.name} {event.reason}".strip(),), session, batch)
    removeFromRoom(state, room, there, batch, event.key)
    batch.audit(KICK, session, room, target=target.mask, why=event.reason)


def _setPrivate(state: ChatState, event: SetPrivate, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    name = ROOM_SIGN + room.record.name
    if room.record.key == LOBBY:
        raise ChatError(LOBBY_OPEN, room=name)
    checkRank(state, session, room, FOUNDER)
    if room.record.private == event.private:
        batch.reply(session, Notice([f"nothing has changed for {name}"], "same"))
        return
    if event.private and not room.record.founder:
        raise ChatError(GUEST_ROOM, room=name)
    if event.private:
        for standing in room.permissions.makePrivate(list(room.recipients)):
            batch.upsert(standing)
        appendMessages(room, PRIVATE, ("",), session, batch)
    else:
        appendMessages(room, PUBLIC, ("",), session, batch)
        room.permissions.makePublic()
    batch.roomChanged(room)
    batch.audit(PRIVATE if event.private else PUBLIC, session, room)


def _invite(state: ChatState, event: Invite, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    record = room.record
    if record.private:
        checkRank(state, session, room, OPERATOR_RANK)
    target = targetOf(state, event.name, event.key)
    if target.mask.startswith(CLOAK_SIGN) and target.session is None:
        raise ChatError(NO_PERSON, nick=event.name)
    people: tuple[Session, ...] = state.sessionsByNick.get(event.key, ())
    if record.private and target.account is not None:
        standing = room.permissions.role(target.account)
        if standing.admitted is None and not standing.invited:
            batch.upsert(room.permissions.setRole(replace(standing, invited=True)))
        people = state.sessionsByAccount.get(target.account, ())
    elif record.private:
        for each in people:
            each.invited |= {record.key}
    for each in people:
        batch.reply(each, Invited(record.key, record.name, session.nick, session.key))
    words = f"{target.name} may enter {ROOM_SIGN}{record.name}"
    batch.reply(session, Notice([words], "invited"))
    batch.audit("invite", session, room, target=target.mask)


#: What each kind of event does.
HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    SetOperator: _setOperator,
    Kick: _kick,
    SetPrivate: _setPrivate,
    Invite: _invite,
}
