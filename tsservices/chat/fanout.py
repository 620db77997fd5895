"""
Who is told what, when a batch is released.  Pure.

Those who are told together, most of them at one go.  Pure.

One line in a large room is the same bytes for almost everybody, and what it costs is to look at
each of them.  So those to whom nothing but these bytes matters (they have a clear wire, and
ignore nobody) are looked at once and then sent to by one call, until one of them changes: then
L{Wire.leave<tsservices.chat.outlet.Wire.leave>} dissolves it all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import (
    Invited,
    MessageStored,
    Notification,
    PrivateMessage,
    RoomMessages,
)
from tsservices.chat.operations import TALK, TOPIC
from tsservices.chat.outlet import Broadcast, BroadcastMember, Formatter
from tsservices.chat.session import Session

#: People to whom something is sent at once, some 10 ms of a turn. To more it is sent in several
#: turns.
SENT_AT_ONCE = 2000

#: People from whom on it pays to gather those who are sent the same bytes.
BROADCAST_FROM = 12


#: The kinds of lines that are not told to who ignores who says them.
IGNORED_KINDS = TALK | {TOPIC}


class RoomDelivery:
    """
    What some people are told together, in order.

    @ivar recipients: they.
    @ivar notifications: what they are told.
    @ivar authors: the folded names of those among them who said some of it, by the
        ids of their sessions.
    @ivar authorSessions: the sessions of these.
    """

    __slots__ = ("_pieces", "authorSessions", "authors", "notifications", "recipients")

    def __init__(self, recipients: Recipients) -> None:
        self.recipients = recipients
        self.notifications: list[Notification] = []
        self.authors: dict[str, str] = {}
        self.authorSessions: list[Session] = []
        self._pieces: dict[Formatter, list[bytes]] = {}

    def deliver(self, last: bool) -> None:
        """Tell them."""
        authors = self.authors
        speakers = authors.values()
        encoded: dict[Formatter, bytes] = {}
        current: Formatter | None = None
        data = b""
        audience: Iterable[Session] = self.recipients
        last = last and len(self.recipients) <= SENT_AT_ONCE
        # For a few it is not worth it, and not worth the question.
        if last and len(self.recipients) >= BROADCAST_FROM and self.recipients.canBroadcast():
            audience = self._broadcast()
        # The hot path: most of an audience is told the same bytes.
        for session in audience:
            outlet = session.recipient
            if outlet is None:
                continue
            if session.ident in authors or (
                session.ignores and not session.ignores.isdisjoint(speakers)
            ):
                if own := self._encodeFor(session, outlet.form):
                    outlet.write(own)
                continue
            if outlet.form is not current:
                current = outlet.form
                if current not in encoded:
                    encoded[current] = b"".join(self._encodeShared(current))
                data = encoded[current]
            if last:
                outlet.writeLast(data)
            else:
                outlet.write(data)

    def _broadcast(self) -> list[Session]:
        """Tell those who can be sent to at one go."""
        authors, audience = self.authors, self.recipients
        rest = [each for each in audience.others if each.ident not in authors]
        rest += self.authorSessions
        wires = [each.recipient.wire for each in self.authorSessions if each.recipient is not None]
        without = [each for each in wires if each is not None]
        for form, sessions, broadcast in audience.groups:
            if not broadcast.send(b"".join(self._encodeShared(form)), without):
                rest += [each for each in sessions if each.ident not in authors]
        return rest

    def _encodeShared(self, form: Formatter) -> list[bytes]:
        pieces = self._pieces.get(form)
        if pieces is None:
            happenings = self.notifications
            pieces = self._pieces[form] = (
                [form.encode(happenings)]
                if len(happenings) == 1
                else [form.encode([each]) for each in happenings]
            )
        return pieces

    def _encodeFor(self, session: Session, form: Formatter) -> bytes:
        told: list[bytes] = []
        ident, ignores = session.ident, session.ignores
        # Most are told nothing here, their own line being all there is.  Then nothing is to be
        # encoded: it may be that nobody else hears in this form.
        pieces: list[bytes] | None = None
        # Lines that tell what was done to the room are for everybody in it.
        for place, each in enumerate(self.notifications):
            if isinstance(each, RoomMessages):
                if each.session == ident:
                    if session.wantsAcks:
                        stored = MessageStored(each.room, each.roomName, each.first, each.last)
                        told.append(form.encode([stored]))
                    if not session.wantsEcho and each.kind in TALK:
                        continue
                elif each.kind in IGNORED_KINDS and self.authors[each.session] in ignores:
                    continue
            if pieces is None:
                pieces = self._encodeShared(form)
            told.append(pieces[place])
        return b"".join(told)


class DirectDelivery:
    """What one person is told."""

    __slots__ = ("notification", "session")

    def __init__(self, session: Session, notification: Notification) -> None:
        self.session = session
        self.notification = notification

    def deliver(self, last: bool) -> None:
        """Tell them."""
        session, happening = self.session, self.notification
        ignored = (
            isinstance(happening, PrivateMessage | Invited) and happening.key in session.ignores
        )
        if session.recipient is not None and not ignored:
            session.recipient.write(session.recipient.form.encode([happening]))


class MembershipUpdate:
    """That somebody is in more rooms now, or in fewer."""

    __slots__ = ("rooms", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rooms = len(session.rooms)

    def deliver(self, last: bool) -> None:
        """Let them hear in the form that suits it."""
        if self.session.recipient is not None:
            self.session.recipient.roomCountChanged(self.rooms)


class Disconnect:
    """That another connection goes on for somebody's."""

    __slots__ = ("error", "session")

    def __init__(self, session: Session, error: ChatError) -> None:
        self.session = session
        self.error = error

    def deliver(self, last: bool) -> None:
        """Tell them."""
        if self.session.recipient is not None:
            self.session.recipient.replaced(self.error)


