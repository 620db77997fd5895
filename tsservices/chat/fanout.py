"""
Deliveries: what leaves for whom when a batch is stored, and how it costs little.

One message in a room of a thousand members is a thousand deliveries, so only these count:

  - Each notification is encoded once for each format. All members but the authors get the same
    bytes object; an author gets a variant without its own lines.
  - What a batch has for a room is written to each member at one go.
  - Members to whom nothing but the shared bytes matters (an idle wire, nobody ignored) are served
    by one call of their L{Broadcast<tsservices.chat.outlet.Broadcast>}. That took the interpreter's
    part of a line to 1000 members from 2531 to 624 microseconds: the loop below has to touch every
    member, and after the kernel's work none of them is in the processor's caches.

A broadcast stands until one of its members changes: whoever changes what a member is to be sent
calls L{leaveBroadcast<tsservices.chat.outlet.BroadcastMember.leaveBroadcast>} first, which ends it.
docs/fan-out.md has the measurements, also of what was tried and did not help.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import (
    AwayChanged,
    Invited,
    MessageStored,
    Notification,
    PassingMessage,
    PrivateMessage,
    RoomMessages,
    UserLeft,
    UserQuit,
    isIgnored,
)
from tsservices.chat.operations import TALK
from tsservices.chat.outlet import Broadcast, BroadcastMember, Formatter
from tsservices.chat.session import Session

# What has words of somebody in it.
_AUTHORED = (RoomMessages, AwayChanged, PassingMessage, UserLeft, UserQuit)

#: Recipients that are written to at once, without the queue: some 10 ms of a turn.
SENT_AT_ONCE = 2000

#: Recipients from which on a broadcast pays. With 64 in place of 12 a line to 20 members took 71
#: microseconds in the interpreter, not 52.
BROADCAST_FROM = 12


class RoomDelivery:
    """
    Notifications for the same recipients, in order.

    @ivar authors: those of them who wrote some of the messages, by their ids.
    @ivar _masks: by what those who wrote something may be ignored; L{None}: nobody has asked yet.
    @ivar _pieces: the notifications one by one in each format that was needed: variants are made of
        these, and nothing is encoded twice.
    """

    __slots__ = ("_masks", "_pieces", "authors", "notifications", "recipients")

    def __init__(self, recipients: Recipients) -> None:
        self.recipients = recipients
        self.notifications: list[Notification] = []
        self.authors: dict[str, Session] = {}
        self._masks: frozenset[str | None] | None = None
        self._pieces: dict[Formatter, list[bytes]] = {}

    def deliver(self, last: bool) -> None:
        """
        Write the notifications to the recipients.

        @param last: nothing else follows in this turn, so bytes need not be queued.
        """
        authors = self.authors
        encoded: dict[Formatter, bytes] = {}
        current: Formatter | None = None
        data = b""
        remaining: Iterable[Session] = self.recipients
        last = last and len(self.recipients) <= SENT_AT_ONCE
        # For a few members even asking costs more than the loop. Bytes that follow others of this
        # turn have to go through the queues anyway.
        if last and len(self.recipients) >= BROADCAST_FROM and self.recipients.canBroadcast():
            remaining = self._broadcast()
        # The hot path: no call but the write for most members.
        for session in remaining:
            recipient = session.recipient
            if recipient is None:
                continue
            if session.ident in authors or (session.ignores and self._isIgnoredBy(session)):
                if variant := self._encodeFor(session, recipient.form):
                    recipient.write(variant)
                continue
            if recipient.form is not current:
                current = recipient.form
                if current not in encoded:
                    encoded[current] = b"".join(self._encodeShared(current))
                data = encoded[current]
            if last:
                recipient.writeLast(data)
            else:
                recipient.write(data)

    def _broadcast(self) -> list[Session]:
        # Returns those that the loop still has to serve.
        authors, recipients = self.authors, self.recipients
        remaining = [session for session in recipients.unbroadcast if session.ident not in authors]
        remaining += authors.values()
        members = [
            session.recipient.broadcastMember
            for session in authors.values()
            if session.recipient is not None
        ]
        without = [member for member in members if member is not None]
        for form, sessions, broadcast in recipients.groups:
            if not broadcast.send(b"".join(self._encodeShared(form)), without):
                remaining += [session for session in sessions if session.ident not in authors]
        return remaining

    def _isIgnoredBy(self, session: Session) -> bool:
        masks = self._masks
        if masks is None:
            masks = self._masks = frozenset(
                [
                    mask
                    for item in self.notifications
                    if isinstance(item, _AUTHORED)
                    for mask in (item.account, item.origin)
                ]
            )
        return not session.ignores.isdisjoint(masks)

    def _encodeShared(self, form: Formatter) -> list[bytes]:
        pieces = self._pieces.get(form)
        if pieces is None:
            notifications = self.notifications
            pieces = self._pieces[form] = (
                [form.encode(notifications)]
                if len(notifications) == 1
                else [form.encode([notification]) for notification in notifications]
            )
        return pieces

    def _encodeFor(self, session: Session, form: Formatter) -> bytes:
        variant: list[bytes] = []
        ident, ignores = session.ident, session.ignores
        # Most authors get nothing here, since their own line is all there is. Then nothing is to be
        # encoded: it may be that nobody else has this format.
        pieces: list[bytes] | None = None
        for index, notification in enumerate(self.notifications):
            if isinstance(notification, RoomMessages):
                if notification.session == ident:
                    if session.wantsAcks:
                        room, name = notification.room, notification.roomName
                        stored = MessageStored(room, name, notification.first, notification.last)
                        variant.append(form.encode([stored]))
                    if not session.wantsEcho and notification.kind in TALK:
                        continue
                elif ignores and isIgnored(notification, ignores):
                    continue
            elif (
                ignores
                and isinstance(notification, _AUTHORED)
                and (notification.account in ignores or notification.origin in ignores)
            ):
                # That they have left is for everybody, but not what they say to that.
                if not isinstance(notification, AwayChanged | PassingMessage):
                    variant.append(form.encode([replace(notification, reason="")]))
                continue
            if pieces is None:
                pieces = self._encodeShared(form)
            variant.append(pieces[index])
        return b"".join(variant)


class DirectDelivery:
    """A notification for one session."""

    __slots__ = ("notification", "session")

    def __init__(self, session: Session, notification: Notification) -> None:
        self.session = session
        self.notification = notification

    def deliver(self, last: bool) -> None:
        """Write it, unless the session ignores its author."""
        session, notification = self.session, self.notification
        if isinstance(notification, PrivateMessage | Invited | PassingMessage) and (
            notification.account in session.ignores or notification.origin in session.ignores
        ):
            return
        if session.recipient is not None:
            session.recipient.notify(notification)


class OutsiderDelivery:
    """Lines for their author, who is not in the room: what a member would get of its own."""

    __slots__ = ("messages", "session")

    def __init__(self, session: Session, messages: RoomMessages) -> None:
        self.session = session
        self.messages = messages

    def deliver(self, last: bool) -> None:
        """Write that they are stored, and the lines, as far as the session wants that."""
        session, messages = self.session, self.messages
        if session.recipient is None:
            return
        if session.wantsAcks:
            room, name = messages.room, messages.roomName
            stored = MessageStored(room, name, messages.first, messages.last)
            session.recipient.write(session.recipient.form.encode([stored]))
        if session.wantsEcho:
            session.recipient.write(session.recipient.form.encode([messages]))


class MembershipUpdate:
    """A session is in another number of rooms from here on, which may change its format."""

    __slots__ = ("rooms", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rooms = len(session.rooms)

    def deliver(self, last: bool) -> None:
        """Pass the number of that moment on; the session may be in more rooms already."""
        if self.session.recipient is not None:
            self.session.recipient.roomCountChanged(self.rooms)


class Disconnect:
    """The end of a session's connection, after all that was sent to it before."""

    __slots__ = ("error", "session")

    def __init__(self, session: Session, error: ChatError) -> None:
        self.session = session
        self.error = error

    def deliver(self, last: bool) -> None:
        """End the connection."""
        if self.session.recipient is not None:
            self.session.recipient.replaced(self.error)


