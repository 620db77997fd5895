"""What a database says about itself: the tables C{meta}, of one row, and C{checkpoint}."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from tsservices.chat.storage import SECRET_BYTES, ClusterBinding
from tsservices.storage.sqlite.fulltext import renew

#: Bytes of a page of SQLite.
PAGE_BYTES = 4096


def loadMeta(
    connection: sqlite3.Connection, log: str, entropy: Callable[[int], bytes]
) -> ClusterBinding:
    """
    What the database is part of; a new one gets its identity now.

    @param log: the incarnation of a new one.
    @param entropy: makes the secret, if there is none.
    @raise sqlite3.Error: it can't be done.
    """
    connection.execute(
        "INSERT INTO meta (log, position) SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM meta)",
        (log,),
    )
    connection.execute("UPDATE meta SET secret = ? WHERE secret IS NULL", (entropy(SECRET_BYTES),))
    connection.execute(
        "INSERT INTO logs (first, log, common)"
        " SELECT 0, log, 0 FROM meta WHERE NOT EXISTS (SELECT 1 FROM logs)"
    )
    renew(connection)
    row = connection.execute("SELECT epoch, log, secret, position FROM meta").fetchone()
    return ClusterBinding(*row)


def storeMeta(connection: sqlite3.Connection, binding: ClusterBinding) -> None:
    """@raise sqlite3.Error: it can't be done."""
    (log,) = connection.execute("SELECT log FROM meta").fetchone()
    connection.execute(
        "UPDATE meta SET epoch = ?, log = ?, secret = ?, position = ?",
        (binding.epoch, binding.log, binding.secret, binding.position),
    )
    if log != binding.log:
        # It had no history of its own.
        connection.execute("DELETE FROM logs")
        connection.execute("INSERT INTO logs VALUES (0, ?, 0)", (binding.log,))


def beginLog(connection: sqlite3.Connection, log: str, first: int, common: int) -> None:
    """
    Begin another incarnation of the order.

    @param first: the position of its first batch.
    @param common: that up to which lines are surely those of the incarnation before.
    @raise sqlite3.Error: it can't be done.
    """
    connection.execute(
        "INSERT OR REPLACE INTO logs (first, log, common) VALUES (?, ?, ?)", (first, log, common)
    )
    connection.execute("UPDATE meta SET log = ?, copied = 0", (log,))


def isMarkedCopy(connection: sqlite3.Connection) -> bool:
    """
    Whether L{markCopy} has marked this, and it was not used since.

    @raise sqlite3.Error: it can't be done.
    """
    return bool(connection.execute("SELECT copied FROM meta").fetchone()[0])


def markCopy(connection: sqlite3.Connection) -> None:
    """@raise sqlite3.Error: it can't be done."""
    connection.execute("UPDATE meta SET copied = 1")


def storeCheckpoint(connection: sqlite3.Connection, chunks: Sequence[str], position: int) -> int:
    """
    Store a checkpoint in place of the one before.

    @return: how many pages that is for the write-ahead log, about.
    @raise sqlite3.Error: it can't be done.
    """
    connection.execute("DELETE FROM checkpoint")
    # Chunks are few and long: here executemany does not matter.
    connection.executemany(
        "INSERT INTO checkpoint (number, position, chunk) VALUES (?, ?, ?)",
        ((number, position, chunk) for number, chunk in enumerate(chunks)),
    )
    # The pages of the one before are written too, and others are taken from their list.
    return 2 * sum(2 + len(chunk) // PAGE_BYTES for chunk in chunks)


def loadCheckpoint(connection: sqlite3.Connection) -> tuple[list[str], int]:
    """
    The chunks of the checkpoint, if there is one, and its position.

    @raise sqlite3.Error: it can't be done.
    """
    rows: list[tuple[str, int]] = connection.execute(
        "SELECT chunk, position FROM checkpoint ORDER BY number"
    ).fetchall()
    return [chunk for chunk, _ in rows], rows[0][1] if rows else 0
