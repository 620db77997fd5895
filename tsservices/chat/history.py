"""
Lines that were said before, read from the journal.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import ErrorReply, HistoryReplay, Notification, RoomMessages
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.storage import HistoryReader


class HistoryReplayer:
    """Reads lines for those who ask."""

    def __init__(self, reader: HistoryReader) -> None:
        self._reader = reader
        self._preloading: dict[str, list[Callable[[ChatError | None], None]]] = {}

    def preload(self, room: Room, then: Callable[[ChatError | None], None]) -> None:
        """
        Have the last lines of a room at hand, for who is about to enter it.  Many who
        enter at the same time cost one look.
        """
        key, last = room.record.key, room.storedSeq
        if not last or room.replay() is not None:
            then(None)
            return
        waiting = self._preloading.setdefault(key, [])
        waiting.append(then)
        if len(waiting) > 1:
            return

        first = max(1, last - REPLAYED_LINES + 1)

        def found(lines: list[RoomMessages] | ChatError) -> None:
            refused = lines if isinstance(lines, ChatError) else None
            if not isinstance(lines, ChatError):
                room.preload(lines, first)
            for each in self._preloading.pop(key):
                each(refused)

        self._reader.read(key, first, last, found)

    def replay(
        self,
        room: Room,
        first: int,
        tell: Callable[[Notification, Callable[[], None]], None],
        done: Callable[[], None],
    ) -> None:
        """Tell somebody what was said in a room, page after page."""
        _Replaying(self._reader, room, first, tell, done).go()


class _Replaying:
    """
    One replay under way.  It goes up to the last line that was released when it began:
    what comes later is told anyway.
    """

    def __init__(
        self,
        reader: HistoryReader,
        room: Room,
        first: int,
        tell: Callable[[Notification, Callable[[], None]], None],
        done: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._record = room.record
        self._next = first
        self._last = room.storedSeq
        self._tell = tell
        self._done = done

    def go(self) -> None:
        """Read the next page."""
        if self._next > self._last:
            self._done()
            return
        self._reader.read(self._record.key, self._next, self._last, self._found)

    def _found(self, lines: list[RoomMessages] | ChatError) -> None:
        if isinstance(lines, ChatError):
            self._tell(ErrorReply(lines), self._done)
            return
        record = self._record
        missing = None
        first = lines[0].first if lines else self._last + 1
        if first > self._next:
            missing = (self._next, first - 1)
        last = lines[-1].last if lines else self._last
        self._next = last + 1
        self._tell(HistoryReplay(record.key, record.name, lines, missing, last), self.go)
