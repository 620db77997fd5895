"""
Detection of a database that was replaced by an older copy of itself.

C{tsservices backup} marks its copies; other programs do not.  For those, a file beside the database
records a position, and the database its own inode.  A copy is behind that position or has another
inode.  (A copy of the whole disk matches both, and is not detected.)
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3

from tsservices.common.plainfiles import createPlain, openPlain

# Bytes of the file that are read: more than its length.
_MARK_BYTES = 1024


class PositionMark:
    """The file with the incarnation of the order, and the position of one of its last batches."""

    def __init__(self, path: str) -> None:
        self._path = path

    def write(self, log: str, position: int) -> None:
        """Write the file; errors are ignored, a restored copy may then not be detected."""
        with contextlib.suppress(OSError):
            descriptor = createPlain(self._path, os.O_WRONLY)
            with open(descriptor, "w") as file:
                json.dump([log, position], file)

    def logBefore(self, log: str, position: int) -> str:
        """
        Return the incarnation in the file, if it is another one or its position is ahead of the
        given one; otherwise an empty string.
        """
        try:
            with open(openPlain(self._path, os.O_RDONLY), "rb") as file:
                there, reached = json.loads(file.read(_MARK_BYTES))
                return str(there) if there != log or reached > position else ""
        except (OSError, ValueError, TypeError):
            # No file yet, or an incomplete one.
            return ""


def isAnotherFile(connection: sqlite3.Connection, path: str) -> bool:
    """
    Whether the database was in another file when it was last used; record the file of now.

    @raise sqlite3.Error: a statement failed.
    @raise OSError: there is no such file.
    """
    # SQLite's integers are signed.
    inode = os.stat(path).st_ino & (2**63 - 1)
    (before,) = connection.execute("SELECT inode FROM meta").fetchone()
    if before != inode:
        connection.execute("UPDATE meta SET inode = ?", (inode,))
    return before not in (None, inode)
