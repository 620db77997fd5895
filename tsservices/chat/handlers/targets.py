"""
Who is meant by a command about somebody, and whether one may do it to them.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.errors import NO_PERSON, NOT_ALLOWED, ONESELF, STANDS_ABOVE, ChatError
from tsservices.chat.names import NAME_LENGTH
from tsservices.chat.permissions import CLOAK_SIGN, FOUNDER, SERVER, atLeast
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


@dataclass(frozen=True, slots=True)
class Target:
    """
    Who is meant.

    @ivar name: as it is shown.
    @ivar mask: the key of their account, or the cloak of their address.
    @ivar session: theirs, if they are here.
    """

    name: str
    mask: str
    session: Session | None

    @property
    def account(self) -> str | None:
        """The key of their account, if they have one."""
        return None if self.mask.startswith(CLOAK_SIGN) else self.mask


def targetOf(state: ChatState, name: str, key: str) -> Target:
    """
    Who is meant.

    @raise Refused: nobody has that name.
    """
    if key.startswith(CLOAK_SIGN):
        if len(key) > NAME_LENGTH:
            # It is kept, and shown to all operators.
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
    """@raise Refused: theirs is below."""
    if not atLeast(state.rank(session, room), required):
        who = "the founder" if required == FOUNDER else "operators of the room"
        raise ChatError(NOT_ALLOWED, who=who)


def checkOutranks(state: ChatState, session: Session, room: Room, target: Target) -> None:
    """@raise Refused: that would be themselves, or somebody who may do as much."""
    if target.session is session or (target.account and target.account == session.account):
        raise ChatError(ONESELF)
    if target.session is not None:
        rank = state.rank(target.session, room)
    else:
        rank = state.rankOf(target.mask, room)
    own = state.rank(session, room)
    if own != SERVER and atLeast(rank, own):
        raise ChatError(STANDS_ABOVE, name=target.name)
