"""Tests for L{tsservices.storage.sqlite.startup}: databases that can't be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import LOG, MessageSource
from tsservices.chat.storage import StorageError
from tsservices.storage.sqlite.config import Timings
from tsservices.storage.sqlite.journal import SQLiteStorage
from tsservices.storage.sqlite.schema import MIGRATIONS


def refusal(**more: object) -> str:
    with pytest.raises(StorageError) as caught:
        SQLiteHarness(start=False, **more)  # type: ignore[arg-type]
    words = str(caught.value)
    assert "\n" not in words
    return words.replace(f"{os.getcwd()}/", "")


@contextmanager
def nobody() -> Iterator[None]:
    user = os.geteuid()
    if not user:
        os.seteuid(65534)
    try:
        yield
    finally:
        if not user:
            os.seteuid(0)


class TestRefused:
    def test_noFolder(self) -> None:
        journal = SQLiteStorage("gone/chat.db", LOG, None, print, lambda: 0)
        with pytest.raises(StorageError) as caught:
            journal.prepare()
        assert str(caught.value) == f"{os.getcwd()}/gone/chat.db: No such file or directory"

    def test_notADatabase(self) -> None:
        Path("chat.db").write_text("Dear diary, today I have " + "slept, " * 500)
        assert refusal() == "chat.db is not a database"

    def test_folder(self) -> None:
        os.mkdir("chat.db", 0o700)
        assert refusal() == "chat.db can't be opened for writing"

    def test_logOfDatabaseBefore(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        harness.store(source.batch(("a", ("x",))))
        assert harness.client.copy("copy.db") is None
        harness.store(source.batch(("a", ("y",))))
        shutil.copy("chat.db-wal", "copy.db-wal")
        before = Path("copy.db").read_bytes()
        storage = SQLiteStorage("copy.db", "second", None, print, lambda: 0)
        with pytest.raises(StorageError, match=r"copy\.db-wal belongs to the database .* before"):
            storage.prepare()
        assert Path("copy.db").read_bytes() == before
        os.remove("copy.db-wal")
        storage.prepare()
        harness.client.stop()
        # As after kill -9: from the first start on, a log is its own.
        with closing(sqlite3.connect("copy.db", isolation_level=None)) as connection:
            connection.execute("UPDATE meta SET position = 7")
            for suffix in ("", "-wal"):
                shutil.copy(f"copy.db{suffix}", f"killed.db{suffix}")
        assert os.path.getsize("killed.db-wal")
        SQLiteStorage("killed.db", "third", None, print, lambda: 0).prepare()

    def test_otherProgram(self) -> None:
        with closing(sqlite3.connect("chat.db")) as connection:
            connection.execute("CREATE TABLE recipes (name)")
        assert refusal() == "chat.db is a database of another program"
        with closing(sqlite3.connect("chat.db")) as connection:
            found = connection.execute("SELECT name FROM sqlite_master").fetchall()
        assert found == [("recipes",)]

    def test_newerVersion(self) -> None:
        SQLiteHarness(start=False)
        with closing(sqlite3.connect("chat.db")) as connection:
            connection.execute("PRAGMA user_version = 99")
        assert refusal() == (
            f"chat.db was written by a newer version (schema 99, this one knows {len(MIGRATIONS)})"
        )

    def test_migrationFails(self) -> None:
        SQLiteHarness(start=False)
        script = "CREATE TABLE bans (room); INSERT INTO nowhere VALUES (1)"
        assert "no such table: nowhere" in refusal(migrations=(*MIGRATIONS, script))
        with closing(sqlite3.connect("chat.db")) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        assert ("bans",) not in tables
        assert not SQLiteHarness(start=False).loaded.rooms

    def test_locked(self) -> None:
        SQLiteHarness(start=False)
        with closing(sqlite3.connect("chat.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert refusal(pace=Timings(busy=0.0)) == "chat.db is locked by another process"
        SQLiteHarness(start=False)

    def test_readOnlyFolder(self) -> None:
        os.chmod(".", 0o555)
        try:
            with nobody():
                assert refusal() == "chat.db: Permission denied"
        finally:
            os.chmod(".", 0o700)

    def test_readOnlyFile(self) -> None:
        SQLiteHarness(start=False)
        os.chmod("chat.db", 0o400)
        os.chmod(".", 0o777)
        if not os.geteuid():
            os.chown("chat.db", 65534, -1)
        with nobody():
            assert refusal() == "chat.db can't be written to"

    def test_readOnlyAround(self) -> None:
        SQLiteHarness(start=False)
        if not os.geteuid():
            os.chown("chat.db", 65534, -1)
        os.chmod(".", 0o555)
        try:
            with nobody():
                assert refusal().startswith("chat.db can't be ")
        finally:
            os.chmod(".", 0o700)
