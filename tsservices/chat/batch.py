"""
A batch: all results of one turn, to be stored and delivered.

Handlers fill it, the storage keeps it in one transaction, and then it is delivered. Its
notifications are encoded only then, and once for each format.
"""

from __future__ import annotations

from collections.abc import Iterable

from tsservices.chat.delivery.recipients import Recipients
from tsservices.chat.errors import ChatError
from tsservices.chat.fanout import (
    Delivery,
    DirectDelivery,
    Disconnect,
    MembershipUpdate,
    OutsiderDelivery,
    RoomDelivery,
)
from tsservices.chat.notifications import Notification, RoomMessages
from tsservices.chat.operations import SCHEMA
from tsservices.chat.records import MessageDeletion, Record, RoomRecord, StoredPrivateMessage, keyOf
from tsservices.chat.room import Room
from tsservices.chat.session import Session

#: Authors in one delivery. Each gets a variant without its own lines, so the work grows with the
#: square of their number: 8 authors with 20 lines take 30 microseconds.
AUTHORS_PER_DELIVERY = 64


class Batch:
    """
    The results of one turn.

    The records in it are copies as of its end, because the state changes while the storage writes.

    @ivar log: the incarnation of the order to which it belongs.
    @ivar position: its position in the order.
    @ivar stamp: its time: nanoseconds since 1970, UTC.
    @ivar schema: the version of the rules by which its operations are applied.
    @ivar messages: new lines of rooms, in order.
    @ivar lineCount: the number of lines in C{messages}.
    @ivar roomRecords: rooms that have changed; filled by L{freeze}.
    @ivar records: other records that have changed, by kind and key; None: deleted.
    @ivar privateMessages: the private messages between two accounts, in order.
    @ivar erasedInboxes: accounts whose private messages from before this batch are to be deleted.
    @ivar privateDeletions: the ids of private messages whose text is to be deleted, once those of
        this batch are stored.
    @ivar deletions: lines whose text is to be deleted, once the lines of this batch are stored.
    @ivar audits: facts for the audit log, written when the batch is stored.
    @ivar checkpoint: the whole state after this batch, in the form of L{tsservices.chat.snapshot},
        if it is to be stored now.
    @ivar durable: whether anything in it is to be stored; known after L{freeze}.
    @ivar proposers: the session of each operation, once for each operation.
    @ivar audience: the number of members to which it delivers, summed over all room deliveries.
    @ivar beganAt: its beginning, in seconds of the clock of L{PipelineTimes
        <tsservices.chat.pipeline.PipelineTimes>}.
    @ivar appliedAt: when all operations were decided: the same.
    """

    def __init__(self, log: str, position: int, stamp: int, schema: int = SCHEMA) -> None:
        self.log = log
        self.position = position
        self.stamp = stamp
        self.schema = schema
        self.messages: list[RoomMessages] = []
        self.roomRecords: list[RoomRecord] = []
        self.records: dict[tuple[object, ...], Record | None] = {}
        self.privateMessages: list[StoredPrivateMessage] = []
        self.erasedInboxes: list[str] = []
        self.privateDeletions: list[str] = []
        self.deletions: list[MessageDeletion] = []
        self.audits: list[dict[str, object]] = []
        self.checkpoint: list[str] = []
        self.proposers: list[Session] = []
        self.lineCount = self.audience = 0
        self.durable = False
        self.beganAt = self.appliedAt = 0.0
        self._deliveries: list[Delivery] = []
        self._openDeliveries: dict[Room, RoomDelivery] = {}
        self._changed: dict[Room, RoomRecord] = {}
        self._emptied: list[Room] = []
        self._privateCount = 0
        self._passingCount = 0
        self._lastRoom: Room | None = None

    @property
    def recordPosition(self) -> int:
        """The position for records that show who was first; 0 by version 1 of the rules."""
        return 0 if self.schema == 1 else self.position

    def freeze(self) -> None:
        """End the turn: later changes of the rooms do not appear in this batch."""
        self._openDeliveries.clear()
        for room in self._emptied:
            # Lines that are not stored yet could not be read again, so they are kept in memory.
            if not room.members and room.storedSeq == room.record.seq:
                room.clearRecent()
        changed = self._changed
        for room in changed:
            changed[room] = room.record.copy()
        self.roomRecords = list(changed.values())
        self.durable = bool(
            self.roomRecords
            or self.records
            or self.privateMessages
            or self.privateDeletions
            or self.deletions
            or self.checkpoint
        )

    def addMessages(self, room: Room, messages: RoomMessages, author: Session) -> None:
        """Store lines and deliver them to the room."""
        # The delivery to the room of the last message is open, unless it was split.
        delivery = self._openDeliveries.get(room) if room is self._lastRoom else None
        if delivery is None:
            delivery = self._openDelivery(room)
        if author.ident not in delivery.authors:
            if author.ident not in room.members:
                self._deliveries.append(OutsiderDelivery(author, messages))
            else:
                if len(delivery.authors) >= AUTHORS_PER_DELIVERY:
                    delivery = self._beginDelivery(room)
                delivery.authors[author.ident] = author
        delivery.notifications.append(messages)
        self.messages.append(messages)
        self.lineCount += len(messages.texts)
        self._changed[room] = room.record

    def nextPrivateIdent(self) -> str:
        """Return the id for the next private message: the same on all nodes, for ever."""
        self._privateCount += 1
        return f"{self.log}-{self.position}-w{self._privateCount}"

    def nextPassingIdent(self) -> str:
        """Return the id for the next private message that is not stored."""
        self._passingCount += 1
        # By the time: a batch with nothing to store has no position of its own.
        return f"{self.log}-{self.stamp}-g{self._passingCount}"

    def roomChanged(self, room: Room) -> None:
        """Store the record of a room that has changed without a new line."""
        # A room without lines ends with its last member; a stored one would exist for ever.
        if room.record.seq:
            self._changed[room] = room.record

    def audit(
        self, action: str, session: Session, room: Room | None = None, **facts: object
    ) -> None:
        """Add an entry to the audit log."""
        where = {} if room is None else {"room": room.record.name}
        by = {"by": session.nick, "account": session.account, "cloak": session.cloak}
        self.audits.append({"audit": action, "time": self.stamp, **where, **by, **facts})

    def disconnect(self, session: Session, error: ChatError) -> None:
        """End the connection of a session, after all output that was sent to it before."""
        self._deliveries.append(Disconnect(session, error))

    def upsert(self, record: Record) -> None:
        """Store a record; it replaces the one with its key."""
        self.records[keyOf(record)] = record

    def delete(self, record: Record) -> None:
        """Delete the stored record with this key."""
        self.records[keyOf(record)] = None

    def sendToRoom(self, room: Room, notification: Notification) -> None:
        """Send to all current members of the room."""
        self._openDelivery(room).notifications.append(notification)

    def sendTo(self, sessions: Iterable[Session], *notifications: Notification) -> None:
        """Send to sessions of several rooms, once to each."""
        # They may be in any room: later output for a room is delivered after this.
        self._openDeliveries.clear()
        delivery = RoomDelivery(Recipients(sessions))
        delivery.notifications.extend(notifications)
        self._deliveries.append(delivery)

    def reply(self, session: Session, notification: Notification) -> None:
        """Send to one session, after all earlier output."""
        # Otherwise a later line of its rooms would be added to a delivery that is before this one.
        for room in [room for room in self._openDeliveries if room.record.key in session.rooms]:
            del self._openDeliveries[room]
        self._deliveries.append(DirectDelivery(session, notification))

    def membershipChanged(self, session: Session) -> None:
        """Update the format of a session for the number of its rooms, from here on."""
        self._deliveries.append(MembershipUpdate(session))

    def splitDelivery(self, room: Room) -> None:
        """Begin a new delivery to a room, because its members change."""
        self._openDeliveries.pop(room, None)

    def roomEmptied(self, room: Room) -> None:
        """Note that the last member has left a room."""
        # A session that joins in this same turn has loaded the last lines already, so they are kept
        # in memory until the end of the turn.
        self._emptied.append(room)

    def deliver(self, last: bool = False, errors: list[Exception] | None = None) -> None:
        """
        Deliver all notifications; to be called when the batch is stored.

        @param last: nothing else is delivered in this turn.
        @param errors: gets the exceptions of recipients, so that one recipient does not stop the
            others; None: the first exception is raised at once.
        """
        last = last and len(self._deliveries) == 1
        for room, record in self._changed.items():
            room.storedRecord = record
        for delivery in self._deliveries:
            try:
                delivery.deliver(last)
            except Exception as error:
                if errors is None:
                    raise
                errors.append(error)

    def _openDelivery(self, room: Room) -> RoomDelivery:
        if room is not self._lastRoom and room.inSeveralRooms:
            # A member of several rooms gets the lines of all of them in one order. If nobody is in
            # two rooms, the lines of each room may be collected separately.
            for other in [
                other
                for other in self._openDeliveries
                if other is not room and other.inSeveralRooms
            ]:
                del self._openDeliveries[other]
        self._lastRoom = room
        return self._openDeliveries.get(room) or self._beginDelivery(room)

    def _beginDelivery(self, room: Room) -> RoomDelivery:
        recipients = room.recipients
        self.audience += len(recipients)
        delivery = self._openDeliveries[room] = RoomDelivery(recipients)
        self._deliveries.append(delivery)
        return delivery
