"""
The rows of accounts, of the order in rooms, and of private messages.

The chat's rows: how batches become them, and they become lines again.

What a transaction writes goes to SQLite as JSON, so that its statements are few and
always as many: a statement for each line would take the interpreter from the reactor
and back for each line.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from operator import attrgetter

from tsservices.chat.batch import Batch
from tsservices.chat.names import fold
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.records import (
    INBOX_UNREAD,
    Account,
    ReadMarker,
    Record,
    Restriction,
    RoomRecord,
    RoomRole,
    StoredPrivateMessage,
)
from tsservices.chat.storage import HISTORY_PAGE, SECRET_BYTES, ClusterBinding
from tsservices.storage.sqlite.fulltext import delete, renew
from tsservices.storage.sqlite.rows import asJSON, columns

_LETTER = "ident, time, sender, receiver, nick, recipient, kind, text"

_KEEP_LETTERS = f"INSERT INTO letters ({_LETTER}) SELECT {columns(8)} FROM json_each(?)"

_FORGET = """
DELETE FROM letters WHERE sender IN (SELECT value FROM json_each(?1))
    OR receiver IN (SELECT value FROM json_each(?1))
"""

_PLACE = "coalesce((SELECT id FROM letters WHERE ident = :before), 9223372036854775807)"

_RECEIVED = f"""
SELECT {_LETTER} FROM letters
WHERE receiver = :account AND id < {_PLACE}
ORDER BY id DESC LIMIT :most
"""

# Each half reads no more than what may be wanted of it; what somebody says to themselves
# stands in both.
_BETWEEN = f"""
SELECT {_LETTER} FROM (
    SELECT * FROM (
        SELECT * FROM letters WHERE sender = :account AND receiver = :other AND id < {_PLACE}
        ORDER BY id DESC LIMIT :most
    ) UNION SELECT * FROM (
        SELECT * FROM letters WHERE sender = :other AND receiver = :account AND id < {_PLACE}
        ORDER BY id DESC LIMIT :most
    )
) ORDER BY id DESC LIMIT :most
"""

_PRUNE_LETTERS = """
DELETE FROM letters WHERE id IN (
    SELECT id FROM (SELECT id, time FROM letters ORDER BY id LIMIT ?) WHERE time < ?
)
"""


class _Table:
    """
    Where records of one kind are.

    @ivar put: the statement that keeps rows.
    @ivar remove: the statement that takes rows away, by their keys.
    @ivar load: the statement that reads all rows.
    @ivar values: gives the row of a record.
    """

    def __init__(self, name: str, kind: type[Record], *names: str) -> None:
        attributes = [each.name for each in fields(kind)]
        if len(attributes) != len(names) or tuple(attributes[: len(kind.KEY)]) != kind.KEY:
            raise TypeError(f"these are not the columns of {kind}: {names}")
        every = ", ".join(f'"{each}"' for each in names)
        key = ", ".join(f'"{each}"' for each in names[: len(kind.KEY)])
        self.put = (
            f"INSERT OR REPLACE INTO {name} ({every})"
            f" SELECT {columns(len(names))} FROM json_each(?)"
        )
        self.remove = (
            f"DELETE FROM {name} WHERE ({key}) IN"
            f" (SELECT {columns(len(kind.KEY))} FROM json_each(?))"
        )
        self.load = f"SELECT {every} FROM {name} ORDER BY {key}"
        self.values = attrgetter(*attributes)


# Databases know the names of columns: they stay, whatever the fields of records are called.
_TABLES: dict[type[Record], _Table] = {
    Account: _Table(
        "accounts", Account, "key", "name", "verifier", "version", "created", "seen", "unread"
    ),
    Restriction: _Table(
        "restraints",
        Restriction,
        "room",
        "kind",
        "mask",
        "name",
        "by",
        "time",
        "until",
        "why",
        "key",
    ),
    RoomRole: _Table("standings", RoomRole, "room", "account", "operator", "invited", "admitted"),
    ReadMarker: _Table("readMarks", ReadMarker, "account", "room", "seq"),
}


def statementsFor(batches: Sequence[Batch]) -> list[tuple[str, str, int]]:
    """
    The statements that keep their records and letters, each with its parameter and how many
    rows that is: none if there are none, and never more than two for each table.
    """
    kept: dict[tuple[object, ...], Record | None] = {}
    letters: list[StoredPrivateMessage] = []
    forgotten: set[str] = set()
    for batch in batches:
        if batch.records:
            kept.update(batch.records)
        if batch.erasedInboxes:
            those = set(batch.erasedInboxes)
            forgotten |= those
            letters = [each for each in letters if not those & {each.sender, each.receiver}]
        if batch.privateMessages:
            letters.extend(batch.privateMessages)
    statements: list[tuple[str, str, int]] = []
    if kept:
        for kind, table in _TABLES.items():
            mine = [(key, record) for key, record in kept.items() if key[0] is kind]
            gone = [key[1:] for key, record in mine if record is None]
            there = [table.values(record) for _, record in mine if record is not None]
            if gone:
                statements.append((table.remove, asJSON(gone), len(gone)))
            if there:
                statements.append((table.put, asJSON(there), len(there)))
    if forgotten:
        statements.append((_FORGET, asJSON(list(forgotten)), INBOX_UNREAD))
    if letters:
        rows = [
            (
                letter.ident,
                letter.time,
                letter.sender,
                letter.receiver,
                letter.nick,
                letter.to,
                letter.kind,
                letter.text,
            )
            for letter in letters
        ]
        statements.append((_KEEP_LETTERS, asJSON(rows), len(rows)))
    return statements


def _foldNames(connection: sqlite3.Connection) -> None:
    """Keep the folded names of restraints from before these were kept."""
    table = _TABLES[Restriction]
    found = [Restriction(*row) for row in connection.execute(table.load)]
    if lacking := [replace(each, key=fold(each.name)) for each in found if not each.key]:
        connection.execute(table.put, (asJSON([table.values(each) for each in lacking]),))


def loadKept(connection: sqlite3.Connection, now: int) -> list[Record]:
    """
    Read all records; restraints whose end is past are no more.

    @param now: the time: nanoseconds since 1970, UTC.
    @raise sqlite3.Error: it can't be done.
    """
    connection.execute("DELETE FROM restraints WHERE until <> 0 AND until <= ?", (now,))
    _foldNames(connection)
    kept: list[Record] = []
    for kind, table in _TABLES.items():
        rows = connection.execute(table.load)
        if kind is RoomRole:
            # SQLite has no other way to say yes and no.
            kept += [
                RoomRole(room, account, bool(operator), bool(invited), admitted)
                for room, account, operator, invited, admitted in rows
            ]
        else:
            kept += [kind(*row) for row in rows]
    return kept


def letters(
    connection: sqlite3.Connection, account: str, other: str, before: str, most: int
) -> list[StoredPrivateMessage]:
    """
    The newest, in order.

    @raise sqlite3.Error: it can't be done.
    """
    statement = _BETWEEN if other else _RECEIVED
    names = {"account": account, "other": other, "before": before, "most": most}
    rows: Iterable[tuple[str, int, str, str, str, str, str, str]]
    rows = connection.execute(statement, names).fetchall()
    return [StoredPrivateMessage(*row) for row in rows][::-1]


def pruneLetters(connection: sqlite3.Connection, before: int, most: int) -> int:
    """
    Delete old letters.

    @param before: the time before which one is old: nanoseconds since 1970, UTC.
    @raise sqlite3.Error: it can't be done.
    """
    return connection.execute(_PRUNE_LETTERS, (most, before)).rowcount


_KEEP_ROOMS = f"""
INSERT INTO rooms (
    key, name, seq, time, topic, topicBy, topicTime, founder, private, openFrom
)
SELECT {columns(10)}
FROM json_each(?)
WHERE true
ON CONFLICT (key) DO UPDATE SET name = excluded.name, seq = excluded.seq,
    time = excluded.time, topic = excluded.topic, topicBy = excluded.topicBy,
    topicTime = excluded.topicTime, founder = excluded.founder, private = excluded.private,
    openFrom = excluded.openFrom
