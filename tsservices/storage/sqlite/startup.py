"""
What is done to a database before anybody uses it: in one thread, by one connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from tsservices.chat.storage import ClusterBinding, StorageError, StoredState
from tsservices.storage.sqlite.connection import Connect, explain, makePrivate, openToWrite
from tsservices.storage.sqlite.disk import fsyncMilliseconds
from tsservices.storage.sqlite.schema import migrate
from tsservices.storage.sqlite.tables import (
    keepCheckpoint,
    keepMeta,
    loadCheckpoint,
    loadKept,
    loadMeta,
    loadRooms,
)

#: Milliseconds of one fsync above which whoever starts the server is warned: everybody waits that
#: long for each line.
SLOW_DISK_MILLISECONDS = 20.0


class DatabaseStartup:
    """Makes a database what a journal needs, and finds out what is in it."""

    def __init__(
        self,
        path: str,
        log: str,
        busy: float,
        connect: Connect,
        migrations: tuple[str, ...],
        entropy: Callable[[int], bytes],
    ) -> None:
        """
        @param busy: the seconds that another program may keep it locked.
        @param entropy: gives as many random bytes as it is asked for.
        """
        self._path = path
        self._log = log
        self._busy = busy
        self._connect = connect
        self._migrations = migrations
        self._entropy = entropy

    def prepare(self, now: int, seconds: Callable[[], float]) -> StoredState:
        """
        All but the lines.

        @param now: the time: nanoseconds since 1970, UTC.
        @raise JournalError: it can't be used.
        """
        path = self._path
        try:
            makePrivate(path)
            with closing(openToWrite(path, self._connect, self._busy)) as connection:
                migrate(connection, path, self._migrations)
                # Mostly nothing is to be written, but it shows whether somebody else does.
                connection.execute("BEGIN IMMEDIATE")
                mine = loadMeta(connection, self._log, self._entropy)
                checkpoint, position = loadCheckpoint(connection)
                records = loadRooms(connection)
                kept = loadKept(connection, now)
                connection.execute("COMMIT")
            fsync = fsyncMilliseconds(f"{path}.probe", seconds)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(explain(path, error)) from error
        notes = [
            f"{path} holds {len(records)} rooms; SQLite {sqlite3.sqlite_version},"
            f" {fsync:.1f} ms for an fsync"
        ]
        if fsync > SLOW_DISK_MILLISECONDS:
            notes.append(
                f"the disk of {path} is slow: everybody waits {fsync:.0f} ms for each line"
            )
        return StoredState(
            mine.log,
            mine.position,
            records,
            notes,
            kept,
            mine.secret,
            mine.epoch,
            checkpoint,
            position,
        )

    def bind(
        self, epoch: str, log: str, secret: bytes, base: int, checkpoint: Sequence[str]
    ) -> ClusterBinding:
        """
        What it is part of now.

        @raise JournalError: it belongs elsewhere, has a history of its own, or can't be used.
        """

        def change(connection: sqlite3.Connection, mine: ClusterBinding) -> ClusterBinding:
            bound = mine.bound(epoch, log, secret, base, self._path)
            keepMeta(connection, bound)
            if checkpoint and not mine.epoch:
                keepCheckpoint(connection, checkpoint, base)
            return bound

        return self._change(change)

    def leave(self) -> ClusterBinding:
        """
        What it is part of now: of nothing.

        @raise JournalError: it can't be used.
        """

        def change(connection: sqlite3.Connection, mine: ClusterBinding) -> ClusterBinding:
            alone = replace(mine, epoch="")
            keepMeta(connection, alone)
            keepCheckpoint(connection, (), 0)
            return alone

        return self._change(change)

    def _change(
        self, change: Callable[[sqlite3.Connection, ClusterBinding], ClusterBinding]
    ) -> ClusterBinding:
        try:
            with closing(openToWrite(self._path, self._connect, self._busy)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                changed = change(connection, loadMeta(connection, self._log, self._entropy))
                connection.execute("COMMIT")
                return changed
        except sqlite3.Error as error:
            raise StorageError(explain(self._path, error)) from error
