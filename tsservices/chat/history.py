"""Messages of a room that were stored before, read page by page.  Pure."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import HistoryReplay, RoomMessages
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.storage import HistoryReader


class HistoryReplayer:
    """Reads from the storage for all sessions."""

    def __init__(self, reader: HistoryReader) -> None:
        self._reader = reader
        self._preloading: dict[str, list[PendingReply[None]]] = {}

    async def preload(self, room: Room) -> None:
        """
        Have the last messages of a room in memory, for a session that is about to join it.

        @raise ChatError: they can't be read.
        """
        key, last = room.record.key, room.storedSeq
        if not last or room.replay() is not None:
            return
        # After a restart everybody comes back at once: all of them wait for one read.
        waiting = self._preloading.setdefault(key, [])
        reply: PendingReply[None] = PendingReply()
        waiting.append(reply)
        if len(waiting) == 1:
            first = max(1, last - REPLAYED_LINES + 1)
            self._reader.read(key, first, last, lambda lines: self._preloaded(room, first, lines))
        await reply

    def _preloaded(self, room: Room, first: int, lines: list[RoomMessages] | ChatError) -> None:
        error: ChatError | None = None
        if isinstance(lines, ChatError):
            error = lines
        else:
            room.preload(lines, first)
        for reply in self._preloading.pop(room.record.key):
            reply(error)

    async def pages(self, room: Room, first: int) -> AsyncGenerator[HistoryReplay, None]:
        """
        The messages from a number on, a page at a time.

        @raise ChatError: a page can't be read.
        """
        # Up to what was released when the replay began, by number: what is released later is
        # sent as live output, whenever a page happens to be read.
        record, last = room.record, room.storedSeq
        while first <= last:
            reply: PendingReply[list[RoomMessages]] = PendingReply()
            self._reader.read(record.key, first, last, reply)
            lines = await reply
            begin = lines[0].first if lines else last + 1
            missing = (first, begin - 1) if begin > first else None
            end = lines[-1].last if lines else last
            first = end + 1
            yield HistoryReplay(record.key, record.name, lines, missing, end)
