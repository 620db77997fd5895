"""
The transaction that stores several batches of the chat with all their changes.

It has few statements, as many for a thousand messages as for twelve: see
L{tsservices.storage.sqlite.writer}.  Rows of a small transaction are parameters of their
statements; those of a large one are passed to SQLite as JSON.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tsservices.chat.batch import Batch
from tsservices.chat.records import INBOX_UNREAD, Record, RoomRecord, StoredPrivateMessage
from tsservices.storage.sqlite.fulltext import delete
from tsservices.storage.sqlite.messages import INSERT_MESSAGES, directInserts, messageRows
from tsservices.storage.sqlite.meta import PAGE_BYTES, storeCheckpoint
from tsservices.storage.sqlite.private_messages import (
    BLANK_PRIVATE_MESSAGES,
    DELETE_INBOXES,
    INSERT_PRIVATE_MESSAGES,
    privateMessageRows,
)
from tsservices.storage.sqlite.rows import asJSON
from tsservices.storage.sqlite.tables import (
    UPSERT_ROOMS,
    directUpserts,
    recordStatements,
    roomNumbers,
    roomRows,
)

# Approximate bytes that SQLite writes for a message, besides its text, in the row and the index.
_MESSAGE_BYTES = 80

#: A statement with its parameters.
Change = tuple[str, Sequence[object]]


class Transactions:
    """
    Stores batches over one connection.

    @ivar _numbers: the numbers of stored rooms, by key; they never change.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers: dict[str, int] = {}

    def write(self, batches: Sequence[Batch]) -> int:
        """
        Store batches in one transaction.

        @return: the approximate number of bytes added to the write-ahead log.
        @raise sqlite3.Error: a statement failed; the transaction may still be open.
        """
        # Everything is prepared before the transaction begins, which keeps the transaction short.
        records = {record.key: record for batch in batches for record in batch.roomRecords}
        # Rooms first: the insertion of messages looks up their numbers.
        changes = [*self._upserts(list(records.values())), *self._inserts(batches)]
        statements = statementsFor(batches)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        for statement, parameters in changes:
            connection.execute(statement, parameters)
        for statement, parameter, _ in statements:
            connection.execute(statement, (parameter,))
        deleted = delete(connection, batches)
        checkpoint = 0
        last = next((batch for batch in reversed(batches) if batch.checkpoint), None)
        if last is not None:
            checkpoint = storeCheckpoint(connection, last.checkpoint, last.position)
        connection.execute("UPDATE meta SET position = ?", (batches[-1].position,))
        connection.execute("COMMIT")
        if not records.keys() <= self._numbers.keys():
            # After the commit: after a rollback these numbers go to other rooms.
            self._numbers |= roomNumbers(connection, records)
        # Besides the texts SQLite writes the position, and two pages for each room and other row.
        lines = sum(batch.lineCount for batch in batches)
        rows = len(records) + deleted + sum(rows for _, _, rows in statements)
        pages = 2 + checkpoint + 2 * rows
        return _size(changes) + _MESSAGE_BYTES * lines + PAGE_BYTES * pages

    def _upserts(self, records: Sequence[RoomRecord]) -> list[Change]:
        direct = directUpserts(records)
        return [(UPSERT_ROOMS, (roomRows(records),))] if direct is None else direct

    def _inserts(self, batches: Sequence[Batch]) -> list[Change]:
        inserts = directInserts(
            [message for batch in batches for message in batch.messages], self._numbers
        )
        if inserts is not None:
            return inserts
        # One JSON text for each batch, because no other thread runs while a JSON text is made.
        parts = [messageRows(batch.messages) for batch in batches if batch.messages]
        return [(INSERT_MESSAGES, (f"[{','.join(parts)}]",))]


def _size(changes: Sequence[Change]) -> int:
    return sum([len(value) for _, values in changes for value in values if isinstance(value, str)])


def statementsFor(batches: Sequence[Batch]) -> list[tuple[str, str, int]]:
    """
    Return the statements that store records and private messages of batches, at most two for each
    table, each with its parameter and its approximate number of rows.
    """
    records: dict[tuple[object, ...], Record | None] = {}
    messages: list[StoredPrivateMessage] = []
    erased: set[str] = set()
    for batch in batches:
        if batch.records:
            records.update(batch.records)
        if batch.erasedInboxes:
            # Earlier messages of this transaction are not stored yet; later ones belong to another
            # account that was registered with the same name.
            accounts = set(batch.erasedInboxes)
            erased |= accounts
            messages = [
                message for message in messages if not accounts & {message.sender, message.receiver}
            ]
        if batch.privateMessages:
            messages.extend(batch.privateMessages)
    statements = recordStatements(records)
    if erased:
        statements.append((DELETE_INBOXES, asJSON(list(erased)), INBOX_UNREAD))
    if messages:
        rows = privateMessageRows(messages)
        statements.append((INSERT_PRIVATE_MESSAGES, rows, len(messages)))
    if blanked := [ident for batch in batches for ident in batch.privateDeletions]:
        # Last, because messages of this transaction may be among them.
        statements.append((BLANK_PRIVATE_MESSAGES, asJSON(blanked), len(blanked)))
    return statements
