"""Stored messages of a room, read page by page.  Pure."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import HistoryReplay, RoomMessages, isIgnored
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.session import JoinRequest, Session
from tsservices.chat.storage import HISTORY_PAGE, HistoryReader, LineSpan


class HistoryReplayer:
    """Reads messages from the storage for all sessions."""

    def __init__(self, reader: HistoryReader) -> None:
        self._reader = reader
        self._preloading: dict[str, list[PendingReply[None]]] = {}

    async def preload(self, room: Room) -> None:
        """
        Load the last messages of a room into memory, for a session that is about to join it.

        @raise ChatError: they can't be read.
        """
        key, last = room.record.key, room.storedSeq
        if not last or room.replay() is not None:
            return
        # After a restart many sessions join at once: all of them wait for one read.
        waiting = self._preloading.setdefault(key, [])
        reply: PendingReply[None] = PendingReply()
        waiting.append(reply)
        if len(waiting) == 1:
            span = LineSpan(key, 1, last, REPLAYED_LINES)
            self._reader.newest(span, lambda lines: self._preloaded(room, last, lines))
        await reply

    def _preloaded(self, room: Room, last: int, lines: list[RoomMessages] | ChatError) -> None:
        error: ChatError | None = None
        if isinstance(lines, ChatError):
            error = lines
        else:
            room.preload(lines, last)
        for reply in self._preloading.pop(room.record.key):
            reply(error)

    async def preloadFor(self, request: JoinRequest, room: Room, session: Session) -> None:
        """
        Read the last messages for a session that ignores somebody and is about to join a room.

        @raise ChatError: they can't be read.
        """
        last = room.storedSeq
        if last:
            request.earlier = await self.newest(room, session, REPLAYED_LINES)
            request.last = last

    async def newest(
        self, room: Room, session: Session, count: int, last: int | None = None
    ) -> list[RoomMessages]:
        """
        The newest lines of a room for a session, including those of people that it ignores.

        @param count: as in L{newestLines<tsservices.chat.notifications.newestLines>}.
        @param last: the number of the last line; None: that of the newest line.
        @raise ChatError: they can't be read.
        """
        first, last = room.permissions.firstReadable(session), _until(room, last)
        reply: PendingReply[list[RoomMessages]] = PendingReply()
        self._reader.newest(LineSpan(room.record.key, first, last, count, session.ignores), reply)
        return await reply

    async def newestPages(
        self, room: Room, count: int, session: Session, last: int | None = None
    ) -> AsyncGenerator[HistoryReplay, None]:
        """
        The newest messages of a room that a session may read, a page at a time.

        @param count: as in L{newest}.
        @param last: as in L{newest}.
        @raise ChatError: they can't be read.
        """
        record, last = room.record, _until(room, last)
        first = max(room.permissions.firstReadable(session), last - count + 1)
        lines = await self.newest(room, session, count, last)
        begin = lines[0].first if lines else last + 1
        missing = (first, begin - 1) if begin > first else None
        lines = [item for item in lines if not isIgnored(item, session.ignores)]
        while True:
            page, lines = lines[:HISTORY_PAGE], lines[HISTORY_PAGE:]
            end = page[-1].last if lines else last
            yield HistoryReplay(record.key, record.name, page, missing, end, numbered=True)
            missing = None
            if not lines:
                return

    async def pages(
        self, room: Room, first: int, session: Session, last: int | None = None
    ) -> AsyncGenerator[HistoryReplay, None]:
        """
        The messages from a number on, without those of ignored people, a page at a time.

        @param last: the number of the last message; None: that of the newest line.
        @raise ChatError: a page can't be read.
        """
        # Up to the last line delivered when the replay began, by number: later lines are sent as
        # live output, whenever a page is read.
        record, last = room.record, _until(room, last)
        if first > last:
            # Without a page the request would have no answer.
            yield HistoryReplay(record.key, record.name, [], None, last)
        while first <= last:
            reply: PendingReply[list[RoomMessages]] = PendingReply()
            self._reader.read(record.key, first, last, reply)
            lines = await reply
            begin = lines[0].first if lines else last + 1
            missing = (first, begin - 1) if begin > first else None
            end = lines[-1].last if lines else last
            first = end + 1
            if masks := session.ignores:
                lines = [item for item in lines if not isIgnored(item, masks)]
                if not lines and missing is None and first <= last:
                    continue
            yield HistoryReplay(record.key, record.name, lines, missing, end)


def _until(room: Room, last: int | None) -> int:
    return room.storedSeq if last is None else min(last, room.storedSeq)
