"""
The port to the storage: the calls of the chat, and their values.

Implementations are in L{tsservices.storage}. They may use threads, but callbacks run in the
reactor's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.records import Record, RoomRecord, StoredPrivateMessage
from tsservices.common.counters import StorageCounters

#: Bytes of the secret from which a server makes cloaks.
SECRET_BYTES = 32

#: Stands for the other side of private messages: all people, including messages sent to them.
ALL_SIDES = "*"

#: Lines that are read at once: some milliseconds of the reader's thread.
HISTORY_PAGE = 200


class StorageError(Exception):
    """The storage can't be used; the argument is one line with its name and the reason."""


@dataclass(slots=True)
class StoredState:
    """The content of a storage at the start, without the history."""

    #: The incarnation of the order: it changes when the storage is created, or restored.
    log: str
    #: The position of the last batch.
    position: int
    rooms: list[RoomRecord]
    #: Lines for the operator who starts the server.
    notes: list[str] = field(default_factory=list)
    #: Accounts and all other records.
    records: list[Record] = field(default_factory=list)
    #: L{SECRET_BYTES} known only to this server and kept for ever: with another secret all bans of
    #: addresses would end.
    secret: bytes = bytes(SECRET_BYTES)
    #: The epoch of its cluster; empty: none.
    epoch: str = ""
    #: The whole state after some batch, in the form of L{tsservices.chat.snapshot}; empty: none.
    checkpoint: list[str] = field(default_factory=list)
    #: The position of the batch after which the checkpoint was made.
    checkpointPosition: int = 0
    #: Damage found in the storage, in one line; empty: none.
    damage: str = ""


@dataclass(frozen=True, slots=True)
class ClusterBinding:
    """The cluster that a storage belongs to."""

    #: Empty: none.
    epoch: str
    #: The incarnation of the order.
    log: str
    #: The key of the cloaks.
    secret: bytes
    #: The position of the last batch.
    position: int

    def bound(self, epoch: str, log: str, secret: bytes, base: int, where: str) -> ClusterBinding:
        """
        The binding after the storage has become part of a cluster.

        @param base: the position at which the cluster began.
        @param where: the name of the storage, for errors.
        @raise StorageError: it belongs to another cluster, or has a history of its own.
        """
        # Two histories can't be merged: their lines have the same numbers and positions.
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
    """A search for lines."""

    #: The keys of the rooms, each with the number of the first line that the asker may read.
    rooms: tuple[tuple[str, int], ...]
    #: The words and phrases of a line, all of them; none: any line.
    words: tuple[str, ...]
    #: The folded name of the author; empty: anybody.
    nick: str
    #: The earliest time: nanoseconds since 1970, UTC.
    since: int
    #: The latest time: the same; 0: now.
    until: int
    #: The place C{(position, index)} in the order before which lines are found; None: any.
    before: tuple[int, int] | None
    #: The number of lines, the newest.
    limit: int
    #: Authors that are left out: keys of accounts, and C{origin}s of sessions.
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LineSpan:
    """Lines of a room, for one reader."""

    #: The key.
    room: str
    #: The number of the first line.
    first: int
    #: The number of the last line.
    last: int
    #: The maximum number of lines to return or count.
    count: int
    #: Ignored authors: keys of accounts, and C{origin}s of sessions.
    ignored: frozenset[str] = frozenset()
    #: The reader's own account and C{origin}, if its own lines do not count.
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UnreadCount:
    """The number of lines that somebody has not read."""

    lines: int
    #: The number of the first of these lines; 0: none.
    first: int


class StorageListener(Protocol):
    """The receiver of a storage's reports, in the reactor's thread."""

    def stored(self, position: int) -> None:
        """All batches up to C{position} are stored safely."""
        ...

    def troubled(self, trouble: ChatError | None) -> None:
        """
        Nothing can be stored for now, for example because a disk is full; nothing is lost.

        @param trouble: None: storing works again.
        """
        ...

    def failed(self, reason: str) -> None:
        """
        The disk has failed: batches since the last L{stored} may be lost.

        A failed fsync is never retried: the kernel has dropped the pages, and the next fsync
        succeeds without them.
        """
        ...

    def noted(self, text: str, isError: bool) -> None:
        """
        Report something to the operator; the server continues.

        @param isError: something that was requested can't be done.
        """
        ...


