"""
Which messages are too old to be kept: always the first ones, by their ids.

Not by time alone: when a clock was wrong for a while, times go back.  What was deleted from the
middle of a room would be taken for lost, and what a clock that was ahead has stamped would stay for
years.
"""

from __future__ import annotations

import sqlite3

from tsservices.storage.sqlite.fulltext import prune
from tsservices.storage.sqlite.private_messages import prunePrivateMessages

#: The highest integer of SQLite.
_FOREVER = 2**63 - 1

# What is ahead of now counts as what stands before it, and so ends nothing.
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
    Delete messages of rooms and private ones that are older than C{before}.

    @param before: nanoseconds since 1970, UTC; so is C{now}.
    @param maximum: how many of the first ones of each kind are looked at.
    @return: how many of each kind were deleted.
    @raise sqlite3.Error: it can't be done; the transaction may still be open.
    """
    deleted = []
    for table, delete in (("messages", prune), ("letters", prunePrivateMessages)):
        last = _lastOld(connection, table, before, now, maximum)
        deleted.append(delete(connection, last) if last else 0)
    return deleted[0], deleted[1]


def _lastOld(
    connection: sqlite3.Connection, table: str, before: int, now: int, maximum: int
) -> int:
    # The id up to which messages go; 0: none does.
    names = {"before": before, "now": now, "most": maximum, "forever": _FOREVER, "last": 0}
    last: int
    last, isOld, edge = connection.execute(_FIRST.format(table=table), names).fetchone()
    if not last or isOld:
        return last
    if edge == _FOREVER:
        # All of them are ahead: what follows them says how old they are.
        names["last"] = last
        following = connection.execute(_NEXT.format(table=table), names).fetchone()
        if following is not None and following[0]:
            return last
    return 0
