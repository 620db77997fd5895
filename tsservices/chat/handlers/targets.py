"""Targets of moderation commands, and checks of the author's rank."""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.batch import Batch
from tsservices.chat.cloaks import CLOAK_SIGN, isMask, matchesEverybody, singleTarget
from tsservices.chat.errors import (
    MASK_EVERYBODY,
    NO_ACCOUNT,
    NO_PERSON,
    NOT_ALLOWED,
    ONESELF,
    STANDS_ABOVE,
    ChatError,
)
from tsservices.chat.names import NAME_LENGTH, ROOM_SIGN
from tsservices.chat.operations import Kick, Restrict
from tsservices.chat.permissions import FOUNDER, OPERATOR, SERVER, atLeast
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


@dataclass(frozen=True, slots=True)
class Target:
    """The user who is kicked, banned, muted, invited, or made operator."""

    name: str
    #: The key of the account, the cloak of the address of a guest, or a mask.
    mask: str
    #: None if the target is not connected.
    session: Session | None

    @property
    def account(self) -> str | None:
        return None if self.mask.startswith(CLOAK_SIGN) or isMask(self.mask) else self.mask


def targetOf(state: ChatState, name: str, key: str) -> Target:
    """
    The target with this name, or with this cloak.

    @raise ChatError: there is none.
    """
    if key.startswith(CLOAK_SIGN):
        if len(key) > NAME_LENGTH:
            # A longer key would be stored, and shown to all operators.
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


def restrictionTarget(
    state: ChatState, room: Room, name: str, key: str, schema: int
) -> tuple[Target, str]:
    """
    The target of a ban or mute, and the key of the given name.

    @param key: the key of a name, a cloak, or a mask.
    @param schema: the version of the rules.
    @raise ChatError: there is no such name or account, or the mask matches everybody.
    """
    if schema == 1 or not isMask(key):
        return targetOf(state, name, key), key
    single = singleTarget(key)
    if single.startswith(CLOAK_SIGN):
        return targetOf(state, single, single), single
    if single:
        account = state.accounts.get(single)
        if account is None:
            raise ChatError(NO_ACCOUNT, name=single)
        sessions = state.sessionsByAccount.get(single, ())
        return Target(account.name, single, sessions[0] if sessions else None), single
    if matchesEverybody(key):
        raise ChatError(MASK_EVERYBODY, mask=key, room=ROOM_SIGN + room.record.name)
    return Target(key, key, None), key


def checkRank(state: ChatState, session: Session, room: Room, required: str) -> None:
    """@raise ChatError: the rank of the session is below C{required}."""
    if not atLeast(state.rank(session, room), required):
        who = "the founder" if required == FOUNDER else "operators of the room"
        raise ChatError(NOT_ALLOWED, who=who)


def checkOutranks(state: ChatState, session: Session, room: Room, target: Target) -> None:
    """@raise ChatError: the target is the session's own user, or its rank is not lower."""
    if target.session is session or (target.account and target.account == session.account):
        raise ChatError(ONESELF)
    if target.account is not None:
        # Not that of a session, which may have used a token: the action applies to the account.
        rank = state.rankOf(target.account, room)
    elif target.session is not None:
        rank = state.rank(target.session, room)
    else:
        rank = state.rankOf(target.mask, room)
    ownRank = state.rank(session, room)
    if ownRank == OPERATOR and rank != SERVER and not room.record.founder:
        # If no account is above them, operators look after the room together, as in IRC, including
        # a guest who has created it.
        return
    if ownRank != SERVER and atLeast(rank, ownRank):
        raise ChatError(STANDS_ABOVE, name=target.name)


def permittedReason(
    state: ChatState, operation: Kick | Restrict, session: Session, room: Room, batch: Batch
) -> str:
    """The reason to show in the room; none from an operator who is muted there."""
    if batch.schema > 1 and state.isMuted(session, room, batch.stamp):
        return ""
    return operation.reason
