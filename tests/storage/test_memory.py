"""Tests for L{tsservices.storage.memory}."""

from __future__ import annotations

from tests.support.storage import LOG, MessageSource, StorageClient, ThreadReactor, lineFields
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.storage import HISTORY_PAGE, Storage
from tsservices.storage.memory import MemoryStorage


def begun(most: int = 1000) -> tuple[MemoryStorage, StorageClient]:
    journal = MemoryStorage(LOG, most)
    typed: Storage = journal
    client = StorageClient(typed, ThreadReactor())
    journal.start(client)
    return journal, client


class TestMemoryJournal:
    def test_empty(self) -> None:
        loaded = MemoryStorage(LOG).prepare()
        assert (loaded.log, loaded.position, loaded.rooms, loaded.notes) == (LOG, 0, [], [])

    def test_storesAtOnce(self) -> None:
        journal, client = begun()
        journal.store(MessageSource().batch(("a", ("x",))))
        assert client.positions == [1]
        assert journal.trouble is None

    def test_read(self) -> None:
        journal, client = begun()
        source = MessageSource()
        journal.store(source.batch(("a", ("1", "2", "3")), ("b", ("other",)), ("a", ("4", "5"))))
        journal.store(source.batch(("a", ("6",)), account="ann"))
        every = lineFields([item for item in source.messages if item.room == "a"])
        for first in range(1, 7):
            for last in range(first, 7):
                assert client.lines("a", first, last) == every[first - 1 : last]
        assert client.lines("c", 1, 10) == []

    def test_page(self) -> None:
        journal, client = begun()
        source = MessageSource()
        journal.store(source.batch(("a", ("x",) * (HISTORY_PAGE - 1)), ("a", ("y",) * 3)))
        assert client.lines("a", 1, 500) == lineFields(source.messages)[:HISTORY_PAGE]

    def test_bounded(self) -> None:
        journal, client = begun(most=4)
        source = MessageSource()
        for room in "abacb":
            journal.store(source.batch((room, (room,))))
        assert [item[2] for item in client.lines("a", 1, 9)] == [2]
        assert [item[2] for item in client.lines("b", 1, 9)] == [1, 2]
        journal.store(source.batch(("c", ("x", "y", "z", "z"))))
        assert client.lines("a", 1, 9) == []
        assert len(client.lines("c", 1, 9)) == 4

    def test_stop(self) -> None:
        journal, client = begun()
        journal.stop(lambda: setattr(client, "stopped", True))
        assert client.stopped

    def test_readMessagesNameNoSession(self) -> None:
        journal, client = begun()
        batch = MessageSource().batch(("a", ("x",)))
        journal.store(batch)
        found = client.read("a", 1, 1)
        assert isinstance(found, list)
        assert isinstance(found[0], RoomMessages)
        assert (found[0].session, batch.messages[0].session) == ("", "s1")
