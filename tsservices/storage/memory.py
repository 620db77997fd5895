"""
A storage in memory; its content ends with the process.  Pure.

It gives the same answers as L{tsservices.storage.sqlite}; tests compare the two.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.names import fold
from tsservices.chat.notifications import RoomMessages, isIgnored, newestLines
from tsservices.chat.operations import DELETED, TALK
from tsservices.chat.records import MessageDeletion, StoredPrivateMessage
from tsservices.chat.storage import (
    ALL_SIDES,
    HISTORY_PAGE,
    SECRET_BYTES,
    ClusterBinding,
    Copied,
    LineSpan,
    MessagesCallback,
    NumberCallback,
    PrivateMessagesCallback,
    SearchQuery,
    StorageListener,
    StoredState,
    UnreadCallback,
    UnreadCount,
)
from tsservices.common.counters import StorageCounters
from tsservices.storage.words import FOUND_KINDS, containsAll, phrases

#: Messages kept, all rooms together: a few megabytes.
MEMORY_LINES = 20_000


class MemoryStorage:
    """
    A storage that keeps the newest messages in memory.

    @ivar trouble: L{None}, always.
    @ivar unsearched: 0, always.
    """

    counters: StorageCounters | None = None
    unsearched = 0

    def __init__(
        self,
        log: str,
        maximumLines: int = MEMORY_LINES,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """
        @param log: the incarnation of the order.
        @param maximumLines: how many room messages are kept, and also how many private messages.
        @param entropy: returns the given number of random bytes.
        """
        self.trouble: ChatError | None = None
        self._maximumLines = maximumLines
        self._lines = 0
        self._all: deque[RoomMessages] = deque()
        self._rooms: dict[str, deque[RoomMessages]] = {}
        self._privateMessages: deque[StoredPrivateMessage] = deque(maxlen=maximumLines)
        self._binding = ClusterBinding("", log, entropy(SECRET_BYTES), 0)
        # Not in the binding, because each batch changes the position.
        self._position = 0
        self._checkpoint: list[str] = []
        self._checkpointPosition = 0
        self._listener: StorageListener | None = None

    def prepare(self) -> StoredState:
        binding = self._binding
        return StoredState(
            binding.log,
            self._position,
            [],
            secret=binding.secret,
            epoch=binding.epoch,
            checkpoint=list(self._checkpoint),
            checkpointPosition=self._checkpointPosition,
        )

    def bind(
        self, epoch: str, log: str, secret: bytes, base: int, checkpoint: Sequence[str] = ()
    ) -> None:
        """@raise StorageError: the storage is bound elsewhere, or has a history of its own."""
        old = replace(self._binding, position=self._position)
        self._binding = old.bound(epoch, log, secret, base, "the chat in memory")
        self._position = self._binding.position
        if checkpoint and not old.epoch:
            self._checkpoint, self._checkpointPosition = list(checkpoint), base

    def leave(self) -> None:
        self._binding = replace(self._binding, epoch="")
        self._checkpoint, self._checkpointPosition = [], 0

    def start(self, listener: StorageListener) -> None:
        self._listener = listener

    def store(self, batch: Batch) -> None:
        for message in batch.messages:
            self._all.append(message)
            self._rooms.setdefault(message.room, deque()).append(message)
        self._lines += batch.lineCount
        for deletion in batch.deletions:
            self._blank(deletion)
        while self._lines > self._maximumLines:
            self._forget(self._all.popleft())
        if batch.erasedInboxes:
            erased = set(batch.erasedInboxes)
            remaining = [
                message
                for message in self._privateMessages
                if not erased & {message.sender, message.receiver}
            ]
            self._privateMessages.clear()
            self._privateMessages.extend(remaining)
        self._privateMessages.extend(batch.privateMessages)
        if batch.privateDeletions:
            for index, item in enumerate(self._privateMessages):
                if item.ident in batch.privateDeletions:
                    self._privateMessages[index] = replace(item, kind=DELETED, text="")
        self._position = batch.position
        if batch.checkpoint:
            self._checkpoint = list(batch.checkpoint)
            self._checkpointPosition = batch.position
        assert self._listener is not None
        self._listener.stored(batch.position)

    def _blank(self, deletion: MessageDeletion) -> None:
        room = self._rooms.get(deletion.room, ())
        message = next((item for item in room if item.first <= deletion.seq <= item.last), None)
        if message is None:
            return
        # Readers share the message object, so it is not changed: parts of it replace it here.
        index = deletion.seq - message.first
        kind, text = deletion.kind, deletion.text
        parts = [replace(message.since(deletion.seq), texts=(text,), kind=kind)]
        if index:
            parts.insert(0, replace(message, texts=message.texts[:index]))
        if deletion.seq < message.last:
            parts.append(message.since(deletion.seq + 1))
        for messages in (self._all, self._rooms[deletion.room]):
            place = messages.index(message)
            del messages[place]
            for part in reversed(parts):
                messages.insert(place, part)

    def _forget(self, oldest: RoomMessages) -> None:
        self._lines -= len(oldest.texts)
        room = self._rooms[oldest.room]
        room.popleft()
        if not room:
            del self._rooms[oldest.room]

    def read(self, room: str, first: int, last: int, onResult: MessagesCallback) -> None:
        page: list[RoomMessages] = []
        remaining = HISTORY_PAGE
        for message in self._rooms.get(room, ()):
            if message.first > last or not remaining:
                break
            if message.last >= first:
                part = message.since(first)
                texts = part.texts[: min(remaining, last - part.first + 1)]
                page.append(replace(part, session="", texts=texts))
                remaining -= len(texts)
        onResult(page)

    def lastCommon(self, room: str, log: str, onResult: NumberCallback) -> None:
        # All lines in memory are of the present incarnation.
        onResult(None)

    def lastUpTo(self, room: str, position: int, index: int, onResult: NumberCallback) -> None:
        number = 0
        for message in self._rooms.get(room, ()):
            if (message.position, message.index) > (position, index):
                break
            ahead = message.position == position and message.index + len(message.texts) - 1 > index
            number = message.first + index - message.index if ahead else message.last
        onResult(number)

    def newest(self, span: LineSpan, onResult: MessagesCallback) -> None:
        lines = newestLines(self._newestFirst(span), span.count, span.ignored)
        onResult([replace(item, session="") for item in lines])

    def _newestFirst(self, span: LineSpan) -> Iterator[RoomMessages]:
        for message in reversed(self._rooms.get(span.room, ())):
            if message.last < span.first:
                return
            if message.first <= span.last:
                yield message.since(span.first).before(span.last + 1)

    def countUnread(self, span: LineSpan, onResult: UnreadCallback) -> None:
        lines = first = 0
        for message in self._newestFirst(span):
            unread = message.kind in TALK and not isIgnored(message, span.ignored | span.own)
            if unread and lines < span.count:
                part = message.since(message.last - span.count + lines + 1)
                lines += len(part.texts)
                first = part.first
        onResult(UnreadCount(lines, first))

    def search(self, search: SearchQuery, onResult: MessagesCallback) -> None:
        wanted: list[RoomMessages] = []
        try:
            words = phrases(search.words)
        except ChatError as error:
            onResult(error)
            return
        rooms = dict(search.rooms)
        for message in reversed(self._all):
            first = rooms.get(message.room)
            if (
                first is None
                or message.last < first
                or message.kind not in FOUND_KINDS
                or isIgnored(message, search.ignored)
                or (search.nick and fold(message.nick) != search.nick)
            ):
                continue
            for number in reversed(range(len(message.texts))):
                if len(wanted) >= search.limit:
                    break
                line = message.since(message.first + number)
                if (
                    line.first >= first
                    and line.time >= search.since
                    and (line.time <= search.until or not search.until)
                    and (search.before is None or (line.position, line.index) < search.before)
                    and containsAll(line.texts[0], words)
                ):
                    wanted.append(replace(line, texts=line.texts[:1], session="", previous=0))
        onResult(wanted[::-1])

    def privateMessages(
        self,
        account: str,
        other: str,
        before: str,
        maximum: int,
        onResult: PrivateMessagesCallback,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        wanted: list[StoredPrivateMessage] = []
        for message in self._privateMessages:
            if before and message.ident == before:
                break
            if message.sender in ignored:
                continue
            pair = (message.sender, message.receiver)
            if other == ALL_SIDES:
                isWanted = account in pair
            elif other:
                isWanted = pair in ((account, other), (other, account))
            else:
                isWanted = message.receiver == account
            if isWanted:
                wanted.append(message)
        onResult(wanted[-maximum:] if maximum else [])

    def privateMessage(self, ident: str, onResult: PrivateMessagesCallback) -> None:
        onResult([message for message in self._privateMessages if message.ident == ident])

    def copy(self, path: str, copied: Copied) -> None:
        copied("this chat is kept in memory only, there is nothing to copy")

    def stop(self, stopped: Callable[[], None]) -> None:
        stopped()
