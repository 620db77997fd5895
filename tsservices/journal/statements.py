"""
The chat's rows: how batches become them, and they become lines again.

What a transaction writes goes to SQLite as JSON, so that its statements are few and
always as many: a statement for each line would take the interpreter from the reactor
and back for each line.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.happenings import Said
from tsservices.chat.rooms import RoomRecord
from tsservices.limits import HISTORY_PAGE

_KEEP_ROOMS = """
INSERT INTO rooms (key, name, seq, time, topic, topicBy, topicTime)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
    json_extract(value, '$[2]'), json_extract(value, '$[3]'),
    json_extract(value, '$[4]'), json_extract(value, '$[5]'),
    json_extract(value, '$[6]')
FROM json_each(?)
WHERE true
ON CONFLICT (key) DO UPDATE SET name = excluded.name, seq = excluded.seq,
    time = excluded.time, topic = excluded.topic, topicBy = excluded.topicBy,
    topicTime = excluded.topicTime
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

# The lowest ids are the oldest lines; looking only at these needs no index by time.
# What goes is the beginning of each room, because a room's time only grows.
_PRUNE = """
DELETE FROM messages WHERE id IN (
    SELECT id FROM (SELECT id, time FROM messages ORDER BY id LIMIT ?) WHERE time < ?
)
"""

_READ = """
SELECT rooms.name, messages.seq, messages.time, messages.position, messages.idx,
    messages.kind, messages.nick, messages.account, messages.text
FROM rooms JOIN messages ON messages.room = rooms.number
WHERE rooms.key = ? AND messages.seq BETWEEN ? AND ?
ORDER BY messages.seq LIMIT ?
"""

_PAGE = 4096
_LINE = 80
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def _asJSON(rows: Sequence[Sequence[object]]) -> str:
    """
    @param rows: of what JSON can say.
    @return: the same as JSON.
    """
    text = json.dumps(rows)
    if "\\u0000" in text:
        # SQLite's JSON ends a text at a NUL: better its picture than half a line.
        text = _NUL.sub(r"\1\\u2400", text)
    return text


def write(connection: sqlite3.Connection, batches: Sequence[Batch]) -> int:
    """
    Store batches in one transaction.

    @param connection: to the database, outside of any transaction.
    @param batches: some, in order.
    @return: how many bytes that is for the write-ahead log, about.
    @raise sqlite3.Error: it can't be done; the transaction may still be open.
    """
    records: dict[str, RoomRecord] = {}
    # Batch by batch, because the interpreter is nobody else's while JSON is made.
    lines = []
    for batch in batches:
        records.update((record.key, record) for record in batch.records)
        if batch.said:
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
                for said in batch.said
            ]
            lines.append(_asJSON(rows)[1:-1])
    rooms = _asJSON(
        [
            (
                record.key,
                record.name,
                record.seq,
                record.time,
                record.topic,
                record.topicBy,
                record.topicTime,
            )
            for record in records.values()
        ]
    )
    said = f"[{','.join(lines)}]"
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_KEEP_ROOMS, (rooms,))
    connection.execute(_KEEP_LINES, (said,))
    connection.execute("UPDATE meta SET position = ?", (batches[-1].position,))
    connection.execute("COMMIT")
    # What SQLite writes beside the text: the cursor, two pages for each room, and what
    # stands in the row and the index of each line.
    count = sum(batch.lines for batch in batches)
    return len(rooms) + len(said) + _LINE * count + _PAGE * (2 + 2 * len(records))


def prune(connection: sqlite3.Connection, before: int, most: int) -> int:
    """
    Delete old lines, but neither the rooms nor their numbers.

    @param connection: to the database, outside of any transaction.
    @param before: the time before which a line is old: nanoseconds since 1970, UTC.
    @param most: how many lines may be deleted.
    @return: how many were.
    @raise sqlite3.Error: it can't be done.
    """
    return connection.execute(_PRUNE, (most, before)).rowcount


def loadRooms(connection: sqlite3.Connection) -> list[RoomRecord]:
    """
    @param connection: to the database.
    @return: all rooms.
    @raise sqlite3.Error: it can't be done.
    """
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT key, name, seq, time, topic, topicBy, topicTime FROM rooms ORDER BY number"
    ).fetchall()
    return [RoomRecord(*row) for row in rows]


def loadMeta(connection: sqlite3.Connection, log: str) -> tuple[str, int]:
    """
    @param connection: to the database, outside of any transaction.
    @param log: the incarnation of the order, if it begins now.
    @return: the incarnation, and the position of the last batch.
    @raise sqlite3.Error: it can't be done.
    """
    connection.execute(
        "INSERT INTO meta (log, position) SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM meta)",
        (log,),
    )
    row: tuple[str, int] = connection.execute("SELECT log, position FROM meta").fetchone()
    return row


def read(connection: sqlite3.Connection, log: str, room: str, first: int, last: int) -> list[Said]:
    """
    @param connection: to the database.
    @param log: the incarnation of the order.
    @param room: the key of a room.
    @param first: the number of the first line.
    @param last: the number of the last line.
    @return: those lines that are kept, each by itself, but not more than a page.
    @raise sqlite3.Error: it can't be done.
    """
    found = connection.execute(_READ, (room, first, last, HISTORY_PAGE))
    return [
        Said(room, name, seq, time, log, position, index, kind, nick, account, "", (text,))
        for name, seq, time, position, index, kind, nick, account, text in found
    ]
