"""
A journal that is gone with its process.  Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.happenings import Said
from tsservices.chat.refusals import Refused
from tsservices.journal.interface import Found, Listener, Loaded
from tsservices.limits import HISTORY_PAGE, MEMORY_LINES


class MemoryJournal:
    """
    Keeps the newest lines in memory.

    @ivar trouble: none, ever.
    """

    def __init__(self, log: str, most: int = MEMORY_LINES) -> None:
        """
        @param log: the incarnation of the order, which no other journal has.
        @param most: how many lines are kept, of all rooms together.
        """
        self.trouble: Refused | None = None
        self._log = log
        self._most = most
        self._lines = 0
        self._all: deque[Said] = deque()
        self._rooms: dict[str, deque[Said]] = {}
        self._listener: Listener | None = None

    def prepare(self) -> Loaded:
        """
        @return: nothing was kept.
        """
        return Loaded(self._log, 0, [])

    def start(self, listener: Listener) -> None:
        """
        @param listener: is told of each batch at once.
        """
        self._listener = listener

    def store(self, batch: Batch) -> None:
        """
        @param batch: the next one.
        """
        for said in batch.said:
            self._all.append(said)
            self._rooms.setdefault(said.room, deque()).append(said)
        self._lines += batch.lines
        while self._lines > self._most:
            self._forget(self._all.popleft())
        assert self._listener is not None
        self._listener.stored(batch.position)

    def _forget(self, oldest: Said) -> None:
        """
        @param oldest: of all lines.
        """
        self._lines -= len(oldest.texts)
        room = self._rooms[oldest.room]
        room.popleft()
        if not room:
            del self._rooms[oldest.room]

    def read(self, room: str, first: int, last: int, found: Found) -> None:
        """
        @param room: its key.
        @param first: the number of the first line.
        @param last: the number of the last line.
        @param found: gets the lines at once.
        """
        lines: list[Said] = []
        left = HISTORY_PAGE
        for said in self._rooms.get(room, ()):
            if said.first > last or not left:
                break
            if said.last >= first:
                part = said.since(first)
                texts = part.texts[: min(left, last - part.first + 1)]
                lines.append(replace(part, session="", texts=texts))
                left -= len(texts)
        found(lines)

    def stop(self, stopped: Callable[[], None]) -> None:
        """
        @param stopped: is called at once.
        """
        stopped()
