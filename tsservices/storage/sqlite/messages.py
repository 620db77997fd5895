"""The history of rooms: writes and reads rows of the table C{messages}."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from tsservices.chat.notifications import RoomMessages, newestLines
from tsservices.chat.operations import IGNORED_KINDS, TALK, UNREADABLE
from tsservices.chat.storage import HISTORY_PAGE, LineSpan, UnreadCount
from tsservices.storage.sqlite.rows import asJSON, isPlain

#: Higher than the place of any line in its batch.
HIGHEST_INDEX = 2**63 - 1

#: Adds the rows of L{messageRows}: one for each text.
#
# One step for any number of messages.  L{directInserts} is faster where few steps are enough.
#
# LIMIT -1 keeps SQLite from merging a SELECT into the one around it, which would write and parse
# the JSON of each RoomMessages again for each of its columns and texts.
INSERT_MESSAGES = """
INSERT INTO messages (room, seq, time, position, idx, kind, nick, account, session, text)
SELECT said.room, said.first + line.key, said.time + line.key, said.position,
    said.idx + line.key, said.kind, said.nick, said.account, said.session, line.value
FROM (
    SELECT (SELECT number FROM rooms WHERE key = json_extract(row, '$[0]')) AS room,
        json_extract(row, '$[1]') AS first, json_extract(row, '$[2]') AS time,
        json_extract(row, '$[3]') AS position, json_extract(row, '$[4]') AS idx,
        json_extract(row, '$[5]') AS kind, json_extract(row, '$[6]') AS nick,
        json_extract(row, '$[7]') AS account, json_extract(row, '$[8]') AS session,
        json_extract(row, '$[9]') AS texts
    FROM (SELECT value AS row FROM json_each(?) LIMIT -1)
    LIMIT -1
) AS said CROSS JOIN json_each(said.texts) AS line
"""

#: Statements of L{directInserts} at most: more would cost more in waits for the interpreter lock
#: than they save.
DIRECT_STATEMENTS = 12

#: Rows added by one of these statements at most.  Each number of rows is a different statement, and
#: SQLite needs 2 µs a row to compile a statement that is not cached.
DIRECT_ROWS = 32

_COLUMN_COUNT = 10

_COLUMNS = """
INSERT INTO messages (room, seq, time, position, idx, kind, nick, account, session, text) VALUES
"""

#: The incarnation of the order in which a message was sent.
LOG = """(
    SELECT log FROM logs WHERE logs.first <= messages.position ORDER BY logs.first DESC LIMIT 1
)"""

_SPAN = """
FROM rooms JOIN messages ON messages.room = rooms.number
WHERE rooms.key = :room AND messages.seq BETWEEN :first AND :last
"""

_LINES = f"""
SELECT rooms.name AS name, messages.seq AS seq, messages.time AS time, {LOG} AS log,
    messages.position AS position, messages.idx AS idx, messages.kind AS kind,
    messages.nick AS nick, messages.account AS account, messages.session AS session,
    messages.text AS text
{_SPAN}
"""

_READ = f"{_LINES} ORDER BY messages.seq LIMIT :count"


def _kinds(kinds: Iterable[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in sorted(kinds))


#: Whether the JSON list C{:ignored} contains the author of a message.
BY_IGNORED = """
(coalesce(messages.account, '') IN (SELECT value FROM json_each(:ignored))
    OR messages.session IN (SELECT value FROM json_each(:ignored)))
"""

_READABLE = f"""
(messages.kind NOT IN ({_kinds(UNREADABLE)})
    AND NOT (messages.kind IN ({_kinds(IGNORED_KINDS)}) AND {BY_IGNORED}))
