"""
What tells a database from an older copy of it that somebody has put in its place.

C{tsservices backup} marks its copies.  Others do not: so a file beside the database says how far it
was, and the database itself which file it is.  A copy is behind the one, or is not the other.  (A
copy of the whole disk is both, and is not noticed.)
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3

from tsservices.common.plainfiles import createPlain, openPlain

# Bytes of the file that are read: more than it can have.
_MARK_BYTES = 1024


class PositionMark:
    """The file with the incarnation of the order, and the position of one of its last batches."""

    def __init__(self, path: str) -> None:
        self._path = path

    def write(self, log: str, position: int) -> None:
        """Write it, if that can be done: without it one restored copy less is noticed."""
        with contextlib.suppress(OSError):
            descriptor = createPlain(self._path, os.O_WRONLY)
            with open(descriptor, "w") as file:
                json.dump([log, position], file)

    def logBefore(self, log: str, position: int) -> str:
        """
        The incarnation of the database that was here, if that was farther than this place, or
        another one; else nothing.
        """
        try:
            with open(openPlain(self._path, os.O_RDONLY), "rb") as file:
                there, reached = json.loads(file.read(_MARK_BYTES))
                return str(there) if there != log or reached > position else ""
        except (OSError, ValueError, TypeError):
            # None yet, or half of one.
            return ""


def isAnotherFile(connection: sqlite3.Connection, path: str) -> bool:
    """
    Whether the database was in another file when it was used last; from now on it is in this one.

    @raise sqlite3.Error: it can't be done.
    @raise OSError: there is no such file.
    """
    # As SQLite has integers.
    inode = os.stat(path).st_ino & (2**63 - 1)
    (before,) = connection.execute("SELECT inode FROM meta").fetchone()
    if before != inode:
        connection.execute("UPDATE meta SET inode = ?", (inode,))
    return before not in (None, inode)
