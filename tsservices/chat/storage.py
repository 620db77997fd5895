"""
What the chat expects of a journal.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.records import Record, RoomRecord, StoredPrivateMessage

#: Bytes of what only a server knows, by which it makes what nobody can guess.
SECRET_BYTES = 32

#: Lines read from the journal at once: some milliseconds of its reader.
HISTORY_PAGE = 200


class StorageError(Exception):
    """A journal can't be used.  The argument is one line that says which, and why."""


@dataclass(slots=True)
class StoredState:
    """
    What a journal has kept, but for the lines.

    @ivar log: the incarnation of the order, which begins with the journal.
    @ivar position: of the last batch that was kept.
    @ivar rooms: the rooms.
    @ivar notes: what to tell whoever starts the server.
    @ivar records: accounts and all else that batches carry as records.
    @ivar secret: 32 bytes that only this server knows, and keeps for ever: by them the
        addresses of people are cloaked.
    @ivar epoch: of the cluster that it belongs to; nothing: to none.
    @ivar checkpoint: the whole state after some batch, as L{tsservices.chat.snapshot}
        writes it; nothing: there is none.
    @ivar checkpointPosition: of that batch.
    """

    log: str
    position: int
    rooms: list[RoomRecord]
    notes: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    secret: bytes = bytes(32)
    epoch: str = ""
    checkpoint: list[str] = field(default_factory=list)
    checkpointPosition: int = 0


@dataclass(frozen=True, slots=True)
class ClusterBinding:
    """
    What a journal is part of.

    @ivar epoch: of a cluster; nothing: of none.
    @ivar log: the incarnation of the order.
    @ivar secret: by which the addresses of people are cloaked.
    @ivar position: of the last batch that was kept.
    """

    epoch: str
    log: str
    secret: bytes
    position: int

    def bound(self, epoch: str, log: str, secret: bytes, base: int, where: str) -> ClusterBinding:
        """
        What this becomes as a part of that cluster.

        @raise JournalError: it belongs elsewhere, or has a history of its own.
        """
        same = (self.log, self.secret) == (log, secret)
        if self.epoch and (self.epoch != epoch or not same):
            raise StorageError(f"{where} belongs to another cluster")
        if self.epoch:
            return self
        if same and self.position == base:
            return ClusterBinding(epoch, log, secret, base)
        if same:
            raise StorageError(
                f"{where} founded this cluster, but was used without it since: move it away,"
                " and what was said in it since then with it"
            )
        if self.position:
            raise StorageError(
                f"{where} has a history of its own, and so can't become part of a cluster:"
                " move it away"
            )
        return ClusterBinding(epoch, log, secret, base)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """
    What somebody searches for.

    @ivar rooms: where, by their keys, each with the number of the first line that may be
        read.
    @ivar words: what has to be in a line, each word or phrase by itself; without any, all
        lines are found.
    @ivar nick: the folded name of who said it; nothing: anybody.
    @ivar since: the earliest time: nanoseconds since 1970, UTC.
    @ivar until: the latest time: the same; 0: now.
    @ivar before: only what stands before the line with this place in the log is found:
        C{(position, index)}; L{None}: all.
    @ivar limit: how many lines are found at most: the newest.
    """

    rooms: tuple[tuple[str, int], ...]
    words: tuple[str, ...]
    nick: str
    since: int
    until: int
    before: tuple[int, int] | None
    limit: int


class StorageListener(Protocol):
    """Who is told how a journal is doing, in the reactor's thread."""

    def stored(self, position: int) -> None: ...

    def troubled(self, trouble: ChatError | None) -> None:
        """
        @param trouble: why nothing can be kept for now, though what was given is not
            lost; L{None}: the trouble is over.
        """
        ...

    def failed(self, reason: str) -> None:
        """
        Nothing can be kept any more, and what was given since the last L{stored} may
        be lost.
        """
        ...


#: Gets lines in order, or why they can't be had.
MessagesFound = Callable[["list[RoomMessages] | ChatError"], None]

#: Gets private messages in order, or why they can't be had.
PrivateMessagesFound = Callable[["list[StoredPrivateMessage] | ChatError"], None]

#: Is told that a copy is there, or why it can't be made, in one line.
Copied = Callable[["str | None"], None]


class Storage(Protocol):
    """
    Keeps batches, and gives lines back.

    @ivar trouble: why nothing can be kept at present.
    """

    trouble: ChatError | None

    def prepare(self) -> StoredState:
        """
        Find out what was kept.  Comes before the process becomes a daemon, so nothing
        of it may stay open.

        @raise JournalError: it can't be used.
        """
        ...

    def bind(
        self, epoch: str, log: str, secret: bytes, base: int, checkpoint: Sequence[str] = ()
    ) -> None:
        """
        Make it part of a cluster, if it is not yet.  Comes between L{prepare} and L{start}.

        @raise JournalError: it belongs elsewhere, has a history of its own, or can't be used.
        """
        ...

    def leave(self) -> None:
        """
        Make it part of no cluster, for good.  Comes between L{prepare} and L{start}.

        @raise JournalError: it can't be used.
        """
        ...

    def start(self, listener: StorageListener) -> None:
        """Begin to keep."""
        ...

    def store(self, batch: Batch) -> None:
        """Keep a batch; the listener is told when that is done, at once or later."""
        ...

    def read(self, room: str, first: int, last: int, found: MessagesFound) -> None:
        """
        Give lines back.  Lines that are not kept any more are left out: they are at
        the beginning.
        """
        ...

    def search(self, search: SearchQuery, found: MessagesFound) -> None:
        """Find lines.  Those whose text is no more are not found."""
        ...

    def privateMessages(
        self, account: str, other: str, before: str, most: int, found: PrivateMessagesFound
    ) -> None:
        """Give private messages back."""
        ...

    def copy(self, path: str, copied: Copied) -> None:
        """Write all that is kept to a file of its own, while everything goes on."""
        ...

    def stop(self, stopped: Callable[[], None]) -> None:
        """Keep what was given, and end."""
        ...


class HistoryQueries(Protocol):
    """Where what was said can be looked for: a journal."""

    def read(self, room: str, first: int, last: int, found: MessagesFound) -> None: ...

    def search(self, search: SearchQuery, found: MessagesFound) -> None: ...

    def privateMessages(
        self, account: str, other: str, before: str, most: int, found: PrivateMessagesFound
    ) -> None: ...


class BatchStore(Protocol):
    """
    Where batches are kept.

    @ivar trouble: why nothing can be kept at present.
    """

    trouble: ChatError | None

    def store(self, batch: Batch) -> None:
        """Keep a batch; L{Pipeline.stored} is called when that is done, at once or later."""
        ...


class HistoryReader(Protocol):
    """What gives the lines of a room back."""

    def read(self, room: str, first: int, last: int, found: MessagesFound) -> None: ...
