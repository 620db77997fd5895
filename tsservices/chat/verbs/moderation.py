"""
Verbs for moderation of a room.  Pure.

Rights are decided when the operation is applied; L{checkPermission
<tsservices.chat.verbs.checks.checkPermission>} answers early.  All of these verbs raise
L{ChatError} if nothing can be stored.
"""

from __future__ import annotations

from dataclasses import replace

from tsservices.chat.cloaks import looksLikeMask, parseMask, parseNewMask
from tsservices.chat.controller import SessionController
from tsservices.chat.errors import FOUNDER_STAYS, INVITED_OFTEN, ChatError
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import RestrictionList
from tsservices.chat.operations import (
    Invite,
    Kick,
    LiftRestriction,
    Restrict,
    SetOperator,
    SetPrivate,
)
from tsservices.chat.permissions import FOUNDER, atLeast
from tsservices.chat.room import Room
from tsservices.chat.verbs.checks import checkText

#: The name of the text in the error for one that is too long.
REASON = "a reason"


def setOperator(controller: SessionController, room: Room, name: str, on: bool) -> None:
    """
    Make somebody an operator of a room, or take that back.

    @raise ChatError: it is the founder, or nothing can be stored.
    """
    controller.checkStored()
    checkNotFounder(controller, room, name)
    controller.propose(SetOperator(controller.session.ident, room.record.key, name, fold(name), on))


def checkNotFounder(controller: SessionController, room: Room, name: str) -> None:
    """@raise ChatError: it is the founder, whose rights do not change by being operator or not."""
    state, key = controller.context.state, fold(name)
    holders = state.sessionsByNick.get(key)
    account = key if holders is None else holders[0].account
    # Others are refused for their rank, when the operation is applied.
    mayAppoint = atLeast(state.rank(controller.session, room), FOUNDER)
    if mayAppoint and account and account == room.record.founder:
        raise ChatError(FOUNDER_STAYS, name=name, room=ROOM_SIGN + room.record.name)


def kick(controller: SessionController, room: Room, name: str, reason: str) -> None:
    """Remove somebody from a room."""
    controller.checkStored()
    reason = checkText(controller, REASON, reason)
    controller.propose(Kick(controller.session.ident, room.record.key, name, fold(name), reason))


def listRestrictions(controller: SessionController, room: Room, kind: str) -> None:
    """
    Show the restrictions of a room.

    @param kind: L{BAN} or L{MUTE}.
    """
    now = controller.context.wallClock()
    restrictions = [
        replace(restriction, until=restriction.end(now))
        for restriction in room.permissions.restrictions.values()
        if restriction.kind == kind and not restriction.hasEnded(now)
    ]
    record = room.record
    controller.presenter.show(RestrictionList(record.key, record.name, restrictions))


def restrict(
    controller: SessionController, room: Room, kind: str, name: str, seconds: int, reason: str
) -> None:
    """
    Ban or mute somebody.

    @param seconds: how long; 0: for ever.
    @raise ChatError: the reason is too long, or nothing can be stored.
    """
    controller.checkStored()
    reason = checkText(controller, REASON, reason)
    key = parseNewMask(name) if looksLikeMask(name) else fold(name)
    ident = controller.session.ident
    controller.propose(Restrict(ident, room.record.key, kind, name, key, seconds, reason))


def liftRestriction(controller: SessionController, room: Room, name: str, kind: str) -> None:
    """End a ban or a mute."""
    controller.checkStored()
    key = parseMask(name) if looksLikeMask(name) else fold(name)
    ident = controller.session.ident
    controller.propose(LiftRestriction(ident, room.record.key, kind, name, key))


def setPrivate(controller: SessionController, room: Room, on: bool) -> None:
    """Make a room private, or public."""
    controller.checkStored()
    controller.propose(SetPrivate(controller.session.ident, room.record.key, on))


def invite(controller: SessionController, room: Room, name: str) -> None:
    """Invite somebody to a room."""
    controller.checkStored()
    context, session, key = controller.context, controller.session, fold(name)
    # Limited, so that nobody is flooded with invitations.
    author = f"{session.account or session.cloak} {key}"
    if not context.invitations.take(author, context.monotonic()):
        raise ChatError(INVITED_OFTEN, name=name)
    controller.propose(Invite(session.ident, room.record.key, name, key))
