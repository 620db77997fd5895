"""
What one turn has brought about: who is to be told what, and what is to be kept.
Pure.

A batch is filled when events are applied, stored by the journal, and then released.
Nothing in it is encoded before, and then only once for each form, not for each member.
"""

from __future__ import annotations

from collections.abc import Iterable

from tsservices.chat.errors import ChatError
from tsservices.chat.fanout import (
    DirectDelivery,
    Disconnect,
    MembershipUpdate,
    Recipients,
    RoomDelivery,
)
from tsservices.chat.notifications import Notification, RoomMessages
from tsservices.chat.records import MessageDeletion, Record, RoomRecord, StoredPrivateMessage, keyOf
from tsservices.chat.room import Room
from tsservices.chat.session import Session

#: People whose lines are encoded together. Each of them is written a variant without their own
#: lines, so the work grows with the square.
AUTHORS_PER_DELIVERY = 64


class Batch:
    """
    What one turn has brought about.

    @ivar log: the incarnation of the order in which it stands.
    @ivar position: its place there.
    @ivar stamp: when that was: nanoseconds since 1970, UTC.
    @ivar messages: the lines to be kept, in order.
    @ivar lineCount: how many lines that is.
    @ivar roomRecords: of the rooms that have changed, as they are after this batch.
    @ivar records: what else has changed, as it is after this batch, by kind and key; L{None}
        for what is no more.
    @ivar privateMessages: the private messages to be kept, in order.
    @ivar erasedInboxes: the keys of accounts whose private messages are to go, those before
        this batch.
    @ivar deletions: the lines whose text is to go, after those of this batch were kept.
    @ivar audits: what the log is to tell of, once it is stored.
    @ivar checkpoint: the whole state after this batch, as L{tsservices.chat.snapshot}
        writes it, if it is to be kept now.
    @ivar durable: whether any of this is to be stored, once it is sealed.
    @ivar proposers: the sessions whose proposals were decided, once for each.
    """

    def __init__(self, log: str, position: int, stamp: int) -> None:
        self.log = log
        self.position = position
        self.stamp = stamp
        self.messages: list[RoomMessages] = []
        self.roomRecords: list[RoomRecord] = []
        self.records: dict[tuple[object, ...], Record | None] = {}
        self.privateMessages: list[StoredPrivateMessage] = []
        self.erasedInboxes: list[str] = []
        self.deletions: list[MessageDeletion] = []
        self.audits: list[dict[str, object]] = []
        self.checkpoint: list[str] = []
        self.proposers: list[Session] = []
        self.lineCount = 0
        self.durable = False
        self._deliveries: list[RoomDelivery | DirectDelivery | MembershipUpdate | Disconnect] = []
        self._openDeliveries: dict[Room, RoomDelivery] = {}
        self._changed: dict[Room, RoomRecord] = {}
        self._emptied: list[Room] = []
        self._privateCount = 0
        self._lastRoom: Room | None = None

    def freeze(self) -> None:
        """The turn is over: what follows changes the rooms, but not this."""
        self._openDeliveries.clear()
        for room in self._emptied:
            # What is not stored yet could not be read again.
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
            or self.deletions
            or self.checkpoint
        )

    def addMessages(self, room: Room, messages: RoomMessages, author: Session) -> None:
        """Tell a room what somebody said in it, and keep that."""
        # The slice of the room that spoke last is still open, if it was not cut.
        slice = self._openDeliveries.get(room) if room is self._lastRoom else None
        if slice is None:
            slice = self._openDelivery(room)
        if author.ident not in slice.authors:
            if len(slice.authors) >= AUTHORS_PER_DELIVERY:
                slice = self._beginDelivery(room)
            slice.authorSessions.append(author)
        slice.authors[author.ident] = author.key
        slice.notifications.append(messages)
        self.messages.append(messages)
        self.lineCount += len(messages.texts)
        self._changed[room] = room.record

    def nextPrivateIdent(self) -> str:
        """The id of the next private message, the same on every node and for ever."""
        self._privateCount += 1
        return f"{self.log}-{self.position}-w{self._privateCount}"

    def roomChanged(self, room: Room) -> None:
        """
        Keep what has changed of a room, though nothing was said in it now.  A room where
        nothing ever was goes with its last visitor, and is not kept.
        """
        if room.record.seq:
            self._changed[room] = room.record

    def audit(
        self, action: str, session: Session, room: Room | None = None, **facts: object
    ) -> None:
        """Have the log tell of something, once it is stored."""
        where = {} if room is None else {"room": room.record.name}
        by = {"by": session.nick, "account": session.account, "cloak": session.cloak}
        self.audits.append({"audit": action, "time": self.stamp, **where, **by, **facts})

    def disconnect(self, session: Session, error: ChatError) -> None:
        """End somebody's connection, when all before this has been told."""
        self._deliveries.append(Disconnect(session, error))

    def upsert(self, record: Record) -> None:
        """Keep a record, in place of what was kept with its key."""
        self.records[keyOf(record)] = record

    def delete(self, record: Record) -> None:
        """Keep a record no longer."""
        self.records[keyOf(record)] = None

    def sendToRoom(self, room: Room, notification: Notification) -> None:
        self._openDelivery(room).notifications.append(notification)

    def sendTo(self, sessions: Iterable[Session], *notifications: Notification) -> None:
        """Tell people of several rooms, each once."""
        self._openDeliveries.clear()
        slice = RoomDelivery(Recipients(sessions))
        slice.notifications.extend(notifications)
        self._deliveries.append(slice)

    def reply(self, session: Session, notification: Notification) -> None:
        """Tell one person, after all that was told before."""
        for room in [each for each in self._openDeliveries if each.record.key in session.rooms]:
            del self._openDeliveries[room]
        self._deliveries.append(DirectDelivery(session, notification))

    def membershipChanged(self, session: Session) -> None:
        """Somebody is in more rooms now, or in fewer, when all before this has been told."""
        self._deliveries.append(MembershipUpdate(session))

    def splitDelivery(self, room: Room) -> None:
        """Who is in a room changes: what follows is for others."""
        self._openDeliveries.pop(room, None)

    def roomEmptied(self, room: Room) -> None:
        """
        Nobody is in a room now.  Who enters it in this same turn has asked for its last
        lines already, so they stay at hand until the turn's end.
        """
        self._emptied.append(room)

    def deliver(self, last: bool = False, errors: list[Exception] | None = None) -> None:
        """It is stored: tell everybody."""
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
            # Who is in several rooms hears all of them in one order.
            for other in [
                each for each in self._openDeliveries if each is not room and each.inSeveralRooms
            ]:
                del self._openDeliveries[other]
        self._lastRoom = room
        return self._openDeliveries.get(room) or self._beginDelivery(room)

    def _beginDelivery(self, room: Room) -> RoomDelivery:
        slice = self._openDeliveries[room] = RoomDelivery(room.recipients)
        self._deliveries.append(slice)
        return slice
