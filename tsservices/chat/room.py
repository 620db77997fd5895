"""A room: its members, its last lines, and its record."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tsservices.chat.delivery.backlog import DEFERRED_FROM, RoomBacklog
from tsservices.chat.delivery.recipients import Recipients
from tsservices.chat.notifications import (
    HistoryReplay,
    RoomMessages,
    Topic,
    isIgnored,
    newestLines,
)
from tsservices.chat.operations import DELETED, UNREADABLE
from tsservices.chat.permissions import RoomPermissions
from tsservices.chat.records import RoomRecord
from tsservices.chat.session import JoinRequest, Session

#: Earlier lines that a new member gets, and at most as many unreadable ones between them
#: (L{newestLines}). They are in memory for each room that has members, so that a storm of joins
#: needs no SQL.
REPLAYED_LINES = 20


class Room:
    """
    One room.

    @ivar record: its durable part.
    @ivar members: by the ids of the sessions, in the order of joining.
    @ivar inSeveralRooms: how many members are in other rooms too.
    @ivar storedRecord: the record as it is stored; answers show no more than this.
    @ivar loadedSeq: the number of the last line when the room was loaded.
    @ivar nickCounts: how many sessions each name has here, by its key.
    @ivar _nickText: the nicks of the first members, separated by spaces.
    @ivar _nickTextSize: the number of nicks in C{_nickText}; 0: none, or one of them has changed.
    @ivar _firstNicks: the nicks of the first members, while C{_nickTextSize} is not 0.
    @ivar _recent: the last lines, at least L{REPLAYED_LINES} if there are so many.
    @ivar _recentLines: the number of lines in C{_recent}, without L{UNREADABLE} ones.
    @ivar _recentFirst: C{_recent} has every readable line from this number on.
    @ivar _deleted: the lines deleted last: number, new kind and new text.
    @ivar _oldestStored: the number of the first line that the storage still had.
    """

    __slots__ = (
        "_backlog",
        "_deleted",
        "_firstNicks",
        "_nickText",
        "_nickTextSize",
        "_oldestStored",
        "_recent",
        "_recentFirst",
        "_recentLines",
        "_recipients",
        "inSeveralRooms",
        "loadedSeq",
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
        self.loadedSeq = record.seq
        self.permissions = RoomPermissions(record)
        self.nickCounts: dict[str, int] = {}
        self._recipients: Recipients | None = None
        self._backlog: RoomBacklog | None = None
        self._nickText = ""
        self._firstNicks: list[str] = []
        self._nickTextSize = 0
        self._recent: deque[RoomMessages] = deque()
        self._recentLines = 0
        self._recentFirst = record.seq + 1
        self._deleted: tuple[tuple[int, str, str], ...] = ()
        self._oldestStored = 1

    @property
    def recipients(self) -> Recipients:
        """The members; the same object until they change."""
        if self._recipients is None:
            recipients = self._recipients = Recipients(self.members.values())
            if len(recipients) >= DEFERRED_FROM:
                if self._backlog is None:
                    self._backlog = RoomBacklog()
                recipients.backlog, recipients.version = self._backlog, self._backlog.version
        return self._recipients

    @property
    def nickText(self) -> str:
        """
        The nicks of the members in the order of joining, separated by spaces: one for each session.
        """
        # Each join in a storm needs this, and the sessions are not in the processor's caches:
        # building a list of 750 nicks took half of the time of a join.
        if self._nickTextSize < len(self.members):
            self._nickText = " ".join([session.nick for session in self.members.values()])
            self._nickTextSize = len(self.members)
        return self._nickText

    def firstNicks(self, most: int) -> list[str]:
        """
        The nicks of the first members to join, without duplicates; not to be changed.

        @param most: how many members are looked at; the same number in each call.
        """
        # Cached like C{nickText}: the answer to each join has them.
        if len(self._firstNicks) < most or not self._nickTextSize:
            members = self.nickText.split(" ", most)[:most]
            self._firstNicks = list(dict.fromkeys(members))
        return self._firstNicks

    @property
    def storedSeq(self) -> int:
        """The number of the last line that is stored and delivered to the members."""
        return self.storedRecord.seq

    def addMember(self, session: Session) -> None:
        if self._nickTextSize == len(self.members) > 0:
            self._nickText = f"{self._nickText} {session.nick}"
            self._nickTextSize += 1
        self.members[session.ident] = session
        self.addNick(session.key)
        self._membersChanged((session, True))
        session.rooms[self.record.key] = None

    def removeMember(self, session: Session) -> None:
        del self.members[session.ident]
        self.removeNick(session.key)
        self.permissions.onPart(session)
        self._membersChanged((session, False))
        del session.rooms[self.record.key]

    def replaceSession(self, old: Session, new: Session) -> None:
        """Put another connection in the place of a member."""
        # The new session takes the position of the old one: lists of members are in the same order
        # on all nodes.
        members = [new if member is old else member for member in self.members.values()]
        self.members = {member.ident: member for member in members}
        self.permissions.replaceSession(old, new)
        self._membersChanged((old, False), (new, True))

    def recount(self) -> None:
        """Recompute the counts after a snapshot has filled the members and their rooms."""
        self.nickCounts = {}
        for member in self.members.values():
            self.addNick(member.key)
        self.inSeveralRooms = sum(len(member.rooms) > 1 for member in self.members.values())
        self._nickTextSize = 0
        self._firstNicks = []
        self._backlog = None
        self._membersChanged()

    def addNick(self, key: str) -> None:
        self.nickCounts[key] = self.nickCounts.get(key, 0) + 1

    def removeNick(self, key: str) -> None:
        self._nickTextSize = 0
        self._firstNicks = []
        count = self.nickCounts[key] - 1
        if count:
            self.nickCounts[key] = count
        else:
            del self.nickCounts[key]

    def _membersChanged(self, *changes: tuple[Session, bool]) -> None:
        if self._recipients is not None:
            self._recipients.close()
            self._recipients = None
        if self._backlog is not None:
            for change in changes:
                self._backlog.note(*change)
            if self._backlog.isFull or len(self.members) < DEFERRED_FROM:
                # Its followers still get the bytes that wait for them.
                self._backlog = None

    def addRecent(self, messages: RoomMessages) -> None:
        """Keep new lines in memory, for members who join later."""
        recent = self._recent
        recent.append(messages)
        if messages.kind in UNREADABLE:
            self._forgetUnreadable()
            return
        count = self._recentLines + len(messages.texts)
        while True:
            oldest = recent[0]
            without = count if oldest.kind in UNREADABLE else count - len(oldest.texts)
            if without < REPLAYED_LINES:
                break
            count = without
            self._recentFirst = oldest.first + len(oldest.texts)
            recent.popleft()
        self._recentLines = count

    def _forgetUnreadable(self) -> None:
        unreadable = [item for item in self._recent if item.kind in UNREADABLE]
        if len(unreadable) > REPLAYED_LINES:
            self._recent.remove(unreadable[0])

    def preload(self, messages: list[RoomMessages], last: int) -> None:
        """
        Keep lines in memory that were read from the storage: the newest L{REPLAYED_LINES}.

        @param last: the number up to which they were read.
        """
        oldest = messages[0].first if messages else last + 1
        counted = _countReadable(messages)
        if oldest > last - REPLAYED_LINES + 1:
            # All that is stored was read.
            self._oldestStored = oldest
        # If new lines were added meanwhile, the lines read must adjoin them without a gap.
        if self._recentFirst > last + 1:
            return
        self._recent.extendleft(reversed(self._olderThanRecent(messages)))
        self._recentLines = _countReadable(self._recent)
        self._recentFirst = min(self._recentFirst, oldest if counted >= REPLAYED_LINES else 1)

    def _olderThanRecent(self, messages: list[RoomMessages]) -> list[RoomMessages]:
        first = self._recentFirst
        messages = [item.before(first) for item in messages if item.first < first]
        # A line may have been deleted since these were read.
        for deleted in self._deleted:
            messages = [part for item in messages for part in item.without(*deleted)]
        return messages

    def clearRecent(self) -> None:
        """Free the memory of a room without members: the storage has the lines too."""
        self._recent.clear()
        self._recentLines = 0
        self._recentFirst = self.record.seq + 1

    def replay(self) -> HistoryReplay | None:
        """The last lines; None if they are not all in memory."""
        if self._recentLines < REPLAYED_LINES and self._recentFirst > 1:
            return None
        return self._replay(newestLines(reversed(self._recent), REPLAYED_LINES), self._expired())

    def _expired(self) -> tuple[int, int] | None:
        seq, oldest = self.record.seq, self._oldestStored
        wanted = max(1, seq - REPLAYED_LINES + 1)
        return (wanted, min(oldest - 1, seq)) if oldest > wanted <= seq else None

    def replayWithout(
        self, masks: frozenset[str], request: JoinRequest | None
    ) -> HistoryReplay | None:
        """
        The last lines for a session with these ignored masks; None if none are in memory.

        @param request: has older lines, if some were read for this session.
        """
        messages = list(self._recent)
        if request is not None and self._recentFirst <= request.last + 1:
            messages = self._olderThanRecent(request.earlier) + messages
        if not messages and self._recentFirst > 1:
            return None
        newest = newestLines(reversed(messages), REPLAYED_LINES, masks)
        readable = [item for item in newest if not isIgnored(item, masks)]
        return self._replay(readable, self._expired())

    def replayFrom(self, first: int) -> HistoryReplay | None:
        """The lines from C{first} on, as far as they are in memory; None if there are none."""
        if first > self.record.seq:
            return None
        messages = self._recentSince(first)
        begin = messages[0].first if messages else self.record.seq + 1
        return self._replay(messages, (first, begin - 1) if begin > first else None)

    def _recentSince(self, first: int) -> list[RoomMessages]:
        return [item.since(first) for item in self._recent if item.last >= first]

    def _replay(
        self, messages: list[RoomMessages], missing: tuple[int, int] | None
    ) -> HistoryReplay:
        record = self.record
        return HistoryReplay(record.key, record.name, messages, missing, record.seq)

    def deleteMessage(self, seq: int, kind: str = DELETED, text: str = "") -> None:
        """
        Delete the words of a line from memory.

        @param kind: the new kind of the line.
        @param text: its new text.
        """
        # A read from the storage that is running now may still return the old words.
        deleted = seq, kind, text
        self._deleted = (*self._deleted, deleted)[-REPLAYED_LINES:]
        self._recent = deque([part for item in self._recent for part in item.without(*deleted)])
        self._recentLines = _countReadable(self._recent)
        self._forgetUnreadable()

    def topic(self) -> Topic:
        """The topic at this position in the order."""
        return _topic(self.record)

    def storedTopic(self) -> Topic:
        """The topic for answers: only what is stored."""
        return _topic(self.storedRecord)


def _topic(record: RoomRecord) -> Topic:
    return Topic(record.key, record.name, record.topic, record.topicBy, record.topicTime)


def _countReadable(messages: Iterable[RoomMessages]) -> int:
    return sum(len(item.texts) for item in messages if item.kind not in UNREADABLE)