"""

# LIMIT -1 keeps SQLite from merging a SELECT into the one around it, which would write
# and parse the JSON of each Said again for each of its columns and lines.
_KEEP_LINES = """
INSERT INTO messages (room, seq, time, position, idx, kind, nick, account, text)
SELECT said.room, said.first + line.key, said.time + line.key, said.position,
    said.idx + line.key, said.kind, said.nick, said.account, line.value
FROM (
    SELECT (SELECT number FROM rooms WHERE key = json_extract(row, '$[0]')) AS room,
        json_extract(row, '$[1]') AS first, json_extract(row, '$[2]') AS time,
        json_extract(row, '$[3]') AS position, json_extract(row, '$[4]') AS idx,
        json_extract(row, '$[5]') AS kind, json_extract(row, '$[6]') AS nick,
        json_extract(row, '$[7]') AS account, json_extract(row, '$[8]') AS texts
    FROM (SELECT value AS row FROM json_each(?) LIMIT -1)
    LIMIT -1
) AS said CROSS JOIN json_each(said.texts) AS line
"""

_KEEP_CHECKPOINT = "INSERT INTO checkpoint (number, position, chunk) VALUES (?, ?, ?)"

_READ = """
SELECT rooms.name, messages.seq, messages.time, messages.position, messages.idx,
    messages.kind, messages.nick, messages.account, messages.text
