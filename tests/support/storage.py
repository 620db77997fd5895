"""Helpers for tests of storages: batches, a client that waits for answers, a fake reactor."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import NOT_SEARCHABLE, ChatError
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import MESSAGE
from tsservices.chat.records import RoomRecord, StoredPrivateMessage
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.storage import SearchQuery, Storage

#: The incarnation of the order.
LOG = "0a1b2c3d"

#: Seconds to wait for a thread before a test fails.
TIMEOUT = 20.0

#: Nanoseconds.
SECOND = 1_000_000_000


class MessageSource:
    """Makes batches of messages, numbered as by a server."""

    def __init__(self, log: str = LOG, position: int = 0) -> None:
        self.log = log
        self.position = position
        self.messages: list[RoomMessages] = []
        self._rooms: dict[str, Room] = {}
        self._author = Session("s1", None)
        self._author.nick, self._author.key = "Ann", "ann"

    def forget(self, key: str) -> None:
        """Undo the last batch, which has one line of this room."""
        self.position -= 1
        self._rooms[key].record.seq -= 1

    def batch(
        self,
        *lines: tuple[str, tuple[str, ...]],
        stamp: int = 1_700_000_000 * SECOND,
        account: str | None = None,
        kind: str = MESSAGE,
    ) -> Batch:
        self.position += 1
        batch = Batch(self.log, self.position, stamp)
        for key, texts in lines:
            room = self._rooms.setdefault(key, Room(RoomRecord(key, key.title())))
            record = room.record
            one = RoomMessages(
                key,
                record.name,
                record.seq + 1,
                stamp if not 0 <= record.time - stamp < SECOND else record.time + 1,
                self.log,
                self.position,
                batch.lineCount,
                kind,
                self._author.nick,
                account,
                self._author.ident,
                texts,
            )
            record.seq = one.last
            record.time = one.time + len(texts) - 1
            batch.addMessages(room, one, self._author)
            self.messages.append(one)
        batch.freeze()
        return batch

    def records(self) -> dict[str, RoomRecord]:
        return {key: room.record for key, room in self._rooms.items()}


def lineFields(messages: list[RoomMessages]) -> list[tuple[object, ...]]:
    return [
        (
            item.room,
            item.roomName,
            item.first + number,
            item.time + number,
            item.ident(number),
            item.kind,
            item.nick,
            item.account,
            text,
        )
        for item in messages
        for number, text in enumerate(item.texts)
    ]


class ThreadReactor:
    """Runs calls from other threads in the thread of the test."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]]] = SimpleQueue()

    def callFromThread(self, function: Callable[..., object], *args: Any) -> None:
        self._calls.put((function, args))

    def until(self, done: Callable[[], object]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not done():
            assert time.monotonic() < deadline, "that took too long"
            with contextlib.suppress(Empty):
                function, args = self._calls.get(timeout=0.05)
                function(*args)


class StorageClient:
    """Listens to a storage, and waits for its answers."""

    def __init__(self, storage: Storage, reactor: ThreadReactor) -> None:
        self.positions: list[int] = []
        self.troubles: list[ChatError | None] = []
        self.failures: list[str] = []
        self.notes: list[tuple[str, bool]] = []
        self.stopped = False
        self.storage = storage
        self.reactor = reactor

    def stored(self, position: int) -> None:
        self.positions.append(position)

    def troubled(self, trouble: ChatError | None) -> None:
        self.troubles.append(trouble)

    def failed(self, reason: str) -> None:
        self.failures.append(reason)

    def noted(self, text: str, isError: bool) -> None:
        self.notes.append((text, isError))

    def waitFor(self, position: int) -> None:
        self.reactor.until(lambda: self.positions and self.positions[-1] >= position)

    def read(self, room: str, first: int, last: int) -> list[RoomMessages] | ChatError:
        answers: list[list[RoomMessages] | ChatError] = []
        self.storage.read(room, first, last, answers.append)
        self.reactor.until(lambda: answers)
        return answers[0]

    def lines(self, room: str, first: int, last: int) -> list[tuple[object, ...]]:
        answer = self.read(room, first, last)
        assert not isinstance(answer, ChatError), answer
        assert all(not item.session for item in answer)
        return lineFields(answer)

    def lastCommon(self, room: str, log: str) -> int | ChatError | None:
        answers: list[int | ChatError | None] = []
        self.storage.lastCommon(room, log, answers.append)
        self.reactor.until(lambda: answers)
        return answers[0]

    def lastUpTo(self, room: str, position: int, index: int) -> int | ChatError | None:
        answers: list[int | ChatError | None] = []
        self.storage.lastUpTo(room, position, index, answers.append)
        self.reactor.until(lambda: answers)
        return answers[0]

    def search(
        self,
        rooms: tuple[tuple[str, int], ...],
        *words: str,
        nick: str = "",
        since: int = 0,
        until: int = 0,
        before: tuple[int, int] | None = None,
        most: int = 1000,
    ) -> list[tuple[object, ...]]:
        answers: list[list[RoomMessages] | ChatError] = []
        wanted = SearchQuery(rooms, words, nick, since, until, before, most)
        self.storage.search(wanted, answers.append)
        self.reactor.until(lambda: answers)
        if answers[0] == ChatError(NOT_SEARCHABLE):
            return []
        assert not isinstance(answers[0], ChatError), answers
        assert all(len(item.texts) == 1 and not item.session for item in answers[0])
        return lineFields(answers[0])

    def privateMessages(
        self, account: str, other: str, before: str, most: int
    ) -> list[StoredPrivateMessage]:
        answers: list[list[StoredPrivateMessage] | ChatError] = []
        self.storage.privateMessages(account, other, before, most, answers.append)
        self.reactor.until(lambda: answers)
        assert not isinstance(answers[0], ChatError), answers
        return answers[0]

    def copy(self, path: str) -> str | None:
        answers: list[str | None] = []
        self.storage.copy(path, answers.append)
        self.reactor.until(lambda: answers)
        return answers[0]

    def stop(self) -> None:
        self.storage.stop(lambda: setattr(self, "stopped", True))
        self.reactor.until(lambda: self.stopped)