class RecipientGroup(NamedTuple):
    """
    Some of an audience who hear in the same form.

    @ivar form: that one.
    @ivar sessions: they.
    @ivar broadcast: sends to them.
    """

    form: Formatter
    sessions: list[Session]
    broadcast: Broadcast


class Recipients(tuple[Session, ...]):
    """
    Those who are told together.

    @ivar groups: those who are sent to at one go, when L{canBroadcast} says so.
    @ivar others: the rest.
    """

    groups: tuple[RecipientGroup, ...] = ()
    others: tuple[Session, ...] = ()
    _askedBefore = False
    _closed = False

    def canBroadcast(self) -> bool:
        """
        To be asked each time they are told something.  Nobody is gathered for what may be told
        only once, nor again after each of many changes.
        """
        if self.groups:
            for group in self.groups:
                if not group.broadcast.valid:
                    break
            else:
                for session in self.others:
                    if _wire(session) is not None:
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
        """They are to be looked at one by one."""
        groups, self.groups, self.others = self.groups, (), ()
        self._askedBefore = False
        for group in groups:
            group.broadcast.dissolve()

    def close(self) -> None:
        """Others are told from now on.  What these are still told is not worth gathering for."""
        self.reset()
        self._closed = True

    def _makeGroups(self) -> None:
        """Look at each of them."""
        found: dict[Formatter, tuple[list[Session], list[BroadcastMember]]] = {}
        others: list[Session] = []
        for session in self:
            wire = _wire(session)
            if wire is None or session.recipient is None:
                others.append(session)
            else:
                sessions, wires = found.setdefault(session.recipient.form, ([], []))
                sessions.append(session)
                wires.append(wire)
        self.others = tuple(others)
        self.groups = tuple(
            [
                RecipientGroup(form, sessions, wires[0].broadcastWith(wires))
                for form, (sessions, wires) in found.items()
            ]
        )


def _wire(session: Session) -> BroadcastMember | None:
    outlet = session.recipient
    if outlet is None or session.ignores:
        return None
    wire = outlet.wire
    return wire if wire is not None and wire.isIdle else None
