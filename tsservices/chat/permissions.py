"""
What somebody may do in a room, and on the server.  Pure.

Who may do what in one room.  Pure.

Rights that last belong to accounts, and are records.  What a guest may do ends with
their session, and is kept nowhere else than here.
"""

from __future__ import annotations

from dataclasses import replace

from tsservices.chat.records import Account, Restriction, RoomRecord, RoomRole
from tsservices.chat.session import Session

#: Whoever is in the room.
MEMBER = "member"

#: Who looks after the room: may kick, ban, mute and invite.
OPERATOR = "operator"

#: Who made the room: may name operators too, and make it private.
FOUNDER = "founder"

#: An operator of the server: may do anything, anywhere.
SERVER = "server"

#: Each may do what those before it may.
RANKS = (MEMBER, OPERATOR, FOUNDER, SERVER)


def atLeast(rank: str, wanted: str) -> bool:
    """Whether that is enough."""
    return RANKS.index(rank) >= RANKS.index(wanted)


#: What cloaks of addresses begin with, and names do not.
CLOAK_SIGN = "~"


class RoomPermissions:
    """
    The rights in one room.

    @ivar roles: of accounts, by their keys.
    @ivar restrictions: by kind and mask.
    @ivar creator: who counts as having made the room, until something is said in it.
    @ivar guestFounder: the id of the guest's session that made the room, as long as it is
        there; else nothing.
    """

    __slots__ = ("_record", "creator", "guestFounder", "readableFrom", "restrictions", "roles")

    def __init__(self, record: RoomRecord) -> None:
        self._record = record
        self.roles: dict[str, RoomRole] = {}
        self.restrictions: dict[tuple[str, str], Restriction] = {}
        self.guestFounder = ""
        self.creator = ""
        self.readableFrom: dict[str, int] = {}

    def rank(self, session: Session) -> str:
        """What they may do by this room alone."""
        if session.account is not None:
            return self.rankOf(session.account)
        return FOUNDER if session.ident == self.guestFounder else MEMBER

    def rankOf(self, account: str) -> str:
        """What it may do by this room alone."""
        if account == self._record.founder:
            return FOUNDER
        standing = self.roles.get(account)
        return OPERATOR if standing is not None and standing.operator else MEMBER

    def role(self, account: str) -> RoomRole:
        """What is kept of it, or would be."""
        return self.roles.get(account) or RoomRole(self._record.key, account)

    def restriction(
        self, kind: str, session: Session, account: Account | None, now: int
    ) -> Restriction | None:
        """
        What holds them, if anything does.

        @param now: the time: nanoseconds since 1970, UTC.
        """
        if not self.restrictions:
            return None
        if account is not None:
            found = self.restrictions.get((kind, account.key))
            if found is not None and not _hasEnded(found, now):
                return found
        found = self.restrictions.get((kind, session.cloak))
        if found is None or _hasEnded(found, now):
            return None
        if (found.room, kind, found.mask, found.time) in session.inheritedRestrictions:
            return found
        # Who was here before, or has an account that was, is somebody else at the same
        # address, unless the address itself was meant.
        before = session.connectedAt if found.name != found.mask else found.time + 1
        if account is not None:
            before = account.created
        return found if before > found.time else None

    def canJoin(self, session: Session) -> bool:
        """Whether the room is open to them, if they are not banned."""
        if not self._record.private:
            return True
        if session.account is None:
            return self._record.key in session.invited
        standing = self.roles.get(session.account)
        return standing is not None and (standing.invited or standing.admitted is not None)

    def onJoin(self, session: Session) -> RoomRole | None:
        """Somebody enters: use up their invitation."""
        session.invited -= {self._record.key}
        if not self._record.private:
            had = self.roles.get(session.account or "")
            return self.setRole(replace(had, invited=False)) if had and had.invited else None
        first = self._record.seq + 1
        if session.account is None or session.account == self._record.founder:
            self.readableFrom[session.ident] = first
            return None
        standing = self.role(session.account)
        if standing.admitted is not None:
            return None
        return self.setRole(
            RoomRole(standing.room, standing.account, standing.operator, False, first)
        )

    def admit(self, account: str, first: int) -> RoomRole | None:
        """Who is in a private room as a guest has an account now."""
        had = self.role(account)
        if account == self._record.founder or had.admitted is not None:
            return None
        return self.setRole(replace(had, invited=False, admitted=first))

    def revoke(self, account: str | None) -> RoomRole | None:
        """
        Who has an account is put out: they need another invitation.

        @param account: its key; L{None} for guests.
        """
        had = self.roles.get(account or "")
        return None if had is None else self.setRole(replace(had, invited=False, admitted=None))

    def setRole(self, role: RoomRole) -> RoomRole:
        """The same."""
        if role.operator or role.invited or role.admitted is not None:
            self.roles[role.account] = role
        else:
            self.roles.pop(role.account, None)
        return role

    def firstReadable(self, session: Session) -> int:
        """The number of the first line that they may read."""
        record = self._record
        if session.account is not None:
            if session.account == record.founder:
                return 1
            standing = self.roles.get(session.account)
            if standing is not None and standing.admitted is not None:
                return min(standing.admitted, record.openFrom if not record.private else 2**63)
        if session.ident in self.readableFrom:
            return self.readableFrom[session.ident]
        return record.openFrom

    def makePrivate(self, members: list[Session]) -> list[RoomRole]:
        """The room becomes private: those who are in stay in, and may read what they could."""
        kept: dict[str, RoomRole] = {}
        for session in members:
            first = self.firstReadable(session)
            if session.account is None:
                self.readableFrom[session.ident] = first
            elif session.account != self._record.founder:
                had = self.role(session.account)
                kept[session.account] = self.setRole(
                    RoomRole(had.room, had.account, had.operator, False, first)
                )
        self._record.private = True
        return list(kept.values())

    def makePublic(self) -> None:
        """The room becomes public; what was said meanwhile stays private."""
        self._record.private = False
        self._record.openFrom = self._record.seq + 1

    def setReadableFrom(self, ident: str, first: int) -> None:
        """Have somebody read what they could read before."""
        self.readableFrom[ident] = first

    @property
    def readers(self) -> dict[str, int]:
        """
        For those who read by their session, not by an account: the id of that, and the number
        of the first line.
        """
        return dict(self.readableFrom)

    def restoreGuestFounder(self, session: Session) -> None:
        """Who had made the room as a guest is back in it."""
        if not self.guestFounder and not self._record.founder:
            self.guestFounder = session.ident

    def onPart(self, session: Session) -> None:
        self.readableFrom.pop(session.ident, None)
        if session.ident == self.guestFounder:
            self.guestFounder = ""

    def replaceSession(self, old: Session, new: Session) -> None:
        if old.ident in self.readableFrom:
            self.readableFrom[new.ident] = self.readableFrom.pop(old.ident)
        if old.ident == self.guestFounder:
            self.guestFounder = new.ident


def _hasEnded(restriction: Restriction, now: int) -> bool:
    return bool(restriction.until) and restriction.until <= now
