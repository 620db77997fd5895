"""
A journal that is gone with its process.  Pure.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.names import fold
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import DELETED
from tsservices.chat.records import MessageDeletion, StoredPrivateMessage
from tsservices.chat.storage import (
    HISTORY_PAGE,
    SECRET_BYTES,
    ClusterBinding,
    Copied,
    MessagesFound,
    PrivateMessagesFound,
    SearchQuery,
    StorageListener,
    StoredState,
)
from tsservices.storage.sqlite.fulltext import FOUND_KINDS, holds, phrases

#: Lines that the journal in memory keeps, of all rooms together: some megabytes.
MEMORY_LINES = 20_000


class MemoryStorage:
    """
    Keeps the newest lines in memory.

    @ivar trouble: none, ever.
    """

    def __init__(
        self,
        log: str,
        most: int = MEMORY_LINES,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """@param entropy: gives as many random bytes as it is asked for."""
        self.trouble: ChatError | None = None
        self._most = most
        self._lines = 0
        self._all: deque[RoomMessages] = deque()
        self._rooms: dict[str, deque[RoomMessages]] = {}
        self._letters: deque[StoredPrivateMessage] = deque(maxlen=most)
        self._belonging = ClusterBinding("", log, entropy(SECRET_BYTES), 0)
        # Apart, because it is the one that each batch changes.
        self._position = 0
        self._checkpoint: list[str] = []
        self._checkpointPosition = 0
        self._listener: StorageListener | None = None

    def prepare(self) -> StoredState:
        """Nothing was kept, but for a checkpoint."""
        mine = self._belonging
        return StoredState(
            mine.log,
            self._position,
            [],
            secret=mine.secret,
            epoch=mine.epoch,
            checkpoint=list(self._checkpoint),
            checkpointPosition=self._checkpointPosition,
        )

    def bind(
        self, epoch: str, log: str, secret: bytes, base: int, checkpoint: Sequence[str] = ()
    ) -> None:
        """@raise JournalError: it belongs elsewhere, or has a history of its own."""
        what = "the chat in memory"
        mine = replace(self._belonging, position=self._position)
        self._belonging = mine.bound(epoch, log, secret, base, what)
        self._position = self._belonging.position
        if checkpoint and not mine.epoch:
            self._checkpoint, self._checkpointPosition = list(checkpoint), base

    def leave(self) -> None:
        """Be part of no cluster."""
        self._belonging = replace(self._belonging, epoch="")
        self._checkpoint, self._checkpointPosition = [], 0

    def start(self, listener: StorageListener) -> None:
        self._listener = listener

    def store(self, batch: Batch) -> None:
        for said in batch.messages:
            self._all.append(said)
            self._rooms.setdefault(said.room, deque()).append(said)
        self._lines += batch.lineCount
        for deletion in batch.deletions:
            self._blank(deletion)
        while self._lines > self._most:
            self._forget(self._all.popleft())
        if batch.erasedInboxes:
            gone = set(batch.erasedInboxes)
            letters = [each for each in self._letters if not gone & {each.sender, each.receiver}]
            self._letters.clear()
            self._letters.extend(letters)
        self._letters.extend(batch.privateMessages)
        self._position = batch.position
        if batch.checkpoint:
            self._checkpoint = list(batch.checkpoint)
            self._checkpointPosition = batch.position
        assert self._listener is not None
        self._listener.stored(batch.position)

    def _blank(self, deletion: MessageDeletion) -> None:
        room = self._rooms.get(deletion.room, ())
        said = next((each for each in room if each.first <= deletion.seq <= each.last), None)
        if said is None:
            return
        # Others may hold it still, so it stays as it is and parts of it take its place.
        which = deletion.seq - said.first
        line = replace(said.since(deletion.seq), texts=("",), kind=DELETED)
        parts = [line]
        if which:
            parts.insert(0, replace(said, texts=said.texts[:which]))
        if deletion.seq < said.last:
            parts.append(said.since(deletion.seq + 1))
        for kept in (self._all, self._rooms[deletion.room]):
            place = kept.index(said)
            del kept[place]
            for part in reversed(parts):
                kept.insert(place, part)

    def _forget(self, oldest: RoomMessages) -> None:
        self._lines -= len(oldest.texts)
        room = self._rooms[oldest.room]
        room.popleft()
        if not room:
            del self._rooms[oldest.room]

    def read(self, room: str, first: int, last: int, found: MessagesFound) -> None:
        lines: list[RoomMessages] = []
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

    def search(self, search: SearchQuery, found: MessagesFound) -> None:
        wanted: list[RoomMessages] = []
        words = phrases(search.words)
        rooms = dict(search.rooms)
        newest = () if words is None else reversed(self._all)
        for said in newest:
            first = rooms.get(said.room)
            if (
                first is None
                or said.last < first
                or said.kind not in FOUND_KINDS
                or (search.nick and fold(said.nick) != search.nick)
            ):
                continue
            for number in reversed(range(len(said.texts))):
                if len(wanted) >= search.limit:
                    break
                line = said.since(said.first + number)
                if (
                    line.first >= first
                    and line.time >= search.since
                    and (line.time <= search.until or not search.until)
                    and (search.before is None or (line.position, line.index) < search.before)
                    and holds(line.texts[0], words or ())
                ):
                    wanted.append(replace(line, texts=line.texts[:1], session="", previous=0))
        found(wanted[::-1])

    def privateMessages(
        self, account: str, other: str, before: str, most: int, found: PrivateMessagesFound
    ) -> None:
        wanted: list[StoredPrivateMessage] = []
        for letter in self._letters:
            if before and letter.ident == before:
                break
            pair = (letter.sender, letter.receiver)
            if pair in ((account, other), (other, account)) if other else pair[1] == account:
                wanted.append(letter)
        found(wanted[-most:] if most else [])

    def copy(self, path: str, copied: Copied) -> None:
        copied("this chat is kept in memory only, there is nothing to copy")

    def stop(self, stopped: Callable[[], None]) -> None:
        stopped()
