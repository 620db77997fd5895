"""Targets of moderation commands, and whether the rank of the author suffices."""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.batch import Batch
from tsservices.chat.errors import NO_PERSON, NOT_ALLOWED, ONESELF, STANDS_ABOVE, ChatError
from tsservices.chat.names import NAME_LENGTH
from tsservices.chat.operations import Kick, Restrict
from tsservices.chat.permissions import CLOAK_SIGN, FOUNDER, SERVER, atLeast
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


@dataclass(frozen=True, slots=True)
class Target:
    """The user who is kicked, banned, muted, invited, or made operator."""

    name: str
    #: The key of the account, or the cloak of the address of a guest.
    mask: str
    #: None if the target is not connected.
    session: Session | None

    @property
    def account(self) -> str | None:
        return None if self.mask.startswith(CLOAK_SIGN) else self.mask


def targetOf(state: ChatState, name: str, key: str) -> Target:
    """
    The target with this name, or with this cloak.

    @raise ChatError: there is none.
    """
    if key.startswith(CLOAK_SIGN):
        if len(key) > NAME_LENGTH:
            # It would be stored, and shown to all operators.
            raise ChatError(NO_PERSON, nick=name)
        return Target(key, key, None)
    holders = state.sessionsByNick.get(key)
    if holders is not None:
        session = holders[0]
        return Target(session.nick, session.account or session.cloak, session)
    account = state.accounts.get(key)
    if account is None:
        raise ChatError(NO_PERSON, nick=name)
    return Target(account.name, account.key, None)


def checkRank(state: ChatState, session: Session, room: Room, required: str) -> None:
    """@raise ChatError: the rank of the session is below C{required}."""
    if not atLeast(state.rank(session, room), required):
        who = "the founder" if required == FOUNDER else "operators of the room"
        raise ChatError(NOT_ALLOWED, who=who)


def checkOutranks(state: ChatState, session: Session, room: Room, target: Target) -> None:
    """@raise ChatError: the target is the session's own user, or has no lower rank."""
    if target.session is session or (target.account and target.account == session.account):
        raise ChatError(ONESELF)
    if target.account is not None:
        # Not that of a session, which may have come by a token: all that is done to somebody is
        # done to the account.
        rank = state.rankOf(target.account, room)
    elif target.session is not None:
        rank = state.rank(target.session, room)
    else:
        rank = state.rankOf(target.mask, room)
    ownRank = state.rank(session, room)
    if ownRank != SERVER and atLeast(rank, ownRank):
        raise ChatError(STANDS_ABOVE, name=target.name)


def permittedReason(
    state: ChatState, operation: Kick | Restrict, session: Session, room: Room, batch: Batch
) -> str:
    """The reason as the room may be told it: none of an operator who is muted there."""
    if batch.schema > 1 and state.isMuted(session, room, batch.stamp):
        return ""
    return operation.reason
