"""
Moderation: operators, kicks, private rooms and invitations.

Ranks are looked up now, because the proposer may have lost its rank meanwhile.
"""

from __future__ import annotations

from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.cloaks import CLOAK_SIGN
from tsservices.chat.errors import (
    GUEST_OPERATOR,
    GUEST_ROOM,
    LOBBY_OPEN,
    NO_PERSON,
    OTHER_BANNED,
    ChatError,
)
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.membership import LOBBY, removeFromRoom
from tsservices.chat.handlers.messages import appendMessages
from tsservices.chat.handlers.standing import reportStandings, standingsBeside
from tsservices.chat.handlers.targets import (
    Target,
    checkOutranks,
    checkRank,
    permittedReason,
    targetOf,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import Invited, Notice, UserInvited
from tsservices.chat.operations import (
    BAN,
    KICK,
    NO_OPERATOR,
    OPERATOR,
    PRIVATE,
    PUBLIC,
    Invite,
    Kick,
    SetOperator,
    SetPrivate,
)
from tsservices.chat.permissions import FOUNDER, OPERATOR_LETTER
from tsservices.chat.permissions import OPERATOR as OPERATOR_RANK
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def _setOperator(state: ChatState, operation: SetOperator, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    target = targetOf(state, operation.name, operation.key)
    checkMayAppoint(state, session, room, target, operation.grant)
    if target.account is None:
        raise ChatError(GUEST_OPERATOR, name=target.name)
    standings = standingsBeside(state, room, target.account, target.name)
    if not setOperator(state, room, target.account, operation.grant, batch):
        batch.reply(session, Notice([f"nothing has changed for {target.name}"], "same"))
        return
    kind = OPERATOR if operation.grant else NO_OPERATOR
    appendMessages(room, kind, (target.name,), session, batch)
    reportStandings(state, room, standings, batch)
    batch.audit(kind, session, room, target=target.mask)


def checkMayAppoint(
    state: ChatState, session: Session, room: Room, target: Target, grant: bool
) -> None:
    """@raise ChatError: the session may not make the target an operator, or take that back."""
    if grant or target.account is None or target.account != session.account:
        # An operator may always resign.
        checkRank(state, session, room, FOUNDER)


def setOperator(state: ChatState, room: Room, account: str, grant: bool, batch: Batch) -> bool:
    """Make an account an operator, or take that back; returns whether that is a change."""
    permissions = room.permissions
    # A session may have the role from its time as a guest.
    sessions = state.sessionsByAccount.get(account, ())
    changed = not grant and permissions.withdraw(sessions, OPERATOR_LETTER)
    role = permissions.role(account)
    if role.operator == grant:
        return changed
    admitted = role.admitted
    if grant and room.record.private and admitted is None:
        admitted = room.record.seq + 1
    batch.upsert(permissions.setRole(replace(role, operator=grant, admitted=admitted)))
    return True


def _kick(state: ChatState, operation: Kick, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    checkRank(state, session, room, OPERATOR_RANK)
    target = targetOf(state, operation.name, operation.key)
    checkOutranks(state, session, room, target)
    # All sessions of an account, whatever their names are; of a guest, those with the name.
    members = [
        member
        for member in room.recipients
        if member.key == operation.key or (target.account and member.account == target.account)
    ]
    if not members:
        raise ChatError(NO_PERSON, nick=operation.name)
    if (role := room.permissions.revoke(target.account)) is not None:
        batch.upsert(role)
    reason = permittedReason(state, operation, session, room, batch)
    appendMessages(room, KICK, (f"{target.name} {reason}".strip(),), session, batch)
    removeFromRoom(state, room, members, batch, operation.key)
    batch.audit(KICK, session, room, target=target.mask, why=reason)


def _setPrivate(state: ChatState, operation: SetPrivate, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    name = ROOM_SIGN + room.record.name
    checkMayClose(room)
    checkRank(state, session, room, FOUNDER)
    if room.record.private == operation.private:
        batch.reply(session, Notice([f"nothing has changed for {name}"], "same"))
        return
    if operation.private and not room.record.founder:
        raise ChatError(GUEST_ROOM, room=name)
    if operation.private:
        makePrivate(room, batch)
        appendMessages(room, PRIVATE, ("",), session, batch)
    else:
        # The line about it is the last one of the private time.
        appendMessages(room, PUBLIC, ("",), session, batch)
        room.permissions.makePublic()
    batch.roomChanged(room)
    batch.audit(PRIVATE if operation.private else PUBLIC, session, room)


def _checkNotBanned(state: ChatState, target: Target, room: Room, now: int) -> None:
    # An invitation opens a private room, but does not end a ban.
    if target.session is not None:
        ban = state.restriction(BAN, target.session, room, now)
    else:
        ban = room.permissions.restrictions.get((BAN, target.mask))
    if ban is not None and not ban.hasEnded(now):
        raise ChatError(OTHER_BANNED, name=target.name, room=ROOM_SIGN + room.record.name)


def checkMayClose(room: Room) -> None:
    """@raise ChatError: the room must stay open to everybody."""
    if room.record.key == LOBBY:
        raise ChatError(LOBBY_OPEN, room=ROOM_SIGN + room.record.name)


def makePrivate(room: Room, batch: Batch) -> None:
    """Make a room private; its members stay."""
    for role in room.permissions.makePrivate(room.recipients):
        batch.upsert(role)


def _invite(state: ChatState, operation: Invite, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    record = room.record
    if record.private:
        checkRank(state, session, room, OPERATOR_RANK)
    target = targetOf(state, operation.name, operation.key)
    if target.mask.startswith(CLOAK_SIGN) and target.session is None:
        raise ChatError(NO_PERSON, nick=operation.name)
    if batch.schema > 1:
        _checkNotBanned(state, target, room, batch.stamp)
    invited: tuple[Session, ...] = state.sessionsByNick.get(operation.key, ())
    if record.private and target.account is not None:
        role = room.permissions.role(target.account)
        if role.admitted is None and not role.invited:
            batch.upsert(room.permissions.setRole(replace(role, invited=True)))
        invited = state.sessionsByAccount.get(target.account, ())
    elif record.private:
        for guest in invited:
            guest.invited |= {record.key}
    origin, account = session.origin, session.account
    invitation = Invited(record.key, record.name, session.nick, origin, account)
    for recipient in invited:
        batch.reply(recipient, invitation)
    if batch.schema > 1 and len(room.recipients) > 1:
        others = [member for member in room.recipients if member is not session]
        named = UserInvited(record.key, record.name, session.nick, account, origin, target.name)
        batch.sendTo(others, named)
    text = f"{target.name} may enter {ROOM_SIGN}{record.name}"
    batch.reply(session, Notice([text], "invited"))
    batch.audit("invite", session, room, target=target.mask)


HANDLERS: Handlers = {
    SetOperator: _setOperator,
    Kick: _kick,
    SetPrivate: _setPrivate,
    Invite: _invite,
}
