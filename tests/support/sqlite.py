"""
What tests of the journal in SQLite need: one whose connections can be cut.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests.support.storage import LOG, SECOND, Reactor, Witness
from tsservices.chat.storage import Journal
from tsservices.storage.sqlite.journal import SQLiteJournal
from tsservices.storage.sqlite.writer import Pace

AT_ONCE = Pace(full=0.01, prune=0.01, index=0.0)
"""
Of a journal that has all lines in its index soon.
"""


class Wires:
    """
    Connections to SQLite that can be cut.

    @ivar statements: what each connection was asked to do, as SQLite saw it.
    @ivar before: is called before each C{execute} with its text; may raise or wait.
    """

    def __init__(self) -> None:
        """
        Nothing is wrong.
        """
        self.statements: list[list[str]] = []
        self.before: Callable[[sqlite3.Connection, str], object] = lambda connection, text: None

    def connect(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        """
        @param args: of L{sqlite3.connect}.
        @param kwargs: of L{sqlite3.connect}.
        @return: a connection.
        """
        wires = self

        class Wired(sqlite3.Connection):
            """
            A connection that asks first.
            """

            def execute(self, text: str, *arguments: Any) -> sqlite3.Cursor:
                """
                @param text: the statement.
                @param arguments: its parameters.
                @return: its results.
                """
                wires.before(self, text)
                return super().execute(text, *arguments)

        connection: sqlite3.Connection = sqlite3.connect(*args, factory=Wired, **kwargs)
        seen: list[str] = []
        self.statements.append(seen)
        connection.set_trace_callback(seen.append)
        return connection


def broken(code: int, words: str) -> sqlite3.OperationalError:
    """
    @param code: one of SQLite's.
    @param words: what it says.
    @return: the error that C{sqlite3} would raise.
    """
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    return error


class Kept:
    """
    A journal in a database of this folder.

    @ivar reactor: its reactor's thread.
    @ivar wires: its connections.
    @ivar journal: itself.
    @ivar loaded: what it found when it was made.
    @ivar witness: listens to it.
    @ivar time: that it goes by: nanoseconds since 1970.
    """

    def __init__(self, keep: float | None = None, start: bool = True, **more: Any) -> None:
        """
        @param keep: the seconds that lines are kept.
        @param start: whether to start it.
        @param more: what else the journal is to be made with.
        """
        self._others = set(threading.enumerate())
        self.reactor = Reactor()
        self.wires = Wires()
        self.time = 1_700_000_000 * SECOND
        self.journal = SQLiteJournal(
            "chat.db",
            LOG,
            keep,
            self.reactor.callFromThread,
            lambda: self.time,
            **{
                "pace": Pace(full=0.01, prune=0.01, index=3600.0),
                "connect": self.wires.connect,
                **more,
            },
        )
        typed: Journal = self.journal
        self.witness = Witness(typed, self.reactor)
        self.loaded = self.journal.prepare()
        if start:
            self.journal.start(self.witness)

    def threads(self) -> list[threading.Thread]:
        """
        @return: those of the journal.
        """
        return [
            each
            for each in threading.enumerate()
            if each not in self._others and each.name.startswith("journal")
        ]

    def join(self) -> None:
        """
        Wait for its threads, which may still have something to say.
        """
        self.reactor.until(lambda: not self.threads())


def unindexed() -> int:
    """
    @return: how many lines of the database here are not in its index yet.
    """
    with closing(sqlite3.connect("chat.db")) as connection:
        row = connection.execute("SELECT (SELECT max(id) FROM messages) - indexed FROM meta")
        found: int = row.fetchone()[0]
        return found
