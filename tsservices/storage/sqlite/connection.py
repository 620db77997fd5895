"""Connections to the chat's database, and the meaning of their errors."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

from tsservices.chat.storage import StorageError
from tsservices.common.plainfiles import checkNoLink

#: Messages stored in one transaction at most: the first waits for the last, about 50 milliseconds.
TRANSACTION_LINES = 4096

#: Seconds to wait for another program's lock on the database.
BUSY_SECONDS = 5.0

#: Seconds from the request of a query until it is aborted.
READ_SECONDS = 1.0

#: L{sqlite3.connect}, or its replacement in a test.
Connect = Callable[..., sqlite3.Connection]

_MEANINGS = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_CANTOPEN: "can't be opened for writing",
    sqlite3.SQLITE_CORRUPT: "is damaged: put a backup in its place",
    sqlite3.SQLITE_FULL: "can't grow, the disk is full",
    sqlite3.SQLITE_NOTADB: "is not a database",
    sqlite3.SQLITE_READONLY: "can't be written to",
}


def code(error: BaseException) -> int:
    """Return SQLite's extended code of an error, or -1."""
    number: int = getattr(error, "sqlite_errorcode", -1)
    return number


#: The reason given to users whose messages wait while the disk is full.
DISK_FULL = "the disk is full"

#: The same, while the database is locked.
LOCKED = "another program has locked the database"

_SHORT_OF_MEMORY = "the server is short of memory"

# Errors that may pass and leave the database intact.  All others, above all a failed fsync, are
# permanent.
_PASSING = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    # The memory that connections share (the -shm file) is on the disk too.  Its content need not
    # last, so after these I/O errors an operation may be tried again.
    sqlite3.SQLITE_IOERR_SHMSIZE: DISK_FULL,
    sqlite3.SQLITE_IOERR_SHMMAP: _SHORT_OF_MEMORY,
    sqlite3.SQLITE_IOERR_NOMEM: _SHORT_OF_MEMORY,
    sqlite3.SQLITE_NOMEM: _SHORT_OF_MEMORY,
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_PROTOCOL: LOCKED,
}


def passingReason(path: str, error: BaseException) -> str:
    """Return the reason of an error that may pass; empty: the operation must not be tried again."""
    if isinstance(error, MemoryError):
        return _SHORT_OF_MEMORY
    number = code(error)
    if number & 0xFF == sqlite3.SQLITE_CANTOPEN:
        # If the permissions allow it and it still failed, too many files are open.
        mayOpen = os.access(path, os.R_OK | os.W_OK) and os.access(os.path.dirname(path), os.W_OK)
        return "the server has too many open files" if mayOpen else ""
    return _PASSING.get(number) or _PASSING.get(number & 0xFF, "")


def isDamage(error: BaseException) -> bool:
    """Whether the database is damaged: malformed pages, or text that can't be decoded."""
    return isinstance(error, ValueError) or code(error) & 0xFF in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def isIndexDamage(error: BaseException) -> bool:
    """Whether the damage is in the search index alone, the only virtual table."""
    return code(error) == sqlite3.SQLITE_CORRUPT_VTAB


def explain(path: str, error: BaseException) -> str:
    """Describe an error in one line that names the file."""
    if isinstance(error, sqlite3.Error):
        meaning = _MEANINGS.get(code(error) & 0xFF)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return f"{path} {meaning}" if meaning else f"{path}: {error} ({name})"
    if isinstance(error, StorageError):
        return str(error)
    if isinstance(error, ValueError):
        return f"{path} {_MEANINGS[sqlite3.SQLITE_CORRUPT]} ({error})"
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}"
    return f"{path}: {type(error).__name__}: {error}"


class OpenFiles:
    """
    The files of an open database.

    In WAL mode SQLite does not notice when they are removed, replaced or emptied: it continues with
    files that have no name any more, and all messages stored there are lost at the end.
    """

    def __init__(self, path: str) -> None:
        """@raise OSError: a file is missing; the database has to be open, and read from once."""
        self._path = path
        self._identities = self._identify()

    def check(self) -> None:
        """@raise StorageError: the files were removed, replaced or emptied."""
        with contextlib.suppress(OSError):
            if self._identify() == self._identities:
                return
        raise StorageError(
            f"{self._path}, or the -wal file beside it, was removed, replaced or emptied while the"
            " server was running: stop the server before that"
        )

    def _identify(self) -> tuple[int, ...]:
        database, log = os.stat(self._path), os.stat(f"{self._path}-wal")
        hasPages = database.st_size > 0
        return (database.st_dev, database.st_ino, hasPages, log.st_dev, log.st_ino)


def makePrivate(path: str) -> None:
    """
    Create the database file if it does not exist, and make it readable for its owner only.

    @raise OSError: the file can't be created, belongs to another user, or is a link.
    """
    # SQLite gives the -wal and -shm files the same mode.  It opens files by path and follows links,
    # so links are refused.
    for suffix in ("", "-wal", "-shm", "-journal"):
        checkNoLink(f"{path}{suffix}")
    try:
        mode = stat.S_IMODE(os.lstat(path).st_mode)
    except FileNotFoundError:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    else:
        if mode & 0o077:
            os.chmod(path, mode & 0o700)


def openToWrite(
    path: str, connect: Connect = sqlite3.connect, busy: float = BUSY_SECONDS
) -> sqlite3.Connection:
    """
    Open the only connection that writes.

    @param busy: seconds to wait for another program's lock.
    @raise sqlite3.Error: the database can't be opened.
    @raise StorageError: the file system does not support WAL mode.
    """
    connection = openAs(path, "rw", connect, busy)
    try:
        # SQLite may have been built with other defaults: each setting that matters is made here.
        connection.execute("PRAGMA locking_mode = NORMAL")
        # In WAL mode readers continue during a write, and a commit is one fsync.
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StorageError(f"{path}: this file system does not suit SQLite's write-ahead log")
        # NORMAL, the usual advice for WAL mode, would lose the last commits in a power failure.
        # Here a message is shown as soon as it is committed.
        connection.execute("PRAGMA synchronous = FULL")
        # Deleted text has to be removed from the file too.
        connection.execute("PRAGMA secure_delete = ON")
        # SQLite hides the failures of its automatic checkpoints; the writer makes its own.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def openToRead(path: str, connect: Connect = sqlite3.connect) -> sqlite3.Connection:
    """
    Open a connection that can neither write nor make a checkpoint, even if it closes last.

    @raise sqlite3.Error: the database can't be opened.
    """
    # SQLite 3.7.0 to 3.51.2 can damage a database when two connections write or checkpoint at once.
    # The database is locked for a moment while the writer opens it; a reader waits for that.
    return openAs(path, "ro", connect, READ_SECONDS)


def openAs(path: str, mode: str, connect: Connect, busy: float) -> sqlite3.Connection:
    """
    Open a connection that does not begin transactions by itself.

    @param mode: C{ro} or C{rw}; other parameters of the URI may follow.
    @param busy: seconds to wait for another program's lock.
    @raise sqlite3.Error: the database can't be opened.
    """
    uri = f"{Path(path).as_uri()}?mode={mode}"
    connection = connect(uri, uri=True, timeout=busy, isolation_level=None)
    # Halves of surrogate pairs can arrive in JSON, and are stored unchanged.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogatepass")
    return connection
