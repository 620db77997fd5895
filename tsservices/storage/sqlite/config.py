"""
The settings of a database: its timings, and the functions that tests and benchmarks replace.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from tsservices.storage.sqlite.connection import BUSY_SECONDS, Connect
from tsservices.storage.sqlite.disk import BALLAST_BYTES
from tsservices.storage.sqlite.schema import MIGRATIONS

#: Seconds between two attempts to store after a failure that may pass.
FULL_SECONDS = 1.0

#: Seconds between two deletions of messages that are too old.
PRUNE_SECONDS = 60.0

#: Seconds after a start, and after the clock was set, in which no old message is deleted: deletions
#: by a wrong clock can't be undone, and within an hour a clock is usually corrected.
SETTLE_SECONDS = 3600.0

#: Seconds without a new message until the last ones go into the search index: new messages wait
#: while the index is written.
INDEX_SECONDS = 0.2

#: Seconds until words of deleted messages are removed from the file of the search index: not at
#: once, because messages are often deleted one after another.
MERGE_SECONDS = 60.0

#: Seconds that the running server waits for another program's lock before it informs the users.
LOCK_SECONDS = 1.0

#: Seconds between two attempts to shrink a write-ahead log that has grown large.
SHRINK_SECONDS = 5.0

#: Seconds between two records of the database's position: a restored copy is usually older.
MARK_SECONDS = 60.0

#: Seconds to store the last messages when the server stops.
JOURNAL_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Timings:
    """How long a storage waits, in seconds."""

    #: Between two attempts to store.
    full: float = FULL_SECONDS
    #: Between two deletions of old messages.
    prune: float = PRUNE_SECONDS
    #: Until the clock is trusted, after a start and after it was set.
    settle: float = SETTLE_SECONDS
    #: Without a new message until the last ones go into the search index.
    index: float = INDEX_SECONDS
    #: Until words of deleted messages are removed from the file of the search index.
    merge: float = MERGE_SECONDS
    #: For another program's lock on the database: at the start, and for a backup.
    busy: float = BUSY_SECONDS
    #: The same while the server runs, before users are informed.
    lock: float = LOCK_SECONDS
    #: Between two attempts to shrink a large write-ahead log.
    shrink: float = SHRINK_SECONDS
    #: Between two records of the position.
    mark: float = MARK_SECONDS
    #: For the last messages, before the server stops without them.
    stop: float = JOURNAL_STOP_SECONDS


@dataclass(frozen=True, slots=True)
class SQLiteConfig:
    """The settings of a storage that have defaults."""

    #: A monotonic clock in seconds, for deadlines.
    monotonic: Callable[[], float] = time.monotonic
    pace: Timings = Timings()
    #: Bytes of the file that is deleted when the disk is full.
    ballast: int = BALLAST_BYTES
    #: Opens a connection.
    connect: Connect = sqlite3.connect
    #: See L{tsservices.storage.sqlite.schema.MIGRATIONS}.
    migrations: tuple[str, ...] = MIGRATIONS
    #: Returns the given number of random bytes.
    entropy: Callable[[int], bytes] = os.urandom
