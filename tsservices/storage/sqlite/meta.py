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
    renew(connection)
    row = connection.execute("SELECT epoch, log, secret, position FROM meta").fetchone()
    return ClusterBinding(*row)


def storeMeta(connection: sqlite3.Connection, binding: ClusterBinding) -> None:
    """@raise sqlite3.Error: it can't be done."""
    connection.execute(
        "UPDATE meta SET epoch = ?, log = ?, secret = ?, position = ?",
        (binding.epoch, binding.log, binding.secret, binding.position),
    )


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
