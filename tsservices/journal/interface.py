"""
What the chat expects of a journal.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tsservices.chat.batch import Batch
from tsservices.chat.happenings import Said
from tsservices.chat.refusals import Refused
from tsservices.chat.rooms import RoomRecord


class JournalError(Exception):
    """
    A journal can't be used.  The argument is one line that says which, and why.
    """


@dataclass(slots=True)
class Loaded:
    """
    What a journal has kept, but for the lines.

    @ivar log: the incarnation of the order, which begins with the journal.
    @ivar position: of the last batch that was kept.
    @ivar records: the rooms.
    @ivar notes: what to tell whoever starts the server.
    """

    log: str
    position: int
    records: list[RoomRecord]
    notes: list[str] = field(default_factory=list)


class Listener(Protocol):
    """
    Who is told how a journal is doing, in the reactor's thread.
    """

    def stored(self, position: int) -> None:
        """
        @param position: of the last batch that is kept now.
        """
        ...

    def troubled(self, trouble: Refused | None) -> None:
        """
        @param trouble: why nothing can be kept for now, though what was given is not
            lost; L{None}: the trouble is over.
        """
        ...

    def failed(self, reason: str) -> None:
        """
        Nothing can be kept any more, and what was given since the last L{stored} may
        be lost.

        @param reason: one line.
        """
        ...


Found = Callable[["list[Said] | Refused"], None]
"""
Gets lines in order, or why they can't be had.
"""


class Journal(Protocol):
    """
    Keeps batches, and gives lines back.

    @ivar trouble: why nothing can be kept at present.
    """

    trouble: Refused | None

    def prepare(self) -> Loaded:
        """
        Find out what was kept.  Comes before the process becomes a daemon, so nothing
        of it may stay open.

        @return: all but the lines.
        @raise JournalError: it can't be used.
        """
        ...

    def start(self, listener: Listener) -> None:
        """
        Begin to keep.

        @param listener: is told.
        """
        ...

    def store(self, batch: Batch) -> None:
        """
        Keep a batch; the listener is told when that is done, at once or later.

        @param batch: the next one, sealed.
        """
        ...

    def read(self, room: str, first: int, last: int, found: Found) -> None:
        """
        Give lines back.  Lines that are not kept any more are left out: they are at
        the beginning.

        @param room: the key of the room.
        @param first: the number of the first line.
        @param last: the number of the last line, which is kept already; at most
            L{tsservices.limits.HISTORY_PAGE} lines are given.
        @param found: gets them, at once or later, in the reactor's thread.
        """
        ...

    def stop(self, stopped: Callable[[], None]) -> None:
        """
        Keep what was given, and end.

        @param stopped: is called when that is done, at once or later.
        """
        ...
