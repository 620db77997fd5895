"""The history of rooms: rows of the table C{messages} to write, and pages of it to read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import pairwise

from tsservices.chat.notifications import RoomMessages
from tsservices.chat.storage import HISTORY_PAGE
from tsservices.storage.sqlite.rows import asJSON

#: Adds the rows of L{messageRows}: one for each text.
#
# LIMIT -1 keeps SQLite from merging a SELECT into the one around it, which would write and parse
# the JSON of each RoomMessages again for each of its columns and texts.
INSERT_MESSAGES = """
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

#: The incarnation of the order in which a message was said.
LOG = """(
    SELECT log FROM logs WHERE logs.first <= messages.position ORDER BY logs.first DESC LIMIT 1
)"""

_READ = f"""
SELECT rooms.name, messages.seq, messages.time, {LOG}, messages.position, messages.idx,
    messages.kind, messages.nick, messages.account, messages.text
FROM rooms JOIN messages ON messages.room = rooms.number
WHERE rooms.key = ? AND messages.seq BETWEEN ? AND ?
ORDER BY messages.seq LIMIT ?
"""


def messageRows(messages: Iterable[RoomMessages]) -> str:
    """Rows for L{INSERT_MESSAGES}, without the brackets around them all."""
    rows = [
        (
            message.room,
            message.first,
            message.time,
            message.position,
            message.index,
            message.kind,
            message.nick,
            message.account,
            message.texts,
        )
        for message in messages
    ]
    return asJSON(rows)[1:-1]


def readMessages(
    connection: sqlite3.Connection, room: str, first: int, last: int
) -> list[RoomMessages]:
    """
    Those of some numbers that are stored, each by itself, but not more than a page.

    @raise sqlite3.Error: it can't be done.
    """
    rows = connection.execute(_READ, (room, first, last, HISTORY_PAGE))
    return [
        RoomMessages(room, name, seq, time, log, position, index, kind, nick, account, "", (text,))
        for name, seq, time, log, position, index, kind, nick, account, text in rows
    ]


# Positions grow with numbers.  Messages that were deleted for their age are the first: coalesce.
_LAST_UP_TO = """
WITH RECURSIVE edge (number, low, high) AS (
    SELECT number, 1, seq + 1 FROM rooms WHERE key = :room
    UNION ALL
    SELECT number,
        CASE WHEN coalesce(position, 0) <= :position THEN (low + high) / 2 + 1 ELSE low END,
        CASE WHEN coalesce(position, 0) <= :position THEN high ELSE (low + high) / 2 END
    FROM edge LEFT JOIN messages ON room = number AND seq = (low + high) / 2
    WHERE low < high
)
SELECT coalesce(max(low), 1) - 1 FROM edge WHERE low >= high
"""


def lastCommon(connection: sqlite3.Connection, room: str, log: str) -> int | None:
    """
    The number of the last line of a room that is surely the same in an earlier incarnation.

    @param log: the incarnation; empty: the one before the present one.
    @return: L{None}: there was no such one.
    @raise sqlite3.Error: it can't be done.
    """
    logs: list[tuple[str, int]] = connection.execute(
        "SELECT log, common FROM logs ORDER BY first"
    ).fetchall()
    for (earlier, _), (_, position) in reversed(list(pairwise(logs))):
        if log in ("", earlier):
            (last,) = connection.execute(
                _LAST_UP_TO, {"room": room, "position": position}
            ).fetchone()
            return int(last)
    return None
