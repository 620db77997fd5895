"""Tests for L{tsservices.chat.history}."""

from __future__ import annotations

from itertools import chain

from tests.support.chat import SlowStorage, StorageListener
from tests.support.storage import LOG, MessageSource
from tsservices.chat.errors import READ_FAILED, ChatError
from tsservices.chat.history import HistoryReplayer
from tsservices.chat.notifications import HistoryReplay
from tsservices.chat.records import RoomRecord
from tsservices.chat.requests import PendingReply, Request, RequestQueue
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.storage import HISTORY_PAGE


class TestHistoryReplayer:
    def store(self, lines: int) -> None:
        self.journal = SlowStorage()
        self.journal.start(StorageListener())
        source = MessageSource(LOG)
        for number in range(1, lines + 1):
            self.journal.store(source.batch(("r", (str(number),))))
        record = source.records()["r"] if lines else RoomRecord("r", "R")
        self.room = Room(record.copy())
        self.history = HistoryReplayer(self.journal)
        self.pages: list[HistoryReplay] = []
        self.taken: list[PendingReply[None]] = []
        self.errors: list[ChatError] = []
        self.ended = 0

    def start(self, request: Request) -> None:
        async def run() -> None:
            await request()
            self.ended += 1

        RequestQueue(self.errors.append, lambda: None).add(run)

    def preload(self) -> None:
        self.start(lambda: self.history.preload(self.room))

    def begin(self, first: int) -> None:
        async def read() -> None:
            async for page in self.history.pages(self.room, first, Session("s", None)):
                self.pages.append(page)
                self.taken.append(PendingReply())
                await self.taken[-1]

        self.start(read)

    def replay(self, first: int) -> list[tuple[list[str], tuple[int, int] | None, int]]:
        self.begin(first)
        while self.taken:
            assert not self.ended
            self.taken.pop()(None)
        assert self.ended == 1
        pages = []
        for page in self.pages:
            texts = [text for line in page.messages for text in line.texts]
            pages.append((texts, page.missing, page.until))
        return pages

    def test_preloadsOnce(self) -> None:
        self.store(30)
        self.journal.slowReads = True
        for _ in range(3):
            self.preload()
        assert self.journal.reads == [("r", 1, 30)]
        assert self.ended == 0
        self.journal.answerRead()
        assert self.ended == 3
        self.preload()
        assert (self.ended, len(self.journal.reads)) == (4, 1)
        replay = self.room.replay()
        assert replay is not None
        assert [line.first for line in replay.messages] == list(range(11, 31))

    def test_preloadOfEmptyRoom(self) -> None:
        self.store(0)
        self.preload()
        assert (self.ended, self.journal.reads) == (1, [])

    def test_failedPreloadIsRepeated(self) -> None:
        self.store(3)
        self.journal.failure = ChatError(READ_FAILED)
        self.preload()
        assert (self.ended, self.room.replay()) == (0, None)
        assert [error.code for error in self.errors] == [READ_FAILED]
        self.journal.failure = None
        self.preload()
        assert self.ended == 1
        assert self.room.replay() is not None

    def test_pages(self) -> None:
        self.store(2 * HISTORY_PAGE + 5)
        pages = self.replay(3)
        assert [len(texts) for texts, _, _ in pages] == [HISTORY_PAGE, HISTORY_PAGE, 3]
        assert list(chain.from_iterable(texts for texts, _, _ in pages)) == [
            str(number) for number in range(3, 2 * HISTORY_PAGE + 6)
        ]
        assert [missing for _, missing, _ in pages] == [None] * 3
        assert pages[-1][2] == 2 * HISTORY_PAGE + 5

    def test_replayEndsWhereLiveMessagesBegin(self) -> None:
        self.store(5)
        self.room.storedRecord.seq = 3
        assert self.replay(1) == [(["1", "2", "3"], None, 3)]

    def test_messagesDuringReplayAreNotRepeated(self) -> None:
        self.store(HISTORY_PAGE + 5)
        self.room.storedRecord.seq = HISTORY_PAGE + 1
        self.begin(1)
        self.room.storedRecord.seq = HISTORY_PAGE + 5
        self.taken.pop()(None)
        page = self.pages[-1]
        assert (page.messages[0].first, page.messages[-1].last) == (
            HISTORY_PAGE + 1,
            HISTORY_PAGE + 1,
        )
        self.taken.pop()(None)
        assert self.ended == 1

    def test_nothingNew(self) -> None:
        self.store(5)
        assert self.replay(6) == [([], None, 5)]

    def test_expiredLinesAreReported(self) -> None:
        self.store(5)
        self.journal._maximumLines = 2
        self.journal.store(MessageSource(LOG, 5).batch(("q", ("x",))))
        assert self.replay(2) == [(["5"], (2, 4), 5)]

    def test_allExpired(self) -> None:
        self.store(5)
        self.journal._maximumLines = 1
        self.journal.store(MessageSource(LOG, 5).batch(("q", ("x",))))
        assert self.replay(2) == [([], (2, 5), 5)]

    def test_failureEndsReplay(self) -> None:
        for pages in range(2):
            self.store(HISTORY_PAGE + 5)
            if pages:
                self.begin(1)
                self.journal.failure = ChatError(READ_FAILED)
                self.taken.pop()(None)
            else:
                self.journal.failure = ChatError(READ_FAILED)
                self.begin(1)
            assert [error.code for error in self.errors] == [READ_FAILED]
            assert (len(self.pages), self.taken, self.ended) == (pages, [], 0)
