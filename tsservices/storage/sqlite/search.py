"""
Searches in the chat's database.

In each room a search begins at a line number.  If it is limited to a period, an index by time gives
the range of message ids; within this range times may go back, because clocks are set.  Messages
that are not in the search index yet are scanned first, then the index is used; both return the
newest first.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from tsservices.chat.names import fold
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.storage import SearchQuery
from tsservices.storage.sqlite.connection import TRANSACTION_LINES
from tsservices.storage.sqlite.fulltext import INDEX_LAG, KINDS
from tsservices.storage.sqlite.messages import BY_IGNORED, LOG, oneMessage
from tsservices.storage.sqlite.rows import asJSON, select
from tsservices.storage.words import containsAll, nameWord, phrases

# The highest integer of SQLite.
_FOREVER = 2**63 - 1

# Rooms named in a query of the index at most.  Each alternative costs time for each message; with
# more rooms it is faster to check the room of each message found.
_ROOMS_IN_QUERY = 64

#: Messages scanned in addition to the index at most: the writer checks the lag after each
#: transaction.  More are missing in the index only while it is rebuilt.
UNINDEXED = INDEX_LAG + TRANSACTION_LINES

# Entries of the time index read to find the first message of a period; an entry takes a third of a
# microsecond.  If the period has more messages, knowing the first one would not help.
_TIMES_READ = 50_000

_SPANS = """
SELECT rooms.number AS number, json_extract(room.value, '$[1]') AS low,
    {lowest} AS lowest, {highest} AS highest
FROM json_each(:rooms) AS room
    CROSS JOIN rooms ON rooms.key = json_extract(room.value, '$[0]')
LIMIT -1
"""

_FIRST = """(
    SELECT id FROM messages
    WHERE messages.room = rooms.number AND seq >= json_extract(room.value, '$[1]')
    ORDER BY seq LIMIT 1
)"""

_LAST = "(SELECT id FROM messages WHERE messages.room = rooms.number ORDER BY seq DESC LIMIT 1)"

_OF_TIME = """
    FROM messages INDEXED BY messagesByTime
    WHERE messages.room = rooms.number AND messages.time BETWEEN :since AND :until
"""

_ALL_TIMES = _SPANS.format(lowest=_FIRST, highest=_LAST)

_SOME_TIMES = _SPANS.format(
    lowest=f"""(
        SELECT CASE WHEN count(*) > {_TIMES_READ} THEN {_FIRST} ELSE min(id) END
        FROM (SELECT id {_OF_TIME} LIMIT {_TIMES_READ + 1})
    )""",
    highest=f"CASE :until WHEN {_FOREVER} THEN {_LAST} ELSE (SELECT max(id) {_OF_TIME}) END",
)

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

_LINE = "key, name, seq, time, position, idx, kind, nick, account, text, log, session"

_LINES = f"""
SELECT rooms.key AS key, rooms.name AS name, messages.seq AS seq, messages.time AS time,
    messages.position AS position, messages.idx AS idx, messages.kind AS kind,
    messages.nick AS nick, messages.account AS account, messages.text AS text, {LOG} AS log,
    messages.session AS session
"""

_SPAN = """
CROSS JOIN (
    SELECT json_extract(value, '$[0]') AS number, json_extract(value, '$[1]') AS low
    FROM json_each(:spans) LIMIT -1
) AS span ON span.number = messages.room AND messages.seq >= span.low
    AND messages.time BETWEEN :since AND :until
CROSS JOIN rooms ON rooms.number = messages.room
"""

_INDEXED = f"""
{_LINES}
FROM words CROSS JOIN messages ON messages.id = words.rowid {_SPAN}
WHERE words MATCH :query AND words.rowid BETWEEN :low AND :high AND NOT {BY_IGNORED}
ORDER BY words.rowid DESC LIMIT :most
"""

_NEWER = f"""
{_LINES}
FROM messages {_SPAN}
WHERE messages.id BETWEEN :low AND :high AND messages.kind IN ({KINDS})
    AND NOT {BY_IGNORED}
ORDER BY messages.id DESC LIMIT -1
"""


def search(connection: sqlite3.Connection, wanted: SearchQuery) -> list[RoomMessages]:
    """
    Return the newest lines found, the oldest first, each as one message.

    @raise ChatError: no word of the query is searchable.
    @raise sqlite3.Error: a statement failed.
    """
    words = phrases(wanted.words)
    if wanted.limit <= 0:
        return []
    # One transaction, so that the index and the messages not in it yet are of the same moment.
    connection.execute("BEGIN")
    try:
        rows = _search(connection, wanted, words)
    finally:
        # After some errors SQLite has ended the transaction; a ROLLBACK would fail and hide them.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return [
        oneMessage(key, name, seq, time, log, position, index, kind, nick, account, origin, text)
        for key, name, seq, time, position, index, kind, nick, account, text, log, origin in (
            reversed(rows)
        )
    ]


def _search(
    connection: sqlite3.Connection, wanted: SearchQuery, words: list[str]
) -> list[list[Any]]:
    names: dict[str, object] = {
        "rooms": asJSON(list(dict(wanted.rooms).items())),
        "since": wanted.since,
        "until": wanted.until or _FOREVER,
    }
    statement = _SOME_TIMES if wanted.since or wanted.until else _ALL_TIMES
    spans = [
        span
        for span in select(connection, "number, low, lowest, highest", statement, names)
        if span[2] is not None and span[3] is not None and span[2] <= span[3]
    ]
    if not spans:
        return []
    low, high = min(span[2] for span in spans), max(span[3] for span in spans)
    if wanted.before is not None:
        position, index = wanted.before
        (place,) = connection.execute(_PLACE, {"position": position, "idx": index}).fetchone()
        high = min(high, place - 1)
    (indexed, newest) = connection.execute(
        "SELECT indexed, (SELECT max(id) FROM messages) FROM meta"
    ).fetchone()
    names.update(
        spans=asJSON([span[:2] for span in spans]),
        low=max(low, indexed + 1, newest - UNINDEXED + 1),
        high=high,
        ignored=asJSON(sorted(wanted.ignored)),
    )
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
    return (not nick or fold(row[7]) == nick) and (not words or containsAll(row[9], words))


def _query(rooms: list[int], nick: str, words: list[str]) -> str:
    # Words contain no quotes, so nothing in them is FTS5 syntax.
    terms = [f'text : "{phrase}"' for phrase in words]
    if nick:
        terms.append(f'nick : "{nameWord(nick)}"')
    if len(rooms) <= _ROOMS_IN_QUERY or not terms:
        alternatives = " OR ".join(f'"{number}"' for number in rooms)
        terms.append(f"room : ({alternatives})")
    return " AND ".join(terms)
