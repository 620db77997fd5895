"""A storage in SQLite whose statements a test can see, delay, and let fail."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests.support.storage import LOG, SECOND, TIMEOUT, StorageClient, ThreadReactor
from tsservices.chat.batch import Batch
from tsservices.chat.storage import Storage
from tsservices.storage.sqlite.config import SQLiteConfig, Timings
from tsservices.storage.sqlite.journal import SQLiteStorage

#: The timings of a storage that indexes all lines soon.
FAST_TIMINGS = Timings(full=0.01, prune=0.01, settle=0.0, index=0.0)


class ConnectionSpy:
    def __init__(self) -> None:
        self.statements: list[list[str]] = []
        self.before: Callable[[sqlite3.Connection, str], object] = lambda connection, text: None

    def stopAt(self, statement: str) -> tuple[threading.Event, threading.Event]:
        """
        Stop the thread that reaches a statement.

        @return: an event set when the thread is there, and one to set to let it continue.
        """
        arrived, going = threading.Event(), threading.Event()

        def before(connection: sqlite3.Connection, text: str) -> None:
            if text == statement:
                arrived.set()
                assert going.wait(TIMEOUT)

        self.before = before
        return arrived, going

    def connect(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        wires = self

        class Wired(sqlite3.Connection):
            def execute(self, text: str, *arguments: Any) -> sqlite3.Cursor:
                wires.before(self, text)
                return super().execute(text, *arguments)

        connection: sqlite3.Connection = sqlite3.connect(*args, factory=Wired, **kwargs)
        seen: list[str] = []
        self.statements.append(seen)
        connection.set_trace_callback(seen.append)
        return connection


def operationalError(code: int, words: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    return error


class SQLiteHarness:
    """
    A storage in a database in the current folder.

    @ivar time: the time of its clock, in nanoseconds since 1970.
    """

    def __init__(self, keep: float | None = None, start: bool = True, **more: Any) -> None:
        self._threadsBefore = set(threading.enumerate())
        self.reactor = ThreadReactor()
        self.connections = ConnectionSpy()
        self.time = 1_700_000_000 * SECOND
        self.storage = SQLiteStorage(
            "chat.db",
            LOG,
            keep,
            self.reactor.callFromThread,
            lambda: self.time,
            SQLiteConfig(
                **{
                    "pace": Timings(full=0.01, prune=0.01, settle=0.0, index=3600.0),
                    "connect": self.connections.connect,
                    **more,
                }
            ),
        )
        typed: Storage = self.storage
        self.client = StorageClient(typed, self.reactor)
        self.loaded = self.storage.prepare()
        if start:
            self.storage.start(self.client)

    def store(self, batch: Batch) -> None:
        self.storage.store(batch)
        self.client.waitFor(batch.position)

    def threads(self) -> list[threading.Thread]:
        return [
            item
            for item in threading.enumerate()
            if item not in self._threadsBefore and item.name.startswith("journal")
        ]

    def waitForThreads(self) -> None:
        """Wait until the storage's threads end; their last calls are run."""
        self.reactor.until(lambda: not self.threads())


def unindexedCount() -> int:
    with closing(sqlite3.connect("chat.db")) as connection:
        row = connection.execute("SELECT (SELECT max(id) FROM messages) - indexed FROM meta")
        found: int = row.fetchone()[0]
        return found
