"""The thread that runs queries, on a read-only connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from tsservices.chat.errors import READ_DAMAGED, READ_FAILED, READ_SLOW, ChatError
from tsservices.storage.sqlite.connection import (
    READ_SECONDS,
    code,
    explain,
    isDamage,
    isIndexDamage,
    openToRead,
    passingReason,
)
from tsservices.storage.sqlite.threads import ThreadContext

#: Queries that may wait for one reader; by then the first of them have reached their deadline.
READS_WAITING = 1000

#: Steps of SQLite's virtual machine between two checks of the deadline: a few microseconds.
_STEPS = 1000

Result = TypeVar("Result")


@dataclass(slots=True)
class _Query:
    read: Callable[[sqlite3.Connection], Any]
    #: On the monotonic clock, in seconds.
    deadline: float
    #: Gets the result, in the reactor's thread.
    onResult: Callable[[Any], None]


class ReaderThread:
    """A thread that answers queries in turn, each within L{READ_SECONDS} of its request."""

    def __init__(
        self,
        context: ThreadContext,
        name: str,
        failed: Callable[[str, bool], None],
        ended: Callable[[], None],
    ) -> None:
        """
        @param failed: gets the reason of a failed query, in one line for the operator, and whether
            the search index is damaged.
        """
        self._context = context
        self._name = name
        self._monotonic = context.config.monotonic
        self._failed = failed
        self._ended = ended
        self._queries: SimpleQueue[_Query | None] = SimpleQueue()
        self._waiting = 0
        self._deadline = 0.0
        self._connection: sqlite3.Connection | None = None

    def start(self) -> None:
        self._context.start(self._name, self._run)

    def ask(
        self,
        read: Callable[[sqlite3.Connection], Result],
        onResult: Callable[[Result | ChatError], None],
    ) -> None:
        if self._waiting >= READS_WAITING:
            onResult(ChatError(READ_SLOW))
            return
        self._waiting += 1
        self._queries.put(_Query(read, self._monotonic() + READ_SECONDS, onResult))

    def end(self) -> None:
        """Answer the waiting queries, then end."""
        self._queries.put(None)

    def _run(self) -> None:
        self._context.opened.wait()
        while (query := self._queries.get()) is not None:
            self._context.callFromThread(self._answer, query.onResult, self._read(query))
        self._close()
        self._context.callFromThread(self._ended)

    def _answer(self, onResult: Callable[[Any], None], result: object) -> None:
        # In the reactor's thread, like every access to _waiting.
        self._waiting -= 1
        onResult(result)

    def _read(self, query: _Query) -> object:
        self._deadline = query.deadline
        if self._late():
            return ChatError(READ_SLOW)
        try:
            if self._connection is None:
                context = self._context
                self._connection = openToRead(context.path, context.config.connect)
                # A query ends a few microseconds after its deadline.  (If the disk itself hangs,
                # nothing can end it.)  Connection.interrupt, called from another thread, might
                # abort the next query instead.
                self._connection.set_progress_handler(self._late, _STEPS)
            return query.read(self._connection)
        except ChatError as error:
            return error
        except Exception as error:
            if code(error) == sqlite3.SQLITE_INTERRUPT:
                return ChatError(READ_SLOW)
            # After any other error the next query gets a new connection.
            self._close()
            path = self._context.path
            reason = f"can't read: {explain(path, error)}"
            self._context.callFromThread(self._failed, reason, isIndexDamage(error))
            if isDamage(error):
                return ChatError(READ_DAMAGED)
            reason = passingReason(path, error) or "the disk of this server does not give it"
            return ChatError(READ_FAILED, reason=reason)

    def _late(self) -> bool:
        return self._monotonic() > self._deadline

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
