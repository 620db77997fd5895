"""Connections to the chat's database, and what their errors mean."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

from tsservices.chat.storage import StorageError
from tsservices.common.plainfiles import checkNoLink

#: Messages stored in one transaction: the first waits for the last, some 50 milliseconds.
TRANSACTION_LINES = 4096

#: Seconds that another program may keep the database locked.
BUSY_SECONDS = 5.0

#: Seconds from a query until it is given up.
READ_SECONDS = 1.0

#: L{sqlite3.connect}, or what a test has in its place.
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
    """SQLite's extended code of an error, or -1."""
    number: int = getattr(error, "sqlite_errorcode", -1)
    return number


#: What waiters are told while the disk is full.
DISK_FULL = "the disk is full"

#: The same, while the database is locked.
LOCKED = "another program has locked the database"

_SHORT_OF_MEMORY = "the server is short of memory"

# Errors after which nothing is wrong with the database.  All others, and above all a failed fsync,
# are for ever.
_PASSING = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    # The memory that connections share (the -shm file) is on the disk too.  Nothing in it has to
    # last, so these errors of input and output may be tried again.
    sqlite3.SQLITE_IOERR_SHMSIZE: DISK_FULL,
    sqlite3.SQLITE_IOERR_SHMMAP: _SHORT_OF_MEMORY,
    sqlite3.SQLITE_IOERR_NOMEM: _SHORT_OF_MEMORY,
    sqlite3.SQLITE_NOMEM: _SHORT_OF_MEMORY,
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_PROTOCOL: LOCKED,
}


def passingReason(path: str, error: BaseException) -> str:
    """Why something could not be done that may be tried again; empty: it must not."""
    if isinstance(error, MemoryError):
        return _SHORT_OF_MEMORY
    number = code(error)
    if number & 0xFF == sqlite3.SQLITE_CANTOPEN:
        # A file that may be opened and was not: there are too many open ones.
        mayOpen = os.access(path, os.R_OK | os.W_OK) and os.access(os.path.dirname(path), os.W_OK)
        return "the server has too many open files" if mayOpen else ""
    return _PASSING.get(number) or _PASSING.get(number & 0xFF, "")


def isDamage(error: BaseException) -> bool:
    """Whether the database is damaged: pages that make no sense, or text that is none."""
    return isinstance(error, ValueError) or code(error) & 0xFF in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def isIndexDamage(error: BaseException) -> bool:
    """Whether what is damaged is in the search index alone, the one virtual table there is."""
    return code(error) == sqlite3.SQLITE_CORRUPT_VTAB


def explain(path: str, error: BaseException) -> str:
    """An error in one line that names the file."""
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
    The files of a database that is open.

    In WAL mode SQLite does not see that somebody removes, replaces or empties them: it goes on in
    files that have no name any more, and what is stored there is lost at the end.
    """

    def __init__(self, path: str) -> None:
        """@raise OSError: they are not there; so the database has to be open, and read from."""
        self._path = path
        self._identities = self._identify()

    def check(self) -> None:
        """@raise StorageError: other ones are in their place, or none."""
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
    Make the database if it does not exist, readable for its owner only.

    @raise OSError: it can't be made, belongs to somebody else, or is a link.
    """
    # SQLite gives the files beside it the same mode.  It opens by path and follows links, so none
    # may be there.
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
    Open the one connection that writes.

    @param busy: seconds that another program may keep the database locked.
    @raise sqlite3.Error: it can't be opened.
    @raise StorageError: not in the mode that is needed.
    """
    connection = openAs(path, "rw", connect, busy)
    try:
        # SQLite may have been built with other defaults: each that matters is set.
        connection.execute("PRAGMA locking_mode = NORMAL")
        # Readers go on while something is written, and a commit is one fsync.
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StorageError(f"{path}: this file system does not suit SQLite's write-ahead log")
        # In WAL mode NORMAL, the usual advice, would lose with the power what was committed last.
        # Here a commit is what lets a message be shown.
        connection.execute("PRAGMA synchronous = FULL")
        # What is deleted has to be gone from the file too.
        connection.execute("PRAGMA secure_delete = ON")
        # SQLite would hide that its own checkpoint failed; the writer makes its own.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def openToRead(path: str, connect: Connect = sqlite3.connect) -> sqlite3.Connection:
    """
    Open a connection that can neither write nor make a checkpoint, even if it closes last.

    @raise sqlite3.Error: it can't be opened.
    """
    # SQLite 3.7.0 to 3.51.2 can damage a database when two connections write or checkpoint at once.
    # While the writer opens the database it is locked for a moment, which this one waits for.
    return openAs(path, "ro", connect, READ_SECONDS)


def openAs(path: str, mode: str, connect: Connect, busy: float) -> sqlite3.Connection:
    """
    Open a connection that begins no transaction by itself.

    @param mode: C{ro} or C{rw}.
    @param busy: seconds that another program may keep the database locked.
    @raise sqlite3.Error: it can't be opened.
    """
    uri = f"{Path(path).as_uri()}?mode={mode}"
    connection = connect(uri, uri=True, timeout=busy, isolation_level=None)
    # Halves of surrogate pairs can come in by JSON, and are stored as they came.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogatepass")
    return connection
