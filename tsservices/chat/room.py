"""
A room: who is in it, what was said last, and what of it is kept.  Pure.
"""

from __future__ import annotations

from collections import deque

from tsservices.chat.fanout import Recipients
from tsservices.chat.notifications import HistoryReplay, RoomMessages, Topic
from tsservices.chat.permissions import RoomPermissions
from tsservices.chat.records import RoomRecord
from tsservices.chat.session import Session

#: Lines said before that are shown to who enters a room; as many are in memory for each room that
#: has somebody in it.
REPLAYED_LINES = 20


class Room:
    """
    One room.

    @ivar record: what is kept.
    @ivar members: who is in it, by the ids of the sessions.
    @ivar inSeveralRooms: how many of them are in other rooms too.
    @ivar storedRecord: the record as it is stored: all that may be told of it.
    @ivar permissions: who may do what in it.
    @ivar nickCounts: how many of its members have each name, by its key.
    """

    __slots__ = (
        "_deleted",
        "_oldestStored",
        "_recent",
        "_recentLines",
        "_recipients",
        "inSeveralRooms",
        "members",
        "nickCounts",
        "permissions",
        "record",
        "storedRecord",
    )

    def __init__(self, record: RoomRecord) -> None:
        self.record = record
        self.members: dict[str, Session] = {}
        self.inSeveralRooms = 0
        self.storedRecord = record.copy()
        self.permissions = RoomPermissions(record)
        self.nickCounts: dict[str, int] = {}
        self._recipients: Recipients | None = None
        self._recent: deque[RoomMessages] = deque()
        self._recentLines = 0
        self._deleted: tuple[int, ...] = ()
        self._oldestStored = 1

    @property
    def recipients(self) -> Recipients:
        """Who is in it now; the same object until that changes."""
        if self._recipients is None:
            self._recipients = Recipients(self.members.values())
        return self._recipients

    @property
    def storedSeq(self) -> int:
        """The number of the last line that is stored, and that its members have been told of."""
        return self.storedRecord.seq

    def addMember(self, session: Session) -> None:
        self.members[session.ident] = session
        self.addNick(session.key)
        self._membersChanged()
        session.rooms[self.record.key] = None

    def removeMember(self, session: Session) -> None:
        del self.members[session.ident]
        self.removeNick(session.key)
        self.permissions.onPart(session)
        self._membersChanged()
        del session.rooms[self.record.key]

    def replaceSession(self, old: Session, new: Session) -> None:
        """Somebody goes on from another connection."""
        self.members = {
            each.ident: each
            for each in (new if each is old else each for each in self.members.values())
        }
        self.permissions.replaceSession(old, new)
        self._membersChanged()

    def recount(self) -> None:
        """Count its members, who were put there together, with the rooms where they are."""
        self.nickCounts = {}
        for each in self.members.values():
            self.addNick(each.key)
        self.inSeveralRooms = sum(len(each.rooms) > 1 for each in self.members.values())
        self._membersChanged()

    def addNick(self, key: str) -> None:
        self.nickCounts[key] = self.nickCounts.get(key, 0) + 1

    def removeNick(self, key: str) -> None:
        count = self.nickCounts[key] - 1
        if count:
            self.nickCounts[key] = count
        else:
            del self.nickCounts[key]

    def _membersChanged(self) -> None:
        """Others are in it now."""
        if self._recipients is not None:
            self._recipients.close()
            self._recipients = None

    def addRecent(self, messages: RoomMessages) -> None:
        """Have new lines at hand for those who enter later."""
        recent = self._recent
        recent.append(messages)
        self._recentLines += len(messages.texts)
        while self._recentLines - len(recent[0].texts) >= REPLAYED_LINES:
            self._recentLines -= len(recent.popleft().texts)

    def preload(self, messages: list[RoomMessages], wanted: int) -> None:
        """Have lines at hand that were read from the journal."""
        for seq in self._deleted:
            messages = [part for each in messages for part in each.without(seq)]
        lowest = messages[0].first if messages else self.storedRecord.seq + 1
        if lowest > wanted:
            self._oldestStored = lowest
        first = self._recent[0].first if self._recent else self.record.seq + 1
        older = [each for each in messages if each.last < first]
        if older and older[-1].last == first - 1:
            self._recent.extendleft(reversed(older))
            self._recentLines += sum(len(each.texts) for each in older)

    def clearRecent(self) -> None:
        """Nobody is here any more: the lines at hand can be read again from the journal."""
        self._recent.clear()
        self._recentLines = 0

    def replay(self) -> HistoryReplay | None:
        """The last lines; L{None} if they are not all at hand."""
        record = self.record
        wanted = max(1, record.seq - REPLAYED_LINES + 1)
        first = max(wanted, self._oldestStored)
        if record.seq >= first and (not self._recent or self._recent[0].first > first):
            return None
        said = [each.since(first) for each in self._recent if each.last >= first]
        missing = (wanted, min(first - 1, record.seq)) if first > wanted <= record.seq else None
        return HistoryReplay(record.key, record.name, said, missing, record.seq)

    def replayFrom(self, first: int) -> HistoryReplay | None:
        """The lines since then, as far as they are at hand; L{None} if there are none."""
        record = self.record
        if first > record.seq:
            return None
        said = [each.since(first) for each in self._recent if each.last >= first]
        begin = said[0].first if said else record.seq + 1
        missing = (first, begin - 1) if begin > first else None
        return HistoryReplay(record.key, record.name, said, missing, record.seq)

    def deleteMessage(self, seq: int) -> None:
        """The text of a line is no more."""
        # What is being read from the journal now may have it still.
        self._deleted = (*self._deleted, seq)[-REPLAYED_LINES:]
        recent: list[RoomMessages] = []
        for each in self._recent:
            recent += each.without(seq)
        self._recent = deque(recent)

    def topic(self) -> Topic:
        """What it is about, for those who are told it in order."""
        return _topic(self.record)

    def storedTopic(self) -> Topic:
        """What it is about, for those who ask now: no more than what is stored."""
        return _topic(self.storedRecord)


def _topic(record: RoomRecord) -> Topic:
    return Topic(record.key, record.name, record.topic, record.topicBy, record.topicTime)
