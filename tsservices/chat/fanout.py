"""
Deliveries: the output of a stored batch, for each recipient, at low cost.

One message in a room of a thousand members is a thousand deliveries, so their cost is what counts:

  - Each notification is encoded once for each format. All members but the authors get the same
    bytes object; an author gets a variant without its own lines.
  - All output of a batch for a room is written to each member at once.
  - Members who get nothing but the shared bytes (idle connection, nobody ignored) are served by
    one call of their L{Broadcast<tsservices.chat.outlet.Broadcast>}. That took the interpreter's
    part of a line to 1000 members from 2531 to 624 microseconds: the loop below has to touch every
    member, and after the kernel's work none of them is in the processor's caches.

A broadcast is valid until one of its members changes: code that changes the output of a member
calls L{leaveBroadcast<tsservices.chat.outlet.BroadcastMember.leaveBroadcast>} first, which ends it.

Presence in a large room (joins, leaves, renames) is not urgent: it can wait until more has come
(L{Recipient.writeLater<tsservices.chat.outlet.Recipient.writeLater>}), in one place for all members
(L{tsservices.chat.delivery.backlog}).

docs/fan-out.md has the measurements, also of attempts that did not help.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tsservices.chat.delivery.backlog import DEFERRED_FROM, SENT_AT_ONCE
from tsservices.chat.delivery.recipients import BROADCAST_FROM, Recipients, idleBroadcastMember
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import (
    AwayChanged,
    Invited,
    MessageStored,
    NickChanged,
    Notification,
    PassingMessage,
    PrivateMessage,
    RoomMessages,
    UserInvited,
    UserJoined,
    UserLeft,
    UserQuit,
    isIgnored,
)
from tsservices.chat.operations import TALK
from tsservices.chat.outlet import Formatter
from tsservices.chat.session import Session

# Notifications with words of a user.
_AUTHORED = (RoomMessages, AwayChanged, PassingMessage, UserInvited, UserLeft, UserQuit)

# Notifications that can wait.
_PRESENCE = frozenset({AwayChanged, NickChanged, UserJoined, UserLeft, UserQuit})


class RoomDelivery:
    """
    Notifications for the same recipients, in order.

    @ivar authors: those recipients that wrote some of the messages, by their ids.
    @ivar _masks: accounts and origins by which the authors may be ignored; L{None}: not needed yet.
    @ivar _pieces: the encoded notifications, one by one, in each format used so far: variants are
        made of these, and nothing is encoded twice.
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

        @param last: nothing else is sent in this turn, so bytes need not be queued.
        """
        if len(self.recipients) >= DEFERRED_FROM and self._canWait():
            self._deliverLater()
            return
        authors = self.authors
        encoded: dict[Formatter, bytes] = {}
        current: Formatter | None = None
        data = b""
        remaining: Iterable[Session] = self.recipients
        last = last and len(self.recipients) <= SENT_AT_ONCE
        # For a few members even the check costs more than the loop. Bytes that follow others of
        # this turn have to go through the queues anyway.
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

    def _canWait(self) -> bool:
        return all(type(notification) in _PRESENCE for notification in self.notifications)

    def _deliverLater(self) -> None:
        backlog = self.recipients.backlog
        individual: Iterable[Session] = self.recipients
        if backlog is not None:
            individual = backlog.recipientsApart(self.recipients, self.recipients.version)
        # The same loop, for notifications without authors.
        current: Formatter | None = None
        data = b""
        for session in individual:
            recipient = session.recipient
            if recipient is None:
                continue
            if session.ignores and self._isIgnoredBy(session):
                if variant := self._encodeFor(session, recipient.form):
                    recipient.writeLater(variant)
                continue
            if recipient.form is not current:
                current = recipient.form
                data = b"".join(self._encodeShared(current))
            recipient.writeLater(data)
        if backlog is not None:
            for form, followed in list(backlog.byForm.items()):
                followed.add(b"".join(self._encodeShared(form)))

    def _broadcast(self) -> list[Session]:
        # Returns the sessions that the loop still has to serve.
        authors, recipients = self.authors, self.recipients
        remaining = [session for session in recipients.unbroadcast if session.ident not in authors]
        remaining += authors.values()
        members = [idleBroadcastMember(session) for session in authors.values()]
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
        first = self.notifications[0]
        if (
            len(self.notifications) == 1
            and type(first) is RoomMessages
            and first.session == ident
            and first.kind in TALK
            and not (session.wantsAcks or session.wantsEcho)
        ):
            # The case of most authors: there is nothing but their own line.
            return b""
        # Nothing is encoded before it is needed: maybe no other recipient has this format.
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
                # The leave itself is shown to everybody, but not an ignored user's reason.
                if not isinstance(notification, AwayChanged | PassingMessage | UserInvited):
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
    """Lines for an author outside of the room: what a member would get of its own lines."""

    __slots__ = ("messages", "session")

    def __init__(self, session: Session, messages: RoomMessages) -> None:
        self.session = session
        self.messages = messages

    def deliver(self, last: bool) -> None:
        """Write the acknowledgement and the lines, as far as the session wants them."""
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
    """A change of the number of rooms of a session, which may change its format."""

    __slots__ = ("rooms", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rooms = len(session.rooms)

    def deliver(self, last: bool) -> None:
        """Pass on the number of that moment; the session may be in more rooms already."""
        if self.session.recipient is not None:
            self.session.recipient.roomCountChanged(self.rooms)


class Disconnect:
    """The end of a session's connection, after all earlier output."""

    __slots__ = ("error", "session")

    def __init__(self, session: Session, error: ChatError) -> None:
        self.session = session
        self.error = error

    def deliver(self, last: bool) -> None:
        if self.session.recipient is not None:
            self.session.recipient.disconnect(self.error)


Delivery = RoomDelivery | DirectDelivery | OutsiderDelivery | MembershipUpdate | Disconnect
