"""
Tests for L{tsservices.chat.history}.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from tests.support.chat import SlowJournal
from tests.support.storage import LOG, Talk
from tsservices.chat.errors import READ_FAILED, ChatError
from tsservices.chat.history import HistoryReplayer
from tsservices.chat.notifications import ErrorReply, HistoryReplay, Notification
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.storage import HISTORY_PAGE


class Silent:
    """Listens to a journal, and does nothing."""

    def stored(self, position: int) -> None:
        pass

    def troubled(self, trouble: ChatError | None) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass


class TestRecall:
    def begin(self, lines: int) -> None:
        self.journal = SlowJournal()
        self.journal.start(Silent())
        talk = Talk(LOG)
        for number in range(1, lines + 1):
            self.journal.store(talk.batch(("r", (str(number),))))
        record = talk.records()["r"] if lines else RoomRecord("r", "R")
        self.room = Room(record.copy())
        self.recall = HistoryReplayer(self.journal)
        self.told: list[Notification] = []
        self.then: list[Callable[[], None]] = []
        self.done = 0

    def tell(self, happening: Notification, then: Callable[[], None]) -> None:
        self.told.append(happening)
        self.then.append(then)

    def finish(self, refused: ChatError | None = None) -> None:
        self.done += 1

    def replay(self, first: int) -> list[tuple[list[str], tuple[int, int] | None, int]]:
        self.recall.replay(self.room, first, self.tell, self.finish)
        while self.then:
            assert not self.done
            self.then.pop()()
        assert self.done == 1
        pages = []
        for each in self.told:
            assert isinstance(each, HistoryReplay)
            texts = [text for said in each.messages for text in said.texts]
            pages.append((texts, each.missing, each.until))
        return pages

    def test_preload(self) -> None:
        """Many who enter at once cost one look; who comes later none."""
        self.begin(30)
        self.journal.slowReads = True
        for _ in range(3):
            self.recall.preload(self.room, self.finish)
        assert self.journal.reads == [("r", 31 - REPLAYED_LINES, 30)]
        assert self.done == 0
        self.journal.answer()
        assert self.done == 3
        self.recall.preload(self.room, self.finish)
        assert (self.done, len(self.journal.reads)) == (4, 1)
        replay = self.room.replay()
        assert replay is not None
        assert [said.first for said in replay.messages] == list(range(11, 31))

    def test_preloadNothing(self) -> None:
        """A room where nothing was said needs no look."""
        self.begin(0)
        self.recall.preload(self.room, self.finish)
        assert (self.done, self.journal.reads) == (1, [])

    def test_preloadFails(self) -> None:
        """
        Who enters is not kept out by a journal that can't be read, and the next one
        tries again.
        """
        self.begin(3)
        self.journal.failure = ChatError(READ_FAILED)
        self.recall.preload(self.room, self.finish)
        assert (self.done, self.room.replay()) == (1, None)
        self.journal.failure = None
        self.recall.preload(self.room, self.finish)
        assert self.done == 2
        assert self.room.replay() is not None

    def test_pages(self) -> None:
        """All lines from the first on, page by page, each asked for when the last was taken."""
        self.begin(2 * HISTORY_PAGE + 5)
        pages = self.replay(3)
        assert [len(texts) for texts, _, _ in pages] == [HISTORY_PAGE, HISTORY_PAGE, 3]
        assert list(chain.from_iterable(texts for texts, _, _ in pages)) == [
            str(number) for number in range(3, 2 * HISTORY_PAGE + 6)
        ]
        assert [missing for _, missing, _ in pages] == [None] * 3
        assert pages[-1][2] == 2 * HISTORY_PAGE + 5

    def test_upToWhatWasTold(self) -> None:
        """A replay ends where live lines go on: at the last line told when it began."""
        self.begin(5)
        self.room.storedRecord.seq = 3
        assert self.replay(1) == [(["1", "2", "3"], None, 3)]

    def test_grows(self) -> None:
        """Lines that are told meanwhile are not told again."""
        self.begin(HISTORY_PAGE + 5)
        self.room.storedRecord.seq = HISTORY_PAGE + 1
        self.recall.replay(self.room, 1, self.tell, self.finish)
        self.room.storedRecord.seq = HISTORY_PAGE + 5
        self.then.pop()()
        page = self.told[-1]
        assert isinstance(page, HistoryReplay)
        assert (page.messages[0].first, page.messages[-1].last) == (
            HISTORY_PAGE + 1,
            HISTORY_PAGE + 1,
        )
        self.then.pop()()
        assert self.done == 1

    def test_nothingNew(self) -> None:
        """Who has all is told nothing."""
        self.begin(5)
        assert self.replay(6) == []

    def test_missing(self) -> None:
        """Who asks for lines that are not kept any more is told which."""
        self.begin(5)
        self.journal._most = 2
        self.journal.store(Talk(LOG, 5).batch(("q", ("x",))))
        assert self.replay(2) == [(["5"], (2, 4), 5)]

    def test_allMissing(self) -> None:
        """The same when none is kept."""
        self.begin(5)
        self.journal._most = 1
        self.journal.store(Talk(LOG, 5).batch(("q", ("x",))))
        assert self.replay(2) == [([], (2, 5), 5)]

    def test_fails(self) -> None:
        """Who can't be told is told why, and that is all."""
        self.begin(5)
        self.journal.failure = ChatError(READ_FAILED)
        self.recall.replay(self.room, 1, self.tell, self.finish)
        (refusal,) = self.told
        assert isinstance(refusal, ErrorReply)
        assert refusal.error.code is READ_FAILED
        self.then.pop()()
        assert self.done == 1
