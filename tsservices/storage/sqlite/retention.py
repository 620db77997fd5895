"""
The deletion of messages that are too old: always the first ones, by their ids.

Not by time alone, because times go back after a clock was ahead.  Then messages deleted from the
middle of a room would be taken for lost, and messages with times in the future would stay for
years.
"""

from __future__ import annotations

import sqlite3

from tsservices.storage.sqlite.fulltext import prune
from tsservices.storage.sqlite.private_messages import prunePrivateMessages

#: The highest integer of SQLite.
_FOREVER = 2**63 - 1

# A message with a time in the future counts as old as those before it, and does not end the range.
_FIRST = """
WITH first AS (SELECT id, time FROM {table} ORDER BY id LIMIT :most),
edge AS (
    SELECT coalesce(min(id), :forever) AS id FROM first WHERE time BETWEEN :before AND :now
)
SELECT coalesce(max(first.id), 0), coalesce(max(first.time < :before), 0), edge.id
FROM edge LEFT JOIN first ON first.id < edge.id
"""

_NEXT = """
SELECT time < :before FROM {table} WHERE id > :last AND time <= :now ORDER BY id LIMIT 1
"""


def deleteOld(
    connection: sqlite3.Connection, before: int, now: int, maximum: int
) -> tuple[int, int]:
    """
    Delete room messages and private messages that are older than C{before}.

    @param before: nanoseconds since 1970, UTC; so is C{now}.
    @param maximum: how many of the first messages of each kind are examined.
    @return: how many of each kind were deleted.
    @raise sqlite3.Error: a statement failed; the transaction may still be open.
    """
    deleted = []
    for table, delete in (("messages", prune), ("letters", prunePrivateMessages)):
        last = _lastOld(connection, table, before, now, maximum)
        deleted.append(delete(connection, last) if last else 0)
    return deleted[0], deleted[1]


def _lastOld(
    connection: sqlite3.Connection, table: str, before: int, now: int, maximum: int
) -> int:
    # Returns the id of the last message to delete; 0: none.
    names = {"before": before, "now": now, "most": maximum, "forever": _FOREVER, "last": 0}
    last: int
    last, isOld, edge = connection.execute(_FIRST.format(table=table), names).fetchone()
    if not last or isOld:
        return last
    if edge == _FOREVER:
        # All these times are in the future: the next message decides whether they are old.
        names["last"] = last
        following = connection.execute(_NEXT.format(table=table), names).fetchone()
        if following is not None and following[0]:
            return last
    return 0
