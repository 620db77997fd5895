"""
A thread that reads: its connection can't write.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from tsservices.chat.errors import READ_FAILED, READ_SLOW, ChatError
from tsservices.storage.sqlite.connection import READ_SECONDS, Connect, code, openToRead

#: Requests for lines that may wait for the journal's reader.
READS_WAITING = 1000


_STEPS = 1000


T = TypeVar("T")


@dataclass(slots=True)
class _Question:
    """
    Something that somebody asked.

    @ivar look: reads the answer.
    @ivar deadline: when it is too late for one.
    @ivar found: gets it.
    """

    look: Callable[[sqlite3.Connection], Any]
    deadline: float
    found: Callable[[Any], None]


class ReaderThread:
    """Answers one question after another."""

    def __init__(
        self,
        path: str,
        name: str,
        seconds: Callable[[], float],
        connect: Connect,
        opened: threading.Event,
        callFromThread: Callable[..., object],
        ended: Callable[[], None],
    ) -> None:
        self._path = path
        self._name = name
        self._seconds = seconds
        self._connect = connect
        self._opened = opened
        self._call = callFromThread
        self._ended = ended
        self._questions: SimpleQueue[_Question | None] = SimpleQueue()
        self._waiting = 0
        self._deadline = 0.0
        self._connection: sqlite3.Connection | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def ask(
        self, look: Callable[[sqlite3.Connection], T], found: Callable[[T | ChatError], None]
    ) -> None:
        if self._waiting >= READS_WAITING:
            found(ChatError(READ_SLOW))
            return
        self._waiting += 1
        self._questions.put(_Question(look, self._seconds() + READ_SECONDS, found))

    def end(self) -> None:
        """Answer what was asked, then end."""
        self._questions.put(None)

    def _run(self) -> None:
        """All that the thread does."""
        # Two connections that open a database at once are in each other's way.
        self._opened.wait()
        while (question := self._questions.get()) is not None:
            self._call(self._answer, question.found, self._look(question))
        self._close()
        self._call(self._ended)

    def _answer(self, found: Callable[[Any], None], answer: object) -> None:
        """In the reactor's thread."""
        self._waiting -= 1
        found(answer)

    def _look(self, question: _Question) -> object:
        self._deadline = question.deadline
        if self._late():
            return ChatError(READ_SLOW)
        try:
            if self._connection is None:
                self._connection = openToRead(self._path, self._connect)
                self._connection.set_progress_handler(self._late, _STEPS)
            return question.look(self._connection)
        except Exception as error:
            if code(error) == sqlite3.SQLITE_INTERRUPT:
                return ChatError(READ_SLOW)
            # Whatever it was, those who ask next are better off with a new connection.
            self._close()
            return ChatError(READ_FAILED)

    def _late(self) -> bool:
        """
        Called by SQLite every so many steps: a question ends some microseconds after
        its time, unless the disk itself hangs, when nothing could end it.
        """
        return self._seconds() > self._deadline

    def _close(self) -> None:
        """Let go of the database."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
