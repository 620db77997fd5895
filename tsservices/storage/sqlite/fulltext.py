"""
The search index: the statements that add the words of messages, and remove them before a message
changes.  L{tsservices.storage.words} decides what the words are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tsservices.chat.batch import Batch
from tsservices.chat.names import fold
from tsservices.storage.sqlite.rows import asJSON, columns, select
from tsservices.storage.words import FOUND_KINDS, VERSION, nameWord, searchable

#: Messages that may be missing in the index while new messages arrive without a pause: the flood of
#: a few seconds.  Each search scans them, which then takes up to half a second.
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

#: Pages written in one step of a merge of the index: about 40 milliseconds.
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

# After the newest message is deleted, SQLite uses its id again.
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
    # The index stores no texts: a message is removed by naming exactly the words that were added,
    # so this has to run before the message changes.
    source = f"""
        SELECT id, text, room, nick FROM messages
        WHERE id IN ({which}) AND id <= (SELECT indexed FROM meta) AND kind IN ({KINDS})
        LIMIT -1
    """
    if rows := select(connection, "id, text, room, nick", source, parameters):
        connection.execute(_TAKE_OUT, (_words(rows),))


def renew(connection: sqlite3.Connection) -> None:
    """
    Empty the index if it was made by another version of L{tsservices.storage.words}.

    @raise sqlite3.Error: a statement failed.
    """
    (version,) = connection.execute("SELECT words FROM meta").fetchone()
    if version != VERSION:
        connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
        connection.execute("UPDATE meta SET indexed = 0, words = ?", (VERSION,))


def remake(connection: sqlite3.Connection) -> None:
    """
    Empty the index because it is damaged, in a transaction of its own.

    @raise sqlite3.Error: a statement failed; the transaction may still be open.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE meta SET words = ''")
    renew(connection)
    connection.execute("COMMIT")


def lag(connection: sqlite3.Connection) -> int:
    """
    Return how many messages are not in the index yet; ids without a message count too.

    @raise sqlite3.Error: a statement failed.
    """
    row: tuple[int] = connection.execute(
        "SELECT coalesce((SELECT max(id) FROM messages), 0) - indexed FROM meta"
    ).fetchone()
    return row[0]


def index(connection: sqlite3.Connection, maximum: int) -> int:
    """
    Add the next messages to the index, in a transaction of its own.

    @return: the approximate number of bytes added to the write-ahead log.
    @raise sqlite3.Error: a statement failed; the transaction may still be open.
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
    Remove the text of the messages that batches delete.

    @return: the number of these messages.
    @raise sqlite3.Error: a statement failed.
    """
    # Each message once: a second removal from the index would damage the index.
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
    Do one step of merging all segments of the index into one.  Until the end, removed words stay in
    the file, in older segments.  An index of a million lines takes five seconds.

    @param begin: whether this is the first step.
    @return: whether more steps are needed.
    @raise sqlite3.Error: a statement failed.
    """
    before = connection.total_changes
    connection.execute(_MERGE, (-MERGED_PAGES if begin else MERGED_PAGES,))
    # One change is the command itself.
    return connection.total_changes - before > 1


def prune(connection: sqlite3.Connection, last: int) -> int:
    """
    Delete old messages, in a transaction of its own; rooms and their numbers stay.

    @param last: the id of the last message to delete.
    @return: how many were deleted.
    @raise sqlite3.Error: a statement failed; the transaction may still be open.
    """
    connection.execute("BEGIN IMMEDIATE")
    _takeOut(connection, _OLD, (last,))
    pruned = connection.execute("DELETE FROM messages WHERE id <= ?", (last,)).rowcount
    if pruned:
        connection.execute(_LOWER)
    connection.execute("COMMIT")
    return pruned
