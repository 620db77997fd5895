"""
The search index: the statements that add the words of messages to it, and take them out before the
message changes.  What the words are is decided in L{tsservices.storage.words}.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tsservices.chat.batch import Batch
from tsservices.chat.names import fold
from tsservices.storage.sqlite.rows import asJSON, columns, select
from tsservices.storage.words import FOUND_KINDS, VERSION, nameWord, searchable

#: Messages that may be missing in the index while there is always something to store: seconds of
#: more than anybody can read.  Each search looks through them, meanwhile up to half a second.
INDEX_LAG = 65_536

#: The kinds of messages that are found, in SQL.
KINDS = ", ".join(f"'{kind}'" for kind in FOUND_KINDS)

_NEXT = """
SELECT id, text, room, nick, kind FROM messages WHERE id > ? ORDER BY id LIMIT ?
"""

_ADD = f"INSERT INTO words (rowid, text, room, nick) SELECT {columns(4)} FROM json_each(?)"

_TAKE_OUT = f"""
INSERT INTO words (words, rowid, text, room, nick)
SELECT 'delete', {columns(4)} FROM json_each(?)
"""

_MERGE = "INSERT INTO words (words, rank) VALUES ('merge', ?)"

#: Pages that are written in one step when the index is merged: some 40 milliseconds.
MERGED_PAGES = 64

_DELETED = """
SELECT messages.id AS id, json_extract(gone.value, '$[3]') AS kind,
    json_extract(gone.value, '$[4]') AS text
FROM json_each(?) AS gone
    CROSS JOIN rooms ON rooms.key = json_extract(gone.value, '$[0]')
    CROSS JOIN messages ON messages.room = rooms.number
        AND messages.seq = json_extract(gone.value, '$[1]')
WHERE messages.position <= json_extract(gone.value, '$[2]')
"""

_BLANK = f"""
WITH gone (id, kind, text) AS MATERIALIZED ({_DELETED})
UPDATE messages SET (kind, text) = (SELECT kind, text FROM gone WHERE gone.id = messages.id)
WHERE id IN (SELECT id FROM gone)
"""

_OLD = "SELECT id FROM messages WHERE id <= ?"

# When the newest message goes, its id will be given again.
_LOWER = """
UPDATE meta SET indexed = min(indexed, (SELECT coalesce(max(id), 0) FROM messages))
"""


def _words(rows: Sequence[Sequence[object]]) -> str:
    return asJSON(
        [
            (ident, searchable(str(text)), str(room), nameWord(fold(str(nick))))
            for ident, text, room, nick, *_ in rows
        ]
    )


def _takeOut(connection: sqlite3.Connection, which: str, parameters: Sequence[object]) -> None:
    # The index stores no texts: a message is taken out by naming its words, which have to be those
    # it went in with.  So this comes before the message changes.
    source = f"""
        SELECT id, text, room, nick FROM messages
        WHERE id IN ({which}) AND id <= (SELECT indexed FROM meta) AND kind IN ({KINDS})
        LIMIT -1
    """
    if rows := select(connection, "id, text, room, nick", source, parameters):
        connection.execute(_TAKE_OUT, (_words(rows),))


def renew(connection: sqlite3.Connection) -> None:
    """
    Begin the index again if it was made by another version of this module.

    @raise sqlite3.Error: it can't be done.
    """
    (version,) = connection.execute("SELECT words FROM meta").fetchone()
    if version != VERSION:
        connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
        connection.execute("UPDATE meta SET indexed = 0, words = ?", (VERSION,))


def remake(connection: sqlite3.Connection) -> None:
    """
    Begin the index again because it is damaged, in a transaction of its own.

    @raise sqlite3.Error: it can't be done; the transaction may still be open.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE meta SET words = ''")
    renew(connection)
    connection.execute("COMMIT")


def lag(connection: sqlite3.Connection) -> int:
    """
    How many messages are not in the index yet; numbers without a message count too.

    @raise sqlite3.Error: it can't be done.
    """
    row: tuple[int] = connection.execute(
        "SELECT coalesce((SELECT max(id) FROM messages), 0) - indexed FROM meta"
    ).fetchone()
    return row[0]


def index(connection: sqlite3.Connection, maximum: int) -> int:
    """
    Take the next messages into the index, in a transaction of its own.

    @return: how many bytes that is for the write-ahead log, about.
    @raise sqlite3.Error: it can't be done; the transaction may still be open.
    """
    (indexed,) = connection.execute("SELECT indexed FROM meta").fetchone()
    rows = select(connection, "id, text, room, nick, kind", _NEXT, (indexed, maximum))
    if not rows:
        return 0
    words = _words([row for row in rows if row[-1] in FOUND_KINDS])
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_ADD, (words,))
    connection.execute("UPDATE meta SET indexed = ?", (rows[-1][0],))
    connection.execute("COMMIT")
    return len(words)


def delete(connection: sqlite3.Connection, batches: Sequence[Batch]) -> int:
    """
    Take the words out of the messages that batches delete.

    @return: how many.
    @raise sqlite3.Error: it can't be done.
    """
    # Each message once: taking it out of the index twice would damage that.
    rows: dict[tuple[str, int], tuple[str, int, int, str, str]] = {}
    for batch in batches:
        for item in batch.deletions:
            rows[item.room, item.seq] = item.room, item.seq, batch.position, item.kind, item.text
    if not rows:
        return 0
    parameters = (asJSON(list(rows.values())),)
    _takeOut(connection, f"SELECT id FROM ({_DELETED})", parameters)
    return connection.execute(_BLANK, parameters).rowcount


def merge(connection: sqlite3.Connection, begin: bool) -> bool:
    """
    Do a step of making one segment of all that the index has.  Words that were taken out stay in
    the file until then, in segments from before.  An index of a million lines takes five seconds.

    @param begin: whether this is the first step.
    @return: whether there are more.
    @raise sqlite3.Error: it can't be done.
    """
    before = connection.total_changes
    connection.execute(_MERGE, (-MERGED_PAGES if begin else MERGED_PAGES,))
    # One change is the command itself.
    return connection.total_changes - before > 1


def prune(connection: sqlite3.Connection, last: int) -> int:
    """
    Delete old messages, but neither the rooms nor their numbers, in a transaction of its own.

    @param last: the id of the last one that goes.
    @return: how many were deleted.
    @raise sqlite3.Error: it can't be done; the transaction may still be open.
    """
    connection.execute("BEGIN IMMEDIATE")
    _takeOut(connection, _OLD, (last,))
    pruned = connection.execute("DELETE FROM messages WHERE id <= ?", (last,)).rowcount
    if pruned:
        connection.execute(_LOWER)
    connection.execute("COMMIT")
    return pruned
