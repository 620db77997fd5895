"""Tests for L{tsservices.storage.sqlite.connection}."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tsservices.storage.sqlite.connection import READ_SECONDS, makePrivate, openToRead, openToWrite


def test_readerWaits(tmp_path: Path) -> None:
    """After a start the connection that writes may still be opening a locked database."""
    path = str(tmp_path / "chat.sqlite")
    makePrivate(path)
    with closing(openToWrite(path)), closing(openToRead(path)) as reader:
        assert reader.execute("PRAGMA busy_timeout").fetchone() == (READ_SECONDS * 1000,)


def test_deletedIsGone(tmp_path: Path) -> None:
    """Also where SQLite was built to leave deleted content in the file."""

    def careless(*given: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*given, **named)
        connection.execute("PRAGMA secure_delete = OFF")
        return connection

    path = str(tmp_path / "chat.sqlite")
    makePrivate(path)
    with closing(openToWrite(path, careless)) as writer:
        writer.execute("CREATE TABLE said (id INTEGER PRIMARY KEY, text TEXT)")
        lines = [(f"what nobody but {number} may read",) for number in range(1, 200)]
        writer.executemany("INSERT INTO said (text) VALUES (?)", lines)
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"nobody but 100 may" in Path(path).read_bytes()
        writer.execute("UPDATE said SET text = '' WHERE id = 100")
    data = Path(path).read_bytes()
    assert (b"nobody but 99 may" in data, b"nobody but 100 may" in data) == (True, False)