FROM rooms JOIN messages ON messages.room = rooms.number
WHERE rooms.key = ? AND messages.seq BETWEEN ? AND ?
ORDER BY messages.seq LIMIT ?
"""

_PAGE = 4096
_LINE = 80


def write(connection: sqlite3.Connection, batches: Sequence[Batch]) -> int:
    """
    Store batches in one transaction.

    @return: how many bytes that is for the write-ahead log, about.
    @raise sqlite3.Error: it can't be done; the transaction may still be open.
    """
    records: dict[str, RoomRecord] = {}
    # Batch by batch, because the interpreter is nobody else's while JSON is made.
    lines = []
    for batch in batches:
        records.update((record.key, record) for record in batch.roomRecords)
        if batch.messages:
            rows = [
                (
                    said.room,
                    said.first,
                    said.time,
                    said.position,
                    said.index,
                    said.kind,
                    said.nick,
                    said.account,
                    said.texts,
                )
                for said in batch.messages
            ]
            lines.append(asJSON(rows)[1:-1])
    rooms = asJSON(
        [
            (
                record.key,
                record.name,
                record.seq,
                record.time,
                record.topic,
                record.topicBy,
                record.topicTime,
                record.founder,
                record.private,
                record.openFrom,
            )
            for record in records.values()
        ]
    )
    said = f"[{','.join(lines)}]"
    more = statementsFor(batches)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_KEEP_ROOMS, (rooms,))
    connection.execute(_KEEP_LINES, (said,))
    for statement, parameter, _ in more:
        connection.execute(statement, (parameter,))
    deleted = delete(connection, batches)
    checkpoint = 0
    last = next((each for each in reversed(batches) if each.checkpoint), None)
    if last is not None:
        checkpoint = keepCheckpoint(connection, last.checkpoint, last.position)
    connection.execute("UPDATE meta SET position = ?", (batches[-1].position,))
    connection.execute("COMMIT")
    # What SQLite writes beside the text: the cursor, two pages for each room and each
    # other row, and what stands in the row and the index of each line.
    count = sum(batch.lineCount for batch in batches)
    pages = 2 + checkpoint + 2 * (len(records) + deleted + sum(rows for _, _, rows in more))
    return len(rooms) + len(said) + _LINE * count + _PAGE * pages


def keepCheckpoint(connection: sqlite3.Connection, chunks: Sequence[str], position: int) -> int:
    """
    Keep a checkpoint in place of the one before.

    @raise sqlite3.Error: it can't be done.
    """
    connection.execute("DELETE FROM checkpoint")
    rows = ((number, position, chunk) for number, chunk in enumerate(chunks))
    connection.executemany(_KEEP_CHECKPOINT, rows)
    # The pages of the one before are written too, and others are taken from their list.
    return 2 * sum(2 + len(chunk) // _PAGE for chunk in chunks)


def loadCheckpoint(connection: sqlite3.Connection) -> tuple[list[str], int]:
    """
    The chunks of the checkpoint, if there is one, and its position.

    @raise sqlite3.Error: it can't be done.
    """
    rows: list[tuple[str, int]] = connection.execute(
        "SELECT chunk, position FROM checkpoint ORDER BY number"
    ).fetchall()
    return [chunk for chunk, _ in rows], rows[0][1] if rows else 0


def loadRooms(connection: sqlite3.Connection) -> list[RoomRecord]:
    """
    All rooms.

    @raise sqlite3.Error: it can't be done.
    """
    rows: list[tuple[str, str, int, int, str, str, int, str, int, int]] = connection.execute(
        "SELECT key, name, seq, time, topic, topicBy, topicTime, founder, openFrom, private"
        " FROM rooms ORDER BY number"
    ).fetchall()
    # SQLite has no other way to say yes and no.
    return [RoomRecord(*row[:8], private=bool(row[9]), openFrom=row[8]) for row in rows]


def loadMeta(
    connection: sqlite3.Connection, log: str, entropy: Callable[[int], bytes]
) -> ClusterBinding:
    """
    What the database is part of.

    @param entropy: gives as many random bytes as it is asked for, if there is no secret.
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


def keepMeta(connection: sqlite3.Connection, belonging: ClusterBinding) -> None:
    """@raise sqlite3.Error: it can't be done."""
    connection.execute(
        "UPDATE meta SET epoch = ?, log = ?, secret = ?, position = ?",
        (belonging.epoch, belonging.log, belonging.secret, belonging.position),
    )


def read(
    connection: sqlite3.Connection, log: str, room: str, first: int, last: int
) -> list[RoomMessages]:
    """
    Those lines that are kept, each by itself, but not more than a page.

    @raise sqlite3.Error: it can't be done.
    """
    found = connection.execute(_READ, (room, first, last, HISTORY_PAGE))
    return [
        RoomMessages(room, name, seq, time, log, position, index, kind, nick, account, "", (text,))
        for name, seq, time, position, index, kind, nick, account, text in found
    ]
