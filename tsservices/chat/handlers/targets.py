"""
Who is meant by a command about somebody, and whether one may do it to them.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.errors import NO_PERSON, NOT_ALLOWED, ONESELF, STANDS_ABOVE, Refused
from tsservices.chat.permissions import CLOAK_SIGN, FOUNDER, SERVER, atLeast
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby
from tsservices.common.limits import NAME_LENGTH


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


def targetOf(lobby: Lobby, name: str, key: str) -> Target:
    """
    Who is meant.

    @raise Refused: nobody has that name.
    """
    if key.startswith(CLOAK_SIGN):
        if len(key) > NAME_LENGTH:
            # It is kept, and shown to all operators.
            raise Refused(NO_PERSON, nick=name)
        return Target(key, key, None)
    holders = lobby.holders.get(key)
    if holders is not None:
        session = holders[0]
        return Target(session.nick, session.account or session.cloak, session)
    account = lobby.accounts.get(key)
    if account is None:
        raise Refused(NO_PERSON, nick=name)
    return Target(account.name, account.key, None)


def checkRank(lobby: Lobby, session: Session, room: Room, wanted: str) -> None:
    """@raise Refused: theirs is below."""
    if not atLeast(lobby.rank(session, room), wanted):
        who = "the founder" if wanted == FOUNDER else "operators of the room"
        raise Refused(NOT_ALLOWED, who=who)


def checkBelow(lobby: Lobby, session: Session, room: Room, target: Target) -> None:
    """@raise Refused: that would be themselves, or somebody who may do as much."""
    if target.session is session or (target.account and target.account == session.account):
        raise Refused(ONESELF)
    if target.session is not None:
        rank = lobby.rank(target.session, room)
    else:
        rank = lobby.rankOf(target.mask, room)
    own = lobby.rank(session, room)
    if own != SERVER and atLeast(rank, own):
        raise Refused(STANDS_ABOVE, name=target.name)
