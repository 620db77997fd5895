"""The metadata of a database: the tables C{meta}, of one row, and C{checkpoint}."""

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
    Load the binding of the database; a new database gets its identity now.

    @param log: the incarnation for a new database.
    @param entropy: makes the secret, if there is none.
    @raise sqlite3.Error: a statement failed.
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
    """@raise sqlite3.Error: a statement failed."""
    (log,) = connection.execute("SELECT log FROM meta").fetchone()
    connection.execute(
        "UPDATE meta SET epoch = ?, log = ?, secret = ?, position = ?",
        (binding.epoch, binding.log, binding.secret, binding.position),
    )
    if log != binding.log:
        # The database had no history of its own.
        connection.execute("DELETE FROM logs")
        connection.execute("INSERT INTO logs VALUES (0, ?, 0)", (binding.log,))


def beginLog(connection: sqlite3.Connection, log: str, first: int, common: int) -> None:
    """
    Begin another incarnation of the order.

    @param first: the position of its first batch.
    @param common: the position up to which lines are surely those of the previous incarnation.
    @raise sqlite3.Error: a statement failed.
    """
    connection.execute(
        "INSERT OR REPLACE INTO logs (first, log, common) VALUES (?, ?, ?)", (first, log, common)
    )
    connection.execute("UPDATE meta SET log = ?, copied = 0", (log,))


def isMarkedCopy(connection: sqlite3.Connection) -> bool:
    """
    Whether L{markCopy} has marked the database, and it was not used since.

    @raise sqlite3.Error: a statement failed.
    """
    return bool(connection.execute("SELECT copied FROM meta").fetchone()[0])


def markCopy(connection: sqlite3.Connection) -> None:
    """@raise sqlite3.Error: a statement failed."""
    connection.execute("UPDATE meta SET copied = 1")


def storeCheckpoint(connection: sqlite3.Connection, chunks: Sequence[str], position: int) -> int:
    """
    Replace the stored checkpoint.

    @return: the approximate number of pages added to the write-ahead log.
    @raise sqlite3.Error: a statement failed.
    """
    connection.execute("DELETE FROM checkpoint")
    # Chunks are few and long, so the many steps of executemany do not matter here.
    connection.executemany(
        "INSERT INTO checkpoint (number, position, chunk) VALUES (?, ?, ?)",
        ((number, position, chunk) for number, chunk in enumerate(chunks)),
    )
    # The pages of the old checkpoint are written too, and the new one gets others from a free list.
    return 2 * sum(2 + len(chunk) // PAGE_BYTES for chunk in chunks)


def loadCheckpoint(connection: sqlite3.Connection) -> tuple[list[str], int]:
    """
    Load the chunks of the checkpoint, if there is one, and its position.

    @raise sqlite3.Error: a statement failed.
    """
    rows: list[tuple[str, int]] = connection.execute(
        "SELECT chunk, position FROM checkpoint ORDER BY number"
    ).fetchall()
    return [chunk for chunk, _ in rows], rows[0][1] if rows else 0
