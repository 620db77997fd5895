"""
Tests for L{tsservices.journal.database}.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tsservices.journal.database import makePrivate, openToRead, openToWrite
from tsservices.limits import READ_SECONDS


def test_readerWaits(tmp_path: Path) -> None:
    """
    Who reads waits as long as an answer may take while the database is locked: right
    after a start the one that writes may still be opening it.

    @param tmp_path: for the database.
    """
    path = str(tmp_path / "chat.sqlite")
    makePrivate(path)
    with closing(openToWrite(path)), closing(openToRead(path)) as reader:
        assert reader.execute("PRAGMA busy_timeout").fetchone() == (READ_SECONDS * 1000,)
