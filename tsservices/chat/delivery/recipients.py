"""The recipients of deliveries to a room: by broadcast, by backlog, or one by one."""

from __future__ import annotations

from typing import NamedTuple

from tsservices.chat.delivery.backlog import RoomBacklog
from tsservices.chat.outlet import Broadcast, BroadcastMember, Formatter
from tsservices.chat.session import Session

#: Minimum number of recipients for which a broadcast is cheaper. With 64 in place of 12 a line to
#: 20 members took 71 microseconds in the interpreter, not 52.
BROADCAST_FROM = 12


class RecipientGroup(NamedTuple):
    """Recipients with the same format, and the broadcast that serves them."""

    form: Formatter
    sessions: list[Session]
    broadcast: Broadcast


class Recipients(tuple[Session, ...]):
    """The members of a room, until one joins or leaves."""

    #: Members served by broadcasts, while L{canBroadcast} returns true.
    groups: tuple[RecipientGroup, ...] = ()
    #: Members that have to be served one by one.
    unbroadcast: tuple[Session, ...] = ()
    #: Shared by the successive recipients of one room; L{None}: of no room, or too few.
    backlog: RoomBacklog | None = None
    #: The number of changes of the room's members before this, as counted by the backlog.
    version = 0
    _askedBefore = False
    _closed = False

    def canBroadcast(self) -> bool:
        """
        Whether C{groups} may be used now.

        Groups are made at the second delivery after a change: they cost more than one loop, and in
        a storm of joins and leaves each would serve only one delivery.
        """
        if self.groups:
            for group in self.groups:
                if not group.broadcast.valid:
                    break
            else:
                # Members that could join a broadcast now would otherwise be served alone for ever.
                for session in self.unbroadcast:
                    if idleBroadcastMember(session) is not None:
                        break
                else:
                    return True
            self.reset()
            return False
        if len(self) < BROADCAST_FROM or self._closed:
            return False
        if not self._askedBefore:
            self._askedBefore = True
            return False
        self._makeGroups()
        return bool(self.groups)

    def reset(self) -> None:
        """End the broadcasts; the loop serves all members again."""
        groups, self.groups, self.unbroadcast = self.groups, (), ()
        self._askedBefore = False
        for group in groups:
            group.broadcast.dissolve()

    def close(self) -> None:
        """End the broadcasts for good, because the room has other members from now on."""
        self.reset()
        self._closed = True

    def _makeGroups(self) -> None:
        byFormat: dict[Formatter, tuple[list[Session], list[BroadcastMember]]] = {}
        individual: list[Session] = []
        for session in self:
            member = idleBroadcastMember(session)
            if member is None or session.recipient is None:
                individual.append(session)
            else:
                sessions, members = byFormat.setdefault(session.recipient.form, ([], []))
                sessions.append(session)
                members.append(member)
        self.unbroadcast = tuple(individual)
        self.groups = tuple(
            [
                RecipientGroup(form, sessions, members[0].broadcastWith(members))
                for form, (sessions, members) in byFormat.items()
            ]
        )


def idleBroadcastMember(session: Session) -> BroadcastMember | None:
    """The broadcast member of a session; L{None}: it has to be served alone."""
    recipient = session.recipient
    if recipient is None or session.ignores:
        return None
    member = recipient.broadcastMember
    return member if member is not None and member.isIdle else None
