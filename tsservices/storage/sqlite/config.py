"""
How a database is used: its waits, and what tests and benchmarks put in the place of the system.
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

#: Seconds between two attempts to store while that is not possible.
FULL_SECONDS = 1.0

#: Seconds between two looks for messages that are too old.
PRUNE_SECONDS = 60.0

#: Seconds after a start, and after the clock was set, in which no old message is deleted: what a
#: wrong clock deletes is gone for good, and in an hour a clock is set right, or somebody notices.
SETTLE_SECONDS = 3600.0

#: Seconds without a new message until the last ones go into the search index: what people say
#: meanwhile waits for that.
INDEX_SECONDS = 0.2

#: Seconds until words of deleted messages leave the file of the search index: messages are often
#: deleted one after another.
MERGE_SECONDS = 60.0

#: Seconds that the running server waits for a lock of another program before people are told.
LOCK_SECONDS = 1.0

#: Seconds between two attempts to give back the room of a write-ahead log that has grown large.
SHRINK_SECONDS = 5.0

#: Seconds between two notes of how far the database is: a copy that is put in its place is older.
MARK_SECONDS = 60.0

#: Seconds that the storage has for the last messages when the server stops.
JOURNAL_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Timings:
    """How long a storage waits, in seconds."""

    #: Between two attempts while nothing can be stored.
    full: float = FULL_SECONDS
    #: Between two looks for old messages.
    prune: float = PRUNE_SECONDS
    #: Until the clock is trusted, after a start and after it was set.
    settle: float = SETTLE_SECONDS
    #: Without a new message until the last ones go into the search index.
    index: float = INDEX_SECONDS
    #: Until words of deleted messages leave the file of the search index.
    merge: float = MERGE_SECONDS
    #: While another program keeps the database locked: at the start, and for a backup.
    busy: float = BUSY_SECONDS
    #: The same, while the server runs, until people are told.
    lock: float = LOCK_SECONDS
    #: Between two attempts to shrink a large write-ahead log.
    shrink: float = SHRINK_SECONDS
    #: Between two notes of how far it is.
    mark: float = MARK_SECONDS
    #: For the last messages, before the server stops without them.
    stop: float = JOURNAL_STOP_SECONDS


@dataclass(frozen=True, slots=True)
class SQLiteConfig:
    """All of a storage that has a default."""

    #: The time in seconds, for deadlines.
    monotonic: Callable[[], float] = time.monotonic
    pace: Timings = Timings()
    #: Bytes of the file that makes room when the disk is full.
    ballast: int = BALLAST_BYTES
    #: Opens a connection.
    connect: Connect = sqlite3.connect
    #: See L{tsservices.storage.sqlite.schema.MIGRATIONS}.
    migrations: tuple[str, ...] = MIGRATIONS
    #: Makes as many random bytes as it is asked for.
    entropy: Callable[[int], bytes] = os.urandom
