"""
Tests for L{tsservices.storage.sqlite.backup}.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

from tests.support.sqlite import Kept, broken
from tests.support.storage import LOG, PATIENCE, Reactor, Talk, Witness, lines
from tsservices.chat.records import Account
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.journal import SQLiteStorage


class TestCopy:
    """A copy is a journal of its own."""

    def kept(self, talk: Talk) -> Kept:
        kept = Kept()
        batch = talk.batch(("a", tuple(f"line {number} " + "x" * 900 for number in range(3000))))
        batch.upsert(Account("ann", "Ann", "v", 1, 2, 3))
        kept.journal.store(batch)
        kept.witness.await_(1)
        return kept

    def test_copy(self) -> None:
        """It has everything, and is its owner's only."""
        talk = Talk()
        kept = self.kept(talk)
        before = os.umask(0)
        try:
            assert kept.witness.copy("copy.db") is None
        finally:
            os.umask(before)
        kept.journal.store(talk.batch(("a", ("later",))))
        kept.witness.stop()
        kept.join()
        assert sorted(os.listdir(".")) == ["chat.ballast", "chat.db", "copy.db"]
        assert stat.S_IMODE(os.stat("copy.db").st_mode) == 0o600

        reactor = Reactor()
        copy = SQLiteStorage("copy.db", "other", None, reactor.callFromThread, lambda: 0)
        loaded = copy.prepare()
        assert (loaded.log, loaded.position, loaded.secret) == (LOG, 1, kept.loaded.secret)
        assert loaded.records == [Account("ann", "Ann", "v", 1, 2, 3)]
        witness = Witness(copy, reactor)
        copy.start(witness)
        assert witness.lines("a", 2901, 3001) == lines(talk.said)[2900:3000]
        assert witness.search((("a", 1),), "line 2999") == lines(talk.said)[2999:3000]
        copy.store(Talk(position=1).batch(("b", ("x",))))
        witness.await_(2)
        witness.stop()

    def test_busy(self) -> None:
        """
        It ends though much is said meanwhile, does not begin again, and has all that was
        stored before.
        """
        talk = Talk()
        kept = self.kept(talk)
        answers: list[str | None] = []
        kept.journal.copy("copy.db", answers.append)
        said = 0

        def busy() -> bool:
            nonlocal said
            if kept.witness.positions[-1] == talk.position and not answers:
                kept.journal.store(talk.batch(("a", ("meanwhile " + "y" * 5000,))))
                said += 1
            return bool(answers)

        kept.reactor.until(busy)
        assert answers == [None]
        assert said > 3
        kept.witness.stop()
        loaded = SQLiteStorage("copy.db", LOG, None, print, lambda: 0).prepare()
        assert loaded.position >= 1
        assert loaded.rooms[0].seq == 3000 + loaded.position - 1

    def test_refused(self) -> None:
        """Nothing that is there is written over, and what fails leaves nothing behind."""
        kept = self.kept(Talk())
        here = os.getcwd()
        for path in ("copy.db", "other.db.part"):
            Path(path).write_text("precious")
        os.symlink("nowhere", "link.db")
        assert kept.witness.copy("copy.db") == f"{here}/copy.db is there already"
        assert kept.witness.copy("link.db") == f"{here}/link.db is there already"
        assert kept.witness.copy("other.db") == f"{here}/other.db.part is there already"
        assert (
            kept.witness.copy("gone/copy.db") == f"{here}/gone/copy.db: No such file or directory"
        )

        def fail(connection: sqlite3.Connection, text: str) -> None:
            if text == "BEGIN":
                raise broken(sqlite3.SQLITE_FULL, "full")

        kept.wires.before = fail
        assert kept.witness.copy("third.db") == f"{here}/third.db can't grow, the disk is full"
        assert {Path(path).read_text() for path in ("copy.db", "other.db.part")} == {"precious"}
        assert not [each for each in os.listdir(".") if each.startswith("third")]
        kept.wires.before = lambda connection, text: None
        assert kept.witness.copy("third.db") is None
        kept.witness.stop()

    def test_end(self) -> None:
        """The end does not wait for a copy, which is given up; there is one at a time."""
        kept = self.kept(Talk())
        arrived, going = threading.Event(), threading.Event()

        def hold(connection: sqlite3.Connection, text: str) -> None:
            if text == "BEGIN":
                arrived.set()
                assert going.wait(PATIENCE)

        kept.wires.before = hold
        answers: list[str | None] = []
        kept.journal.copy("copy.db", answers.append)
        assert arrived.wait(PATIENCE)
        assert kept.witness.copy("other.db") == "another copy is being made, wait for its end"
        kept.journal.stop(lambda: setattr(kept.witness, "ended", True))
        kept.journal.copy("third.db", answers.append)
        going.set()
        kept.reactor.until(lambda: kept.witness.ended)
        assert answers == ["the server stops", "the server stops"]
        assert sorted(os.listdir(".")) == ["chat.ballast", "chat.db"]
        assert kept.witness.failures == []

    def test_memory(self) -> None:
        """What is in memory only is not copied."""
        journal = MemoryStorage(LOG)
        reason = Witness(journal, Reactor()).copy("copy.db")
        assert reason == "this chat is kept in memory only, there is nothing to copy"
