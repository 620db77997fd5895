"""
The start of a database, before the threads use it: upgrade, check, and read the state.

A start after C{kill -9} needs nothing else, because SQLite itself recovers the write-ahead log.
The state comes from tables and no message is replayed, so a long history does not slow the start.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from tsservices.chat.storage import ClusterBinding, StorageError, StoredState
from tsservices.common.text import plural
from tsservices.storage.sqlite.config import SQLiteConfig
from tsservices.storage.sqlite.connection import (
    Connect,
    code,
    explain,
    isDamage,
    makePrivate,
    openAs,
    openToWrite,
)
from tsservices.storage.sqlite.disk import fsyncMilliseconds
from tsservices.storage.sqlite.fulltext import INDEX_LAG, lag
from tsservices.storage.sqlite.mark import PositionMark, isAnotherFile
from tsservices.storage.sqlite.meta import (
    PAGE_BYTES,
    beginLog,
    isMarkedCopy,
    loadCheckpoint,
    loadMeta,
    storeCheckpoint,
    storeMeta,
)
from tsservices.storage.sqlite.schema import migrate
from tsservices.storage.sqlite.tables import loadRecords, loadRooms

#: Seconds that the check at the start may take.  A million messages took 0.25.
CHECK_SECONDS = 1.0

#: Bytes of the largest database that is checked at the start: reading more takes too long.
CHECK_BYTES = 536_870_912

# Steps of SQLite's virtual machine between two checks of the deadline.
_STEPS = 1000

#: Milliseconds of one fsync above which the operator is warned: each message waits that long.
SLOW_DISK_MILLISECONDS = 20.0


def checkLog(path: str, connect: Connect) -> None:
    """
    Check that the write-ahead log beside a database does not belong to another one.

    SQLite would write the pages of that log into a backup that was put in the place of the other
    database, and so damage it.

    @raise StorageError: the database is a copy that was not used yet, and there is a log.
    """
    log = f"{path}-wal"
    try:
        if not os.path.getsize(log):
            return
        # The first start of a copy clears the mark, so no log of the copy itself comes before that.
        # Nodes of a cluster keep the mark.
        with closing(openAs(path, "ro&immutable=1", connect, 0)) as connection:
            (unused,) = connection.execute("SELECT copied AND epoch = '' FROM meta").fetchone()
    except (OSError, sqlite3.Error, TypeError):
        # There is no log, or only the log has the tables.
        return
    if unused:
        raise StorageError(
            f"{path} is a copy that was not used yet, and {log} belongs to the database that was"
            " here before: remove it and the -shm file"
        )


def findDamage(connection: sqlite3.Connection, path: str, monotonic: Callable[[], float]) -> str:
    """
    Look for damaged pages, for a second at most.

    @return: the damage, in one line; empty: none was found.
    @raise sqlite3.Error: a statement failed.
    """
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if pages * PAGE_BYTES > CHECK_BYTES:
        return ""
    deadline = monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: monotonic() > deadline, _STEPS)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if code(error) == sqlite3.SQLITE_INTERRUPT:
            return ""
        if not isDamage(error):
            raise
        found = str(error)
    finally:
        connection.set_progress_handler(None, 0)
    if found == "ok":
        return ""
    # The first line may only name the database.
    detail = found.splitlines()[-1]
    return f"{path} is damaged ({detail}): a part of it can't be read; put a backup in its place"


class DatabaseStartup:
    """Opens a database, or creates it, and loads everything except the messages."""

    def __init__(self, path: str, log: str, mark: PositionMark, config: SQLiteConfig) -> None:
        """@param log: the incarnation for a new database or a restored copy."""
        self._path = path
        self._mark = mark
        self._log = log
        self._config = config

    def prepare(self) -> StoredState:
        """
        Bring the database to the present schema and load it.

        @raise StorageError: the database can't be used.
        """
        path, config = self._path, self._config
        try:
            makePrivate(path)
            checkLog(path, config.connect)
            with closing(openToWrite(path, config.connect, config.pace.busy)) as connection:
                migrate(connection, path, config.migrations)
                # Usually nothing is written, but this fails while another process writes.
                connection.execute("BEGIN IMMEDIATE")
                binding = loadMeta(connection, self._log, config.entropy)
                before = self._mark.logBefore(binding.log, binding.position)
                isAnother = isAnotherFile(connection, path)
                # In a cluster the incarnation is that of its stream, the same for all nodes.
                restored = not binding.epoch and (
                    isMarkedCopy(connection) or isAnother or bool(before)
                )
                isNew = binding.log == self._log
                if restored:
                    binding = self._newLog(connection, binding, before)
                checkpoint, position = loadCheckpoint(connection)
                rooms = loadRooms(connection)
                records = loadRecords(connection)
                unindexed = lag(connection)
                connection.execute("COMMIT")
                if restored:
                    self._mark.write(binding.log, binding.position)
                damage = findDamage(connection, path, config.monotonic)
            fsync = fsyncMilliseconds(f"{path}.probe", config.monotonic)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(explain(path, error)) from error
        notes = [
            f"{path} holds {plural(len(rooms), 'room')}; SQLite {sqlite3.sqlite_version},"
            f" {fsync:.1f} ms for an fsync"
        ]
        if damage:
            notes.append(damage)
        if unindexed > INDEX_LAG:
            notes.append(
                f"the search index is made anew: {unindexed} lines, up to a minute and a half for"
                " each million; searches say what they leave out meanwhile"
            )
        if fsync > SLOW_DISK_MILLISECONDS:
            notes.append(
                f"the disk of {path} is slow: everybody waits {fsync:.0f} ms for each line"
            )
        if restored and isNew:
            notes.append(
                f"{path} is new, and another one was here: who names lines of that is told so"
            )
        elif restored:
            notes.append(
                f"{path} is a copy that was restored: lines from now on are told from those"
                " that others may have seen under the same numbers"
            )
        return StoredState(
            binding.log,
            binding.position,
            rooms,
            notes,
            records,
            binding.secret,
            binding.epoch,
            checkpoint,
            position,
            damage,
        )

    def _newLog(
        self, connection: sqlite3.Connection, old: ClusterBinding, before: str = ""
    ) -> ClusterBinding:
        if old.log != self._log:
            beginLog(connection, self._log, old.position + 1, old.position)
        elif before:
            # The database is new, and has no lines of the one that was here before.
            connection.execute("UPDATE logs SET log = ?", (before,))
            beginLog(connection, self._log, 1, 0)
        return replace(old, log=self._log)

    def bind(
        self, epoch: str, log: str, secret: bytes, base: int, checkpoint: Sequence[str]
    ) -> ClusterBinding:
        """@raise StorageError: bound elsewhere, has a history of its own, or can't be used."""

        def change(connection: sqlite3.Connection, old: ClusterBinding) -> ClusterBinding:
            new = old.bound(epoch, log, secret, base, self._path)
            storeMeta(connection, new)
            if checkpoint and not old.epoch:
                storeCheckpoint(connection, checkpoint, base)
            return new

        return self._change(change)

    def leave(self) -> ClusterBinding:
        """@raise StorageError: the database can't be used."""

        def change(connection: sqlite3.Connection, old: ClusterBinding) -> ClusterBinding:
            storeMeta(connection, replace(old, epoch=""))
            # Other nodes have the same history, and may continue it too.
            new = self._newLog(connection, replace(old, epoch=""))
            storeCheckpoint(connection, (), 0)
            return new

        return self._change(change)

    def _change(
        self, change: Callable[[sqlite3.Connection, ClusterBinding], ClusterBinding]
    ) -> ClusterBinding:
        config = self._config
        try:
            with closing(openToWrite(self._path, config.connect, config.pace.busy)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                binding = change(connection, loadMeta(connection, self._log, config.entropy))
                connection.execute("COMMIT")
                return binding
        except sqlite3.Error as error:
            raise StorageError(explain(self._path, error)) from error
