"""
How batches of the chat are stored: all that some of them bring, in one transaction.

What it writes goes to SQLite as JSON, so that its statements are few, and as many for one message
as for a thousand: see L{tsservices.storage.sqlite.writer}.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tsservices.chat.batch import Batch
from tsservices.chat.records import INBOX_UNREAD, Record, RoomRecord, StoredPrivateMessage
from tsservices.storage.sqlite.fulltext import delete
from tsservices.storage.sqlite.messages import INSERT_MESSAGES, messageRows
from tsservices.storage.sqlite.meta import PAGE_BYTES, storeCheckpoint
from tsservices.storage.sqlite.private_messages import (
    DELETE_INBOXES,
    INSERT_PRIVATE_MESSAGES,
    privateMessageRows,
)
from tsservices.storage.sqlite.rows import asJSON
from tsservices.storage.sqlite.tables import UPSERT_ROOMS, recordStatements, roomRows

# Bytes, about, that SQLite writes for a message beside its text, in the row and in the index.
_MESSAGE_BYTES = 80


def write(connection: sqlite3.Connection, batches: Sequence[Batch]) -> int:
    """
    Store batches in one transaction.

    @return: how many bytes that is for the write-ahead log, about.
    @raise sqlite3.Error: it can't be done; the transaction may still be open.
    """
    # All JSON is made before the transaction begins, which keeps that short; batch by batch,
    # because no other thread runs while a text of JSON is made.
    records: dict[str, RoomRecord] = {}
    parts = []
    for batch in batches:
        records.update((record.key, record) for record in batch.roomRecords)
        if batch.messages:
            parts.append(messageRows(batch.messages))
    rooms = roomRows(records.values())
    messages = f"[{','.join(parts)}]"
    statements = statementsFor(batches)
    connection.execute("BEGIN IMMEDIATE")
    # Rooms first: messages look for their numbers.
    connection.execute(UPSERT_ROOMS, (rooms,))
    connection.execute(INSERT_MESSAGES, (messages,))
    for statement, parameter, _ in statements:
        connection.execute(statement, (parameter,))
    deleted = delete(connection, batches)
    checkpoint = 0
    last = next((batch for batch in reversed(batches) if batch.checkpoint), None)
    if last is not None:
        checkpoint = storeCheckpoint(connection, last.checkpoint, last.position)
    connection.execute("UPDATE meta SET position = ?", (batches[-1].position,))
    connection.execute("COMMIT")
    # What SQLite writes beside the text: the position, and two pages for each room and each other
    # row.
    lines = sum(batch.lineCount for batch in batches)
    rows = len(records) + deleted + sum(rows for _, _, rows in statements)
    pages = 2 + checkpoint + 2 * rows
    return len(rooms) + len(messages) + _MESSAGE_BYTES * lines + PAGE_BYTES * pages


def statementsFor(batches: Sequence[Batch]) -> list[tuple[str, str, int]]:
    """
    The statements that store records and private messages of batches, each with its parameter and
    about how many rows that is: none if there are none, and never more than two for each table.
    """
    records: dict[tuple[object, ...], Record | None] = {}
    messages: list[StoredPrivateMessage] = []
    erased: set[str] = set()
    for batch in batches:
        if batch.records:
            records.update(batch.records)
        if batch.erasedInboxes:
            # Those before it in this transaction were not stored yet; those after it are another's,
            # whoever has registered the name again.
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
    return statements
