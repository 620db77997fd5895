"""Tests for L{tsservices.storage.sqlite.backup}."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.support.sqlite import SQLiteHarness, operationalError
from tests.support.storage import (
    LOG,
    TIMEOUT,
    MessageSource,
    StorageClient,
    ThreadReactor,
    lineFields,
)
from tsservices.chat.records import Account
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.journal import SQLiteStorage


class TestCopy:
    def harness(self, source: MessageSource) -> SQLiteHarness:
        harness = SQLiteHarness()
        batch = source.batch(("a", tuple(f"line {number} " + "x" * 900 for number in range(3000))))
        batch.upsert(Account("ann", "Ann", "v", 1, 2, 3))
        harness.store(batch)
        return harness

    def test_copy(self) -> None:
        source = MessageSource()
        harness = self.harness(source)
        before = os.umask(0)
        try:
            assert harness.client.copy("copy.db") is None
        finally:
            os.umask(before)
        harness.storage.store(source.batch(("a", ("later",))))
        harness.client.stop()
        harness.waitForThreads()
        assert sorted(os.listdir(".")) == ["chat.ballast", "chat.db", "chat.position", "copy.db"]
        assert stat.S_IMODE(os.stat("copy.db").st_mode) == 0o600

        reactor = ThreadReactor()
        copy = SQLiteStorage("copy.db", "other", None, reactor.callFromThread, lambda: 0)
        loaded = copy.prepare()
        assert (loaded.log, loaded.position, loaded.secret) == ("other", 1, harness.loaded.secret)
        assert loaded.records == [Account("ann", "Ann", "v", 1, 2, 3)]
        client = StorageClient(copy, reactor)
        copy.start(client)
        assert client.lines("a", 2901, 3001) == lineFields(source.messages)[2900:3000]
        assert client.search((("a", 1),), "line 2999") == lineFields(source.messages)[2999:3000]
        copy.store(MessageSource(position=1).batch(("b", ("x",))))
        client.waitFor(2)
        client.stop()

    def test_copyDuringWrites(self) -> None:
        source = MessageSource()
        harness = self.harness(source)
        answers: list[str | None] = []
        harness.storage.copy("copy.db", answers.append)
        count = 0

        def busy() -> bool:
            nonlocal count
            if harness.client.positions[-1] == source.position and not answers:
                harness.storage.store(source.batch(("a", ("meanwhile " + "y" * 5000,))))
                count += 1
            return bool(answers)

        harness.reactor.until(busy)
        assert answers == [None]
        assert count > 3
        harness.client.stop()
        loaded = SQLiteStorage("copy.db", LOG, None, print, lambda: 0).prepare()
        assert loaded.position >= 1
        assert loaded.rooms[0].seq == 3000 + loaded.position - 1

    def test_failures(self) -> None:
        harness = self.harness(MessageSource())
        here = os.getcwd()
        for path in ("copy.db", "other.db.part"):
            Path(path).write_text("precious")
        os.symlink("nowhere", "link.db")
        assert harness.client.copy("copy.db") == f"{here}/copy.db is there already"
        assert harness.client.copy("link.db") == f"{here}/link.db is there already"
        assert harness.client.copy("other.db") == f"{here}/other.db.part is there already"
        assert (
            harness.client.copy("gone/copy.db") == f"{here}/gone/copy.db: No such file or directory"
        )

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if text == "BEGIN":
                raise operationalError(sqlite3.SQLITE_FULL, "full")

        harness.connections.before = fail
        assert harness.client.copy("third.db") == f"{here}/chat.db can't grow, the disk is full"
        assert {Path(path).read_text() for path in ("copy.db", "other.db.part")} == {"precious"}
        assert not [item for item in os.listdir(".") if item.startswith("third")]
        harness.connections.before = lambda connection, text: None
        assert harness.client.copy("third.db") is None
        harness.client.stop()

    @pytest.mark.parametrize("part", ["", "\0" * 5000, "copy"])
    def test_afterKill(self, part: str) -> None:
        """What a killed server has left of a copy does not keep the next one from being made."""
        harness = self.harness(MessageSource())
        if part == "copy":
            assert harness.client.copy("copy.db.part") is None
        else:
            Path("copy.db.part").write_text(part)
        Path("copy.db.part-journal").write_text("of a transaction that never ended")
        assert harness.client.copy("copy.db") is None
        assert {item for item in os.listdir(".") if item.startswith("copy")} == {"copy.db"}
        os.link("copy.db", "other.db.part")
        assert harness.client.copy("other.db") == f"{os.getcwd()}/other.db.part is there already"
        harness.client.stop()

    def test_stopDuringCopy(self) -> None:
        harness = self.harness(MessageSource())
        arrived, going = harness.connections.stopAt("BEGIN")
        answers: list[str | None] = []
        harness.storage.copy("copy.db", answers.append)
        assert arrived.wait(TIMEOUT)
        assert harness.client.copy("other.db") == "another copy is being made, wait for its end"
        harness.storage.stop(lambda: setattr(harness.client, "stopped", True))
        harness.storage.copy("third.db", answers.append)
        going.set()
        harness.reactor.until(lambda: harness.client.stopped)
        assert answers == ["the server stops", "the server stops"]
        assert sorted(os.listdir(".")) == ["chat.ballast", "chat.db", "chat.position"]
        assert harness.client.failures == []

    def test_memory(self) -> None:
        journal = MemoryStorage(LOG)
        reason = StorageClient(journal, ThreadReactor()).copy("copy.db")
        assert reason == "this chat is kept in memory only, there is nothing to copy"
