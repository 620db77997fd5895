"""
The search index: what of a message can be searched for, and the statements that add it to the
index, and take it out before the message changes.

A message becomes words with one space between; a search finds the messages in which its own
words stand next to each other in the same order.  All that makes two words the same is
decided here, none of it by a database: Python's Unicode is one for all of them.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence

from tsservices.chat.batch import Batch
from tsservices.chat.names import fold
from tsservices.chat.operations import DELETED, ME, MESSAGE, NOTICE, TOPIC
from tsservices.storage.sqlite.rows import asJSON, columns, select

#: Messages that may be missing in the index while there is always something to store: seconds of
#: more than anybody can read.  Each search looks through them, meanwhile up to half a second.
INDEX_LAG = 65_536

#: The kinds of messages that are found.
FOUND_KINDS = (MESSAGE, ME, NOTICE, TOPIC)

#: The version of what this module makes of messages: an index of another one can't be used.
VERSION = f"1, Unicode {unicodedata.unidata_version}"

# Characters of a word.
_LONGEST = 64
_DIACRITICS = re.compile("[\u0300-\u036f]+")
_PLAIN = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}

# Where no spaces stand between words, or where endings grow onto them as in Korean,
# each character is a word.
_ALONE = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x4DBF),  # radicals, kana, Bopomofo, Han
    (0x4E00, 0x9FFF),  # Han
    (0xA960, 0xA97F),  # Hangul letters
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0x16FE0, 0x18DFF),  # Tangut, Khitan, marks of repetition
    (0x1AFF0, 0x1B2FF),  # kana, Nushu
    (0x20000, 0x3FFFF),  # Han
)

_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))


def _within(code: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in ranges)


class _Replacements(dict[int, str]):
    # For str.translate: what takes the place of each character, worked out when one is first seen.
    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Cf" or _within(code, _SELECTORS):
            replacement = ""
        elif category[0] not in "LMN":
            replacement = " "
        else:
            replacement = f" {character} " if _within(code, _ALONE) else character
        self[code] = replacement
        return replacement


_REPLACEMENTS = _Replacements()


def searchable(text: str) -> str:
    """The words of a text, folded, with one space between: letters, marks and digits only."""
    if text.isascii():
        words = text.translate(_PLAIN).split()
    else:
        bare = _DIACRITICS.sub("", unicodedata.normalize("NFD", fold(text)))
        words = unicodedata.normalize("NFC", bare).translate(_REPLACEMENTS).split()
    if words and max(map(len, words)) > _LONGEST:
        # FTS5 cuts very long words, and would then find more than was looked for.
        words = [
            word[first : first + _LONGEST]
            for word in words
            for first in range(0, len(word), _LONGEST)
        ]
    return " ".join(words)


def nameWord(key: str) -> str:
    """A name as one word that no other name has."""
    return key.encode("utf-8", "surrogatepass").hex()


def phrases(words: Iterable[str]) -> list[str] | None:
    """
    What has to be in the words of a message, each once.  What holds nothing that can be searched
    for is left out; if nothing else was given, L{None}: no message is found.
    """
    searchables = [searchable(word) for word in words]
    distinct = list(dict.fromkeys(phrase for phrase in searchables if phrase))
    return None if searchables and not distinct else distinct


def holds(text: str, wanted: Iterable[str]) -> bool:
    """Whether all phrases are in a text; what the index does, without it."""
    words = f" {searchable(text)} "
    return all(f" {phrase} " in words for phrase in wanted)


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

_DELETED = """
SELECT messages.id AS id
FROM json_each(?) AS gone
    CROSS JOIN rooms ON rooms.key = json_extract(gone.value, '$[0]')
    CROSS JOIN messages ON messages.room = rooms.number
        AND messages.seq = json_extract(gone.value, '$[1]')
WHERE messages.position <= json_extract(gone.value, '$[2]')
"""

_BLANK = f"UPDATE messages SET text = '', kind = '{DELETED}' WHERE id IN ({_DELETED})"

# The lowest ids are the oldest messages; looking only at these needs no index by time.
# What goes is the beginning of each room, because a room's time only grows.
_OLD = """
SELECT id FROM (SELECT id, time FROM messages ORDER BY id LIMIT ?) WHERE time < ?
"""

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
    Blank the messages that batches delete.

    @return: how many.
    @raise sqlite3.Error: it can't be done.
    """
    # Each message once: taking it out of the index twice would damage that.
    positions: dict[tuple[str, int], int] = {}
    for batch in batches:
        for deletion in batch.deletions:
            positions[deletion.room, deletion.seq] = batch.position
    if not positions:
        return 0
    parameters = (asJSON([(*message, position) for message, position in positions.items()]),)
    _takeOut(connection, _DELETED, parameters)
    return connection.execute(_BLANK, parameters).rowcount


def prune(connection: sqlite3.Connection, before: int, maximum: int) -> int:
    """
    Delete old messages, but neither the rooms nor their numbers, in a transaction of its own.

    @param before: nanoseconds since 1970, UTC.
    @param maximum: how many of the first are looked at.
    @return: how many were deleted.
    @raise sqlite3.Error: it can't be done; the transaction may still be open.
    """
    connection.execute("BEGIN IMMEDIATE")
    _takeOut(connection, _OLD, (maximum, before))
    pruned = connection.execute(
        f"DELETE FROM messages WHERE id IN ({_OLD})", (maximum, before)
    ).rowcount
    if pruned:
        connection.execute(_LOWER)
    connection.execute("COMMIT")
    return pruned