Delivery = RoomDelivery | DirectDelivery | OutsiderDelivery | MembershipUpdate | Disconnect


class RecipientGroup(NamedTuple):
    """Recipients with the same format, and the broadcast that serves them."""

    form: Formatter
    sessions: list[Session]
    broadcast: Broadcast


class Recipients(tuple[Session, ...]):
    """The members of a room, until one joins or leaves."""

    #: Members that broadcasts serve, while L{canBroadcast} says so.
    groups: tuple[RecipientGroup, ...] = ()
    #: Members that have to be served one by one.
    unbroadcast: tuple[Session, ...] = ()
    _askedBefore = False
    _closed = False

    def canBroadcast(self) -> bool:
        """
        Whether C{groups} may be used now.

        Groups are made at the second delivery after a change: they cost more than one loop, and in
        a storm of joins and leaves each would serve one delivery.
        """
        if self.groups:
            for group in self.groups:
                if not group.broadcast.valid:
                    break
            else:
                # Whoever could join a broadcast by now would be served one by one for ever.
                for session in self.unbroadcast:
                    if _idleBroadcastMember(session) is not None:
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
        """End the broadcasts; the loop serves everybody again."""
        groups, self.groups, self.unbroadcast = self.groups, (), ()
        self._askedBefore = False
        for group in groups:
            group.broadcast.dissolve()

    def close(self) -> None:
        """The room has other members from now on: groups of these would not last."""
        self.reset()
        self._closed = True

    def _makeGroups(self) -> None:
        byFormat: dict[Formatter, tuple[list[Session], list[BroadcastMember]]] = {}
        individual: list[Session] = []
        for session in self:
            member = _idleBroadcastMember(session)
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


def _idleBroadcastMember(session: Session) -> BroadcastMember | None:
    recipient = session.recipient
    if recipient is None or session.ignores:
        return None
    member = recipient.broadcastMember
    return member if member is not None and member.isIdle else None
