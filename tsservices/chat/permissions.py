"""
Permissions in one room: ranks, voice, bans and mutes, invitations, and the first readable line of
each member.

Lasting rights belong to accounts, and are records. Rights of a guest end with the session and exist
only here: the next owner of the nick must not inherit them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tsservices.chat.cloaks import USER, isMask, matches
from tsservices.chat.records import (
    MEMBERS_TALK,
    MODERATED,
    OPERATORS_TOPIC,
    SECRET,
    Account,
    Restriction,
    RoomRecord,
    RoomRole,
)
from tsservices.chat.session import Session

#: Any member of the room.
MEMBER = "member"

#: May kick, ban, mute, and invite to a private room.
OPERATOR = "operator"

#: Has created the room: may also name operators, and make the room private.
FOUNDER = "founder"

#: An operator of the server: may do anything in any room.
SERVER = "server"

#: In ascending order: each rank includes the rights of those before it.
RANKS = (MEMBER, OPERATOR, FOUNDER, SERVER)


def atLeast(rank: str, required: str) -> bool:
    """Whether C{rank} is C{required} or above it."""
    return RANKS.index(rank) >= RANKS.index(required)


#: Letters for the roles of members, as in IRC.
OPERATOR_LETTER, VOICE_LETTER = "o", "v"


class RoomPermissions:
    """
    The rights in one room.

    @ivar roles: the roles of accounts, by their keys.
    @ivar restrictions: bans and mutes, by kind and mask; L{setRestriction} and L{removeRestriction}
        change them.
    @ivar checksTalk: whether a member may be forbidden to talk: there are restrictions, or the room
        is moderated.
    @ivar creator: the account or cloak whose limit of created rooms this room counts for; it is
        given back if the room is removed without a line.
    @ivar guestFounder: the id of the guest's session that created the room, while it is a member;
        otherwise empty.
    @ivar readableFrom: the number of the first line that a session may read, by its id; only for
        sessions whose right does not come from an account.
    @ivar sessionRoles: the letters of the roles that a member got as a guest, sorted, by the id of
        the session. They last while the session is a member, even if it logs in.
    """

    __slots__ = (
        "_masks",
        "_record",
        "checksTalk",
        "creator",
        "guestFounder",
        "readableFrom",
        "restrictions",
        "roles",
        "sessionRoles",
    )

    def __init__(self, record: RoomRecord) -> None:
        self._record = record
        self.roles: dict[str, RoomRole] = {}
        self.restrictions: dict[tuple[str, str], Restriction] = {}
        self.guestFounder = ""
        self.creator = ""
        self.readableFrom: dict[str, int] = {}
        self.sessionRoles: dict[str, str] = {}
        self._masks: dict[tuple[str, str], Restriction] = {}
        self.checksTalk = False
        self._updateChecks()

    def rank(self, session: Session) -> str:
        """The rank in this room; operators of the server are not considered here."""
        rank = MEMBER
        if session.account is not None:
            rank = self.rankOf(session.account)
        elif session.ident == self.guestFounder:
            rank = FOUNDER
        if rank == MEMBER and OPERATOR_LETTER in self.sessionRoles.get(session.ident, ""):
            return OPERATOR
        return rank

    def rankOf(self, account: str) -> str:
        """The rank of an account in this room."""
        if account == self._record.founder:
            return FOUNDER
        role = self.roles.get(account)
        return OPERATOR if role is not None and role.operator else MEMBER

    def hasVoice(self, session: Session) -> bool:
        """Whether a session may talk while the room is moderated, whatever its rank is."""
        role = self.roles.get(session.account or "")
        return (role is not None and role.voice) or VOICE_LETTER in self.sessionRoles.get(
            session.ident, ""
        )

    def setSessionRole(self, session: Session, letter: str, on: bool) -> bool:
        """Give or take a role of a member; returns whether that is a change."""
        old = self.sessionRoles.get(session.ident, "")
        if (letter in old) == on:
            return False
        new = "".join(sorted(old + letter)) if on else old.replace(letter, "")
        if new:
            self.sessionRoles[session.ident] = new
        else:
            del self.sessionRoles[session.ident]
        return True

    def withdraw(self, sessions: Iterable[Session], letter: str) -> bool:
        """Take a role that sessions got as guests; returns whether one of them had it."""
        return bool([item for item in sessions if self.setSessionRole(item, letter, False)])

    def revokeSession(self, session: Session) -> None:
        """End the roles that a session got as a guest."""
        self.sessionRoles.pop(session.ident, None)
        if session.ident == self.guestFounder:
            self.guestFounder = ""

    def setModes(self, modes: str) -> None:
        """
        Change the modes without an argument.

        @param modes: all of them, sorted.
        """
        self._record.modes = modes
        self._updateChecks()

    @property
    def isSecret(self) -> bool:
        """Whether only members, and people who may join a private room, can see the room."""
        return SECRET in self._record.modes

    @property
    def isModerated(self) -> bool:
        return MODERATED in self._record.modes

    @property
    def letsOutsidersTalk(self) -> bool:
        return MEMBERS_TALK not in self._record.modes

    @property
    def topicRank(self) -> str:
        """The rank needed to set the topic."""
        return OPERATOR if OPERATORS_TOPIC in self._record.modes else MEMBER

    def setRestriction(self, restriction: Restriction) -> None:
        """Add a ban or mute; it replaces one with the same mask."""
        key = restriction.kind, restriction.mask
        self.restrictions[key] = restriction
        if isMask(restriction.mask):
            self._masks[key] = restriction
        self.checksTalk = True

    def removeRestriction(self, kind: str, mask: str) -> Restriction | None:
        """End a ban or a mute; returns it, if it existed."""
        self._masks.pop((kind, mask), None)
        restriction = self.restrictions.pop((kind, mask), None)
        self._updateChecks()
        return restriction

    def _updateChecks(self) -> None:
        # Kept as one flag, because it is read for each line of talk.
        self.checksTalk = bool(self.restrictions) or self.isModerated

    def role(self, account: str) -> RoomRole:
        """The role of an account, or one without any rights."""
        return self.roles.get(account) or RoomRole(self._record.key, account)

    def restriction(
        self, kind: str, session: Session, account: Account | None, now: int
    ) -> Restriction | None:
        """
        The ban or mute that applies to a session.

        @param now: nanoseconds since 1970, UTC.
        """
        if not self.restrictions:
            return None
        if account is not None:
            match = self.restrictions.get((kind, account.key))
            if match is not None and not match.hasEnded(now):
                return match
        match = self.restrictions.get((kind, session.cloak))
        if match is not None and not match.hasEnded(now) and self._isMeant(match, session, account):
            return match
        for (maskKind, mask), match in self._masks.items():
            isMatch = maskKind == kind and matches(
                mask, session.key, session.account, session.username or USER
            )
            if isMatch and not match.hasEnded(now):
                return match
        return None

    def _isMeant(self, match: Restriction, session: Session, account: Account | None) -> bool:
        # Whether the restriction of an address applies to this session at that address.
        if (match.room, match.kind, match.mask, match.time) in session.inheritedRestrictions:
            return True
        # A family or an office shares one address. A session that entered before the ban, or an
        # older account, is another person, unless the operator named the address itself.
        if account is not None:
            return match.isOlderThan(account.position, account.created)
        return match.name == match.mask or match.isOlderThan(
            session.connectedPosition, session.connectedAt
        )

    def canJoin(self, session: Session) -> bool:
        """Whether the room is open to a session; bans are checked separately."""
        if not self._record.private:
            return True
        if session.account is None:
            return self._record.key in session.invited
        role = self.roles.get(session.account)
        return role is not None and (role.invited or role.admitted is not None)

    def changesByJoining(self, session: Session) -> bool:
        """Whether L{onJoin} would change the role of the session's account."""
        record, role = self._record, self.role(session.account or "")
        if role.invited or not record.private or session.account == record.founder:
            return role.invited
        return role.admitted is None

    def onJoin(self, session: Session) -> RoomRole | None:
        """Use up the invitation; returns the role to store, if it has changed."""
        session.invited -= {self._record.key}
        if not self._record.private:
            old = self.roles.get(session.account or "")
            return self.setRole(replace(old, invited=False)) if old and old.invited else None
        first = self._record.seq + 1
        if session.account is None or session.account == self._record.founder:
            self.readableFrom[session.ident] = first
            return None
        return self.admit(session.account, first)

    def admit(self, account: str, first: int) -> RoomRole | None:
        """Let an account read a private room from C{first} on; returns the role if it changes."""
        old = self.role(account)
        if account == self._record.founder or old.admitted is not None:
            return None
        return self.setRole(replace(old, invited=False, admitted=first))

    def revoke(self, account: str | None) -> RoomRole | None:
        """
        Make an account need another invitation; returns the role if the account has one.

        @param account: the key; None for guests.
        """
        old = self.roles.get(account or "")
        return None if old is None else self.setRole(replace(old, invited=False, admitted=None))

    def setRole(self, role: RoomRole) -> RoomRole:
        """Set a role; one without rights is removed, or the table would grow with each visitor."""
        if role.operator or role.voice or role.invited or role.admitted is not None:
            self.roles[role.account] = role
        else:
            self.roles.pop(role.account, None)
        return role

    def firstReadable(self, session: Session) -> int:
        """The number of the first line that a session may read."""
        record = self._record
        if session.account is not None:
            if session.account == record.founder:
                return 1
            role = self.roles.get(session.account)
            if role is not None and role.admitted is not None:
                # In a room that is public again, an early admission is still valid.
                return role.admitted if record.private else min(role.admitted, record.openFrom)
        if session.ident in self.readableFrom:
            return self.readableFrom[session.ident]
        return record.openFrom

    def makePrivate(self, members: Iterable[Session]) -> list[RoomRole]:
        """Close the room: members stay, and keep what they could read; returns their roles."""
        changed: dict[str, RoomRole] = {}
        for session in members:
            first = self.firstReadable(session)
            if session.account is None:
                self.readableFrom[session.ident] = first
            elif session.account != self._record.founder:
                role = replace(self.role(session.account), invited=False, admitted=first)
                changed[session.account] = self.setRole(role)
        self._record.private = True
        return list(changed.values())

    def makePublic(self) -> None:
        """Open the room; lines from its private time stay private."""
        self._record.private = False
        self._record.openFrom = self._record.seq + 1

    def openAbandoned(self) -> bool:
        """
        Open a room that guests have closed and left, because nobody could ever enter it again.
        Returns whether that is a change.
        """
        record = self._record
        if record.founder or self.roles or not (record.private or record.joinKey):
            return False
        if record.private:
            self.makePublic()
        record.joinKey = ""
        return True

    def restoreGuestFounder(self, session: Session) -> None:
        """Restore the founder after a reconnection, unless the room has another one by now."""
        if not self.guestFounder and not self._record.founder:
            self.guestFounder = session.ident

    def onPart(self, session: Session) -> None:
        """End the guest rights of a member that leaves."""
        self.readableFrom.pop(session.ident, None)
        self.revokeSession(session)

    def replaceSession(self, old: Session, new: Session) -> None:
        """Move the guest rights of a member to the connection that replaces it."""
        if old.ident in self.readableFrom:
            self.readableFrom[new.ident] = self.readableFrom.pop(old.ident)
        if old.ident in self.sessionRoles:
            self.sessionRoles[new.ident] = self.sessionRoles.pop(old.ident)
        if old.ident == self.guestFounder:
            self.guestFounder = new.ident
