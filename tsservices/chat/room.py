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
    @ivar several: how many of them are in other rooms too.
    @ivar kept: the record as it is stored: all that may be told of it.
    @ivar access: who may do what in it.
    @ivar names: how many of its members have each name, by its key.
    """

    __slots__ = (
        "_audience",
        "_count",
        "_gone",
        "_lowest",
        "_recent",
        "access",
        "kept",
        "members",
        "names",
        "record",
        "several",
    )

    def __init__(self, record: RoomRecord) -> None:
        self.record = record
        self.members: dict[str, Session] = {}
        self.several = 0
        self.kept = record.copy()
        self.access = RoomPermissions(record)
        self.names: dict[str, int] = {}
        self._audience: Recipients | None = None
        self._recent: deque[RoomMessages] = deque()
        self._count = 0
        self._gone: tuple[int, ...] = ()
        self._lowest = 1

    @property
    def audience(self) -> Recipients:
        """Who is in it now; the same object until that changes."""
        if self._audience is None:
            self._audience = Recipients(self.members.values())
        return self._audience

    @property
    def released(self) -> int:
        """The number of the last line that is stored, and that its members have been told of."""
        return self.kept.seq

    def enter(self, session: Session) -> None:
        self.members[session.ident] = session
        self.named(session.key)
        self._endAudience()
        session.rooms[self.record.key] = None

    def leave(self, session: Session) -> None:
        del self.members[session.ident]
        self.unnamed(session.key)
        self.access.onPart(session)
        self._endAudience()
        del session.rooms[self.record.key]

    def replace(self, old: Session, new: Session) -> None:
        """Somebody goes on from another connection."""
        self.members = {
            each.ident: each
            for each in (new if each is old else each for each in self.members.values())
        }
        self.access.replace(old, new)
        self._endAudience()

    def count(self) -> None:
        """Count its members, who were put there together, with the rooms where they are."""
        self.names = {}
        for each in self.members.values():
            self.named(each.key)
        self.several = sum(len(each.rooms) > 1 for each in self.members.values())
        self._endAudience()

    def named(self, key: str) -> None:
        self.names[key] = self.names.get(key, 0) + 1

    def unnamed(self, key: str) -> None:
        count = self.names[key] - 1
        if count:
            self.names[key] = count
        else:
            del self.names[key]

    def _endAudience(self) -> None:
        """Others are in it now."""
        if self._audience is not None:
            self._audience.close()
            self._audience = None

    def keep(self, said: RoomMessages) -> None:
        """Have new lines at hand for those who enter later."""
        recent = self._recent
        recent.append(said)
        self._count += len(said.texts)
        while self._count - len(recent[0].texts) >= REPLAYED_LINES:
            self._count -= len(recent.popleft().texts)

    def preload(self, said: list[RoomMessages], wanted: int) -> None:
        """Have lines at hand that were read from the journal."""
        for seq in self._gone:
            said = [part for each in said for part in each.without(seq)]
        lowest = said[0].first if said else self.kept.seq + 1
        if lowest > wanted:
            self._lowest = lowest
        first = self._recent[0].first if self._recent else self.record.seq + 1
        older = [each for each in said if each.last < first]
        if older and older[-1].last == first - 1:
            self._recent.extendleft(reversed(older))
            self._count += sum(len(each.texts) for each in older)

    def forget(self) -> None:
        """Nobody is here any more: the lines at hand can be read again from the journal."""
        self._recent.clear()
        self._count = 0

    def replay(self) -> HistoryReplay | None:
        """The last lines; L{None} if they are not all at hand."""
        record = self.record
        wanted = max(1, record.seq - REPLAYED_LINES + 1)
        first = max(wanted, self._lowest)
        if record.seq >= first and (not self._recent or self._recent[0].first > first):
            return None
        said = [each.since(first) for each in self._recent if each.last >= first]
        missing = (wanted, min(first - 1, record.seq)) if first > wanted <= record.seq else None
        return HistoryReplay(record.key, record.name, said, missing, record.seq)

    def missed(self, first: int) -> HistoryReplay | None:
        """The lines since then, as far as they are at hand; L{None} if there are none."""
        record = self.record
        if first > record.seq:
            return None
        said = [each.since(first) for each in self._recent if each.last >= first]
        begin = said[0].first if said else record.seq + 1
        missing = (first, begin - 1) if begin > first else None
        return HistoryReplay(record.key, record.name, said, missing, record.seq)

    def delete(self, seq: int) -> None:
        """The text of a line is no more."""
        # What is being read from the journal now may have it still.
        self._gone = (*self._gone, seq)[-REPLAYED_LINES:]
        recent: list[RoomMessages] = []
        for each in self._recent:
            recent += each.without(seq)
        self._recent = deque(recent)

    def topic(self) -> Topic:
        """What it is about, for those who are told it in order."""
        return _topic(self.record)

    def keptTopic(self) -> Topic:
        """What it is about, for those who ask now: no more than what is stored."""
        return _topic(self.kept)


def _topic(record: RoomRecord) -> Topic:
    return Topic(record.key, record.name, record.topic, record.topicBy, record.topicTime)