#: Gets lines in order, or an error.
MessagesCallback = Callable[["list[RoomMessages] | ChatError"], None]

#: Gets a number, or L{None} if there is none; or an error.
NumberCallback = Callable[["int | ChatError | None"], None]

#: Gets the count of unread lines, or an error.
UnreadCallback = Callable[["UnreadCount | ChatError"], None]

#: Gets private messages in order, or an error.
PrivateMessagesCallback = Callable[["list[StoredPrivateMessage] | ChatError"], None]

#: Gets None when the copy is complete, or one line with the reason for the failure.
Copied = Callable[["str | None"], None]


class BatchStore(Protocol):
    """The part of a storage that stores batches."""

    #: The reason why nothing can be stored now.
    trouble: ChatError | None

    def store(self, batch: Batch) -> None:
        """Store a batch; L{Pipeline.stored} is called when that is done, at once or later."""
        ...


class HistoryReader(Protocol):
    """The part of a storage that replays rooms."""

    def read(self, room: str, first: int, last: int, onResult: MessagesCallback) -> None:
        """Read lines by number. Lines that are not stored any more are missing at the beginning."""
        ...

    def lastCommon(self, room: str, log: str, onResult: NumberCallback) -> None:
        """
        Find the last line of a room that is surely the same in an earlier incarnation of the order.

        @param log: the incarnation; empty: the one before the current one.
        @param onResult: gets None if there was no such incarnation.
        """
        ...

    def lastUpTo(self, room: str, position: int, index: int, onResult: NumberCallback) -> None:
        """
        Find the last line of a room up to a place in the order.

        @param index: the place in the batch.
        @param onResult: gets its number; 0: there is none, or it is no longer stored.
        """
        ...

    def newest(self, span: LineSpan, onResult: MessagesCallback) -> None:
        """
        Read the newest lines, selected as in
        L{newestLines<tsservices.chat.notifications.newestLines>}, including ignored ones.
        """
        ...


class HistoryQueries(HistoryReader, Protocol):
    """The part of a storage that answers questions about the past."""

    @property
    def unsearched(self) -> int:
        """The number of older lines that searches leave out: they are not in the index yet."""
        ...

    def search(self, search: SearchQuery, onResult: MessagesCallback) -> None:
        """Find lines; those whose text was deleted are not found."""
        ...

    def countUnread(self, span: LineSpan, onResult: UnreadCallback) -> None:
        """Count the lines of others in the span; deleted and ignored ones do not count."""
        ...

    def privateMessages(
        self,
        account: str,
        other: str,
        before: str,
        maximum: int,
        onResult: PrivateMessagesCallback,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        """
        Read the newest private messages of an account.

        @param other: the key of the other side; empty: messages from all people to the account;
            L{ALL_SIDES}: these, and those that the account has sent.
        @param before: the id of the message before which they are; empty: none.
        @param ignored: the keys of accounts whose messages are left out.
        """
        ...

    def privateMessage(self, ident: str, onResult: PrivateMessagesCallback) -> None:
        """Read the private message with this id; the result is empty if there is none."""
        ...


class Storage(BatchStore, HistoryQueries, Protocol):
    """A complete storage: it stores batches, and returns lines."""

    @property
    def counters(self) -> StorageCounters | None:
        """L{None}: nothing is counted."""
        ...

    def prepare(self) -> StoredState:
        """
        Read the stored state.

        Called before the process becomes a daemon, so nothing may stay open.

        @raise StorageError: it can't be used.
        """
        ...

    def bind(
        self, epoch: str, log: str, secret: bytes, base: int, checkpoint: Sequence[str] = ()
    ) -> None:
        """
        Make it part of a cluster, if it is not yet; called between L{prepare} and L{start}.

        @raise StorageError: it belongs to another cluster, has a history of its own, or can't be
            used.
        """
        ...

    def leave(self) -> None:
        """
        Remove it from its cluster, for good; called between L{prepare} and L{start}.

        @raise StorageError: it can't be used.
        """
        ...

    def start(self, listener: StorageListener) -> None:
        """Start storing."""
        ...

    def copy(self, path: str, copied: Copied) -> None:
        """Write everything to a separate file, while the chat continues."""
        ...

    def stop(self, stopped: Callable[[], None]) -> None:
        """Store the batches given so far, and stop."""
        ...