"""

_COUNTED = """
(SELECT CASE count(*) WHEN :count THEN min(seq) ELSE :first END FROM readable)
"""

# Two halves, because each has its own LIMIT.  The second one stops where the first one stopped:
# otherwise it could scan a whole room and find nothing.
_NEWEST = f"""
WITH readable AS ({_LINES} AND {_READABLE} ORDER BY messages.seq DESC LIMIT :count)
SELECT * FROM (
    SELECT * FROM readable
    UNION ALL
    SELECT * FROM (
        {_LINES.replace(":first", _COUNTED)} AND NOT {_READABLE}
        ORDER BY messages.seq DESC LIMIT :count
    )
) ORDER BY seq DESC
"""

_UNREAD = f"""
SELECT count(*), coalesce(min(seq), 0) FROM (
    SELECT messages.seq AS seq {_SPAN} AND messages.kind IN ({_kinds(TALK)}) AND NOT {BY_IGNORED}
    ORDER BY messages.seq DESC LIMIT :count
)
"""


@cache
def _insertLines(count: int) -> str:
    # The lines of one message differ in text and place; other values are bound once for all lines.
    return _COLUMNS + ", ".join(
        [
            f"(?1, ?2 + {line}, ?3 + {line}, ?4, ?5 + {line}, ?6, ?7, ?8, ?9, ?{10 + line})"
            for line in range(count)
        ]
    )


@cache
def _insertMessages(count: int) -> str:
    return _COLUMNS + ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * count)


def directInserts(
    messages: Iterable[RoomMessages], numbers: Mapping[str, int]
) -> list[tuple[str, Sequence[object]]] | None:
    """
    Return statements with parameters that add messages, as L{INSERT_MESSAGES} does.

    @param numbers: the numbers of rooms, by their keys.
    @return: L{None} if more than L{DIRECT_STATEMENTS} are needed, C{numbers} lacks a room, or a
        text has to be changed before it is stored.
    """
    # Against one statement with JSON: 24 µs in place of 38 for the transaction of one line, 185 in
    # place of 300 for 8 messages of 20 lines, 38 in place of 70 for 8 lines (tmpfs, medians).
    inserts: list[tuple[str, Sequence[object]]] = []
    # The columns of successive messages of one line.
    single: list[object] = []
    for message in messages:
        texts = message.texts
        joined = texts[0] if len(texts) == 1 else "".join(texts)
        number = numbers.get(message.room)
        if number is None or not isPlain(joined):
            return None
        common = (
            number,
            message.first,
            message.time,
            message.position,
            message.index,
            message.kind,
            message.nick,
            message.account,
            message.origin,
        )
        if len(texts) == 1:
            single += common
            single += texts
            if len(single) < _COLUMN_COUNT * DIRECT_ROWS:
                continue
        if single:
            inserts.append((_insertMessages(len(single) // _COLUMN_COUNT), single))
            single = []
        if len(texts) > 1:
            for begin in range(0, len(texts), DIRECT_ROWS):
                part = texts[begin : begin + DIRECT_ROWS]
                room, first, time, position, index, *others = common
                places = (room, first + begin, time + begin, position, index + begin)
                inserts.append((_insertLines(len(part)), [*places, *others, *part]))
        if len(inserts) > DIRECT_STATEMENTS:
            return None
    if single:
        inserts.append((_insertMessages(len(single) // _COLUMN_COUNT), single))
    return inserts if len(inserts) <= DIRECT_STATEMENTS else None


def messageRows(messages: Iterable[RoomMessages]) -> str:
    """Return rows for L{INSERT_MESSAGES}, without the outer brackets."""
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
            message.origin,
            message.texts,
        )
        for message in messages
    ]
    return asJSON(rows)[1:-1]


def readMessages(
    connection: sqlite3.Connection, room: str, first: int, last: int
) -> list[RoomMessages]:
    """
    Read the stored lines of a range of numbers, each as one message, at most a page.

    @raise sqlite3.Error: a statement failed.
    """
    names = {"room": room, "first": first, "last": last, "count": HISTORY_PAGE}
    return _messages(connection.execute(_READ, names), room)


def readNewest(connection: sqlite3.Connection, span: LineSpan) -> list[RoomMessages]:
    """
    Read the newest lines of a span, each as one message.

    @raise sqlite3.Error: a statement failed.
    """
    rows = _messages(connection.execute(_NEWEST, _names(span, span.ignored)), span.room)
    return newestLines(rows, span.count, span.ignored)


def countUnread(connection: sqlite3.Connection, span: LineSpan) -> UnreadCount:
    """@raise sqlite3.Error: a statement failed."""
    names = _names(span, span.ignored | span.own)
    return UnreadCount(*connection.execute(_UNREAD, names).fetchone())


def _names(span: LineSpan, ignored: frozenset[str]) -> dict[str, object]:
    return {
        "room": span.room,
        "first": span.first,
        "last": span.last,
        "count": span.count,
        "ignored": asJSON(sorted(ignored)),
    }


def _messages(rows: Iterable[Any], room: str) -> list[RoomMessages]:
    return [
        oneMessage(room, name, seq, time, log, position, index, kind, nick, account, origin, text)
        for name, seq, time, log, position, index, kind, nick, account, origin, text in rows
    ]


def oneMessage(
    room: str,
    name: str,
    seq: int,
    time: int,
    log: str,
    position: int,
    index: int,
    kind: str,
    nick: str,
    account: str | None,
    origin: str,
    text: str,
) -> RoomMessages:
    """Make the message of one row."""
    return RoomMessages(
        room, name, seq, time, log, position, index, kind, nick, account, "", (text,), origin=origin
    )


# A binary search: positions grow with numbers.  Only the oldest are missing: they get position 0.
_LAST_UP_TO = """
WITH RECURSIVE edge (number, low, high) AS (
    SELECT number, 1, seq + 1 FROM rooms WHERE key = :room
    UNION ALL
    SELECT number,
        CASE WHEN (coalesce(position, 0), coalesce(idx, 0)) <= (:position, :index)
            THEN (low + high) / 2 + 1 ELSE low END,
        CASE WHEN (coalesce(position, 0), coalesce(idx, 0)) <= (:position, :index)
            THEN high ELSE (low + high) / 2 END
    FROM edge LEFT JOIN messages ON room = number AND seq = (low + high) / 2
    WHERE low < high
)
SELECT coalesce(max(low), 1) - 1 FROM edge WHERE low >= high
"""


def lastCommon(connection: sqlite3.Connection, room: str, log: str) -> int | None:
    """
    Find the number of the last line of a room that is surely the same in an earlier incarnation.

    @param log: the incarnation; empty: the one before the present one.
    @return: L{None}: there was no such incarnation.
    @raise sqlite3.Error: a statement failed.
    """
    logs: list[tuple[str, int]] = connection.execute(
        "SELECT log, common FROM logs ORDER BY first"
    ).fetchall()
    for (earlier, _), (_, position) in reversed(list(pairwise(logs))):
        if log in ("", earlier):
            return lastUpTo(connection, room, position, HIGHEST_INDEX)
    return None


def lastUpTo(connection: sqlite3.Connection, room: str, position: int, index: int) -> int:
    """
    Find the number of the last line of a room up to a place in the order; 0: there is none.

    @raise sqlite3.Error: a statement failed.
    """
    names = {"room": room, "position": position, "index": index}
    (last,) = connection.execute(_LAST_UP_TO, names).fetchone()
    return int(last)
