"""
The thread that reads: its connection can't write.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from tsservices.chat.happenings import Said
from tsservices.chat.refusals import READ_FAILED, READ_SLOW, Refused
from tsservices.journal.database import Connect, code, openToRead
from tsservices.journal.interface import Found
from tsservices.journal.statements import read
from tsservices.limits import READ_SECONDS, READS_WAITING

_STEPS = 1000


@dataclass(slots=True)
class _Question:
    """
    Lines that somebody asked for.

    @ivar room: the key of their room.
    @ivar first: the number of the first.
    @ivar last: the number of the last.
    @ivar deadline: when it is too late for an answer.
    @ivar found: gets the answer.
    """

    room: str
    first: int
    last: int
    deadline: float
    found: Found


class Reader:
    """
    Answers one question after another.
    """

    def __init__(
        self,
        path: str,
        log: str,
        seconds: Callable[[], float],
        connect: Connect,
        opened: threading.Event,
        callFromThread: Callable[..., object],
        ended: Callable[[], None],
    ) -> None:
        """
        @param path: of the database.
        @param log: the incarnation of the order.
        @param seconds: a clock that only goes forward.
        @param connect: makes connections.
        @param opened: says that the writer has opened the database, or never will.
        @param callFromThread: has something called in the reactor's thread.
        @param ended: is called there when the thread has nothing more to do.
        """
        self._path = path
        self._log = log
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
        """
        Begin, in a thread of its own.
        """
        threading.Thread(target=self._run, name="journal reader", daemon=True).start()

    def ask(self, room: str, first: int, last: int, found: Found) -> None:
        """
        @param room: the key of a room.
        @param first: the number of the first line.
        @param last: the number of the last line.
        @param found: gets them, or why they can't be had.
        """
        if self._waiting >= READS_WAITING:
            found(Refused(READ_SLOW))
            return
        self._waiting += 1
        deadline = self._seconds() + READ_SECONDS
        self._questions.put(_Question(room, first, last, deadline, found))

    def end(self) -> None:
        """
        Answer what was asked, then end.
        """
        self._questions.put(None)

    def _run(self) -> None:
        """
        All that the thread does.
        """
        # Two connections that open a database at once are in each other's way.
        self._opened.wait()
        while (question := self._questions.get()) is not None:
            self._call(self._answer, question.found, self._look(question))
        self._close()
        self._call(self._ended)

    def _answer(self, found: Found, answer: list[Said] | Refused) -> None:
        """
        In the reactor's thread.

        @param found: gets the answer.
        @param answer: of a question.
        """
        self._waiting -= 1
        found(answer)

    def _look(self, question: _Question) -> list[Said] | Refused:
        """
        @param question: what is asked for.
        @return: that, or why it can't be had.
        """
        self._deadline = question.deadline
        if self._late():
            return Refused(READ_SLOW)
        try:
            if self._connection is None:
                self._connection = openToRead(self._path, self._connect)
                self._connection.set_progress_handler(self._late, _STEPS)
            return read(self._connection, self._log, question.room, question.first, question.last)
        except Exception as error:
            if code(error) == sqlite3.SQLITE_INTERRUPT:
                return Refused(READ_SLOW)
            # Whatever it was, those who ask next are better off with a new connection.
            self._close()
            return Refused(READ_FAILED)

    def _late(self) -> bool:
        """
        Called by SQLite every so many steps: a question ends some microseconds after
        its time, unless the disk itself hangs, when nothing could end it.

        @return: whether to give up.
        """
        return self._seconds() > self._deadline

    def _close(self) -> None:
        """
        Let go of the database.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
