"""
Searches in the chat's database.

What is wanted of each room is a span of its numbers, because its time only grows with
them; where spans begin and end is found by halving, in one statement for all.  Messages are
then found in the index, the newest first, and before that among those that are not in
the index yet.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from tsservices.chat.names import fold
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.storage import SearchQuery
from tsservices.storage.sqlite.connection import TRANSACTION_LINES
from tsservices.storage.sqlite.fulltext import INDEX_LAG, KINDS
from tsservices.storage.sqlite.rows import asJSON, select
from tsservices.storage.words import holds, nameWord, phrases

# The highest integer of SQLite.
_FOREVER = 2**63 - 1

# Rooms that a query of the index names.  Each alternative costs something for each message; from
# some number on it is faster to look at the messages.
_ROOMS_IN_QUERY = 64

#: Messages that are looked through beside the index: the writer checks the lag after each
#: transaction.  Only while the index is made anew more are missing in it.
UNINDEXED = INDEX_LAG + TRANSACTION_LINES

# Messages that were deleted for their age are older than all others of their room: coalesce.
_SPANS = """
WITH RECURSIVE
edges (number, which, edge, low, high) AS (
    SELECT rooms.number, edge.key, edge.value, json_extract(room.value, '$[1]'), rooms.seq + 1
    FROM json_each(:rooms) AS room
        CROSS JOIN rooms ON rooms.key = json_extract(room.value, '$[0]')
        CROSS JOIN json_each(:edges) AS edge
    UNION ALL
    SELECT number, which, edge,
        CASE WHEN coalesce(time, 0) < edge THEN (low + high) / 2 + 1 ELSE low END,
        CASE WHEN coalesce(time, 0) < edge THEN high ELSE (low + high) / 2 END
    FROM edges LEFT JOIN messages ON room = number AND seq = (low + high) / 2
    WHERE low < high
),
spans (number, low, high) AS (
    SELECT number, max(CASE which WHEN 0 THEN low END), max(CASE which WHEN 1 THEN low END)
    FROM edges WHERE low >= high GROUP BY number
)
SELECT number, low, high,
    (SELECT id FROM messages WHERE room = number AND seq >= low ORDER BY seq LIMIT 1) AS lowest,
    (SELECT id FROM messages WHERE room = number AND seq < high
        ORDER BY seq DESC LIMIT 1) AS highest
FROM spans LIMIT -1
"""

_PLACE = """
WITH RECURSIVE place (low, high) AS (
    SELECT min(id), max(id) + 1 FROM messages
    UNION ALL
    SELECT
        CASE WHEN (position, idx) < (:position, :idx) THEN id + 1 ELSE low END,
        CASE WHEN (position, idx) < (:position, :idx) THEN high ELSE (low + high) / 2 END
    FROM place CROSS JOIN messages
        ON id = (SELECT min(id) FROM messages WHERE id >= (low + high) / 2)
    WHERE low < high
)
SELECT coalesce(max(low), 0) FROM place
"""

_LINE = "key, name, seq, time, position, idx, kind, nick, account, text"

_LINES = """
SELECT rooms.key AS key, rooms.name AS name, messages.seq AS seq, messages.time AS time,
    messages.position AS position, messages.idx AS idx, messages.kind AS kind,
    messages.nick AS nick, messages.account AS account, messages.text AS text
"""

_SPAN = """
CROSS JOIN (
    SELECT json_extract(value, '$[0]') AS number, json_extract(value, '$[1]') AS low,
        json_extract(value, '$[2]') AS high
    FROM json_each(:spans) LIMIT -1
) AS span ON span.number = messages.room AND messages.seq >= span.low
    AND messages.seq < span.high
CROSS JOIN rooms ON rooms.number = messages.room
"""

_INDEXED = f"""
{_LINES}
FROM words CROSS JOIN messages ON messages.id = words.rowid {_SPAN}
WHERE words MATCH :query AND words.rowid BETWEEN :low AND :high
ORDER BY words.rowid DESC LIMIT :most
"""

_NEWER = f"""
{_LINES}
FROM messages {_SPAN}
WHERE messages.id BETWEEN :low AND :high AND messages.kind IN ({KINDS})
ORDER BY messages.id DESC LIMIT -1
"""


def search(connection: sqlite3.Connection, log: str, wanted: SearchQuery) -> list[RoomMessages]:
    """
    The newest messages that are found, the oldest first, each by itself.

    @raise ChatError: nothing in it can be searched for.
    @raise sqlite3.Error: it can't be done.
    """
    words = phrases(wanted.words)
    if wanted.limit <= 0:
        return []
    # The index and the messages that are not in it yet have to be of one moment.
    connection.execute("BEGIN")
    try:
        rows = _search(connection, wanted, words)
    finally:
        connection.execute("ROLLBACK")
    return [
        RoomMessages(key, name, seq, time, log, position, index, kind, nick, account, "", (text,))
        for key, name, seq, time, position, index, kind, nick, account, text in reversed(rows)
    ]


def _search(
    connection: sqlite3.Connection, wanted: SearchQuery, words: list[str]
) -> list[list[Any]]:
    until = wanted.until + 1 if wanted.until else _FOREVER
    spans = [
        span
        for span in select(
            connection,
            "number, low, high, lowest, highest",
            _SPANS,
            {
                "rooms": asJSON(list(dict(wanted.rooms).items())),
                "edges": asJSON([wanted.since, until]),
            },
        )
        if span[3] is not None and span[4] is not None and span[3] <= span[4]
    ]
    if not spans:
        return []
    low, high = min(span[3] for span in spans), max(span[4] for span in spans)
    if wanted.before is not None:
        position, index = wanted.before
        (place,) = connection.execute(_PLACE, {"position": position, "idx": index}).fetchone()
        high = min(high, place - 1)
    (indexed, newest) = connection.execute(
        "SELECT indexed, (SELECT max(id) FROM messages) FROM meta"
    ).fetchone()
    names: dict[str, object] = {
        "spans": asJSON([span[:3] for span in spans]),
        "low": max(low, indexed + 1, newest - UNINDEXED + 1),
        "high": high,
    }
    rows: list[list[Any]] = []
    for row in select(connection, _LINE, _NEWER, names):
        if len(rows) < wanted.limit and _isWanted(row, wanted.nick, words):
            rows.append(row)
    remaining = wanted.limit - len(rows)
    if remaining:
        query = _query([span[0] for span in spans], wanted.nick, words)
        names.update(low=low, query=query, most=remaining)
        rows += select(connection, _LINE, _INDEXED, names)
    return rows


def _isWanted(row: list[Any], nick: str, words: list[str]) -> bool:
    return (not nick or fold(row[7]) == nick) and (not words or holds(row[9], words))


def _query(rooms: list[int], nick: str, words: list[str]) -> str:
    # Words have no quotes: nothing in them means anything to FTS5.
    terms = [f'text : "{phrase}"' for phrase in words]
    if nick:
        terms.append(f'nick : "{nameWord(nick)}"')
    if len(rooms) <= _ROOMS_IN_QUERY or not terms:
        alternatives = " OR ".join(f'"{number}"' for number in rooms)
        terms.append(f"room : ({alternatives})")
    return " AND ".join(terms)
