"""
The rows of accounts, of the order in rooms, and of private messages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from operator import attrgetter

from tsservices.chat.batch import Batch
from tsservices.chat.names import fold
from tsservices.chat.records import Account, Letter, ReadMark, Record, Restraint, Standing
from tsservices.journal.rows import asJSON, columns
from tsservices.limits import INBOX_UNREAD

_LETTER = "ident, time, sender, receiver, nick, recipient, kind, text"

_KEEP_LETTERS = f"INSERT INTO letters ({_LETTER}) SELECT {columns(8)} FROM json_each(?)"

_FORGET = """
DELETE FROM letters WHERE sender IN (SELECT value FROM json_each(?1))
    OR receiver IN (SELECT value FROM json_each(?1))
"""

_PLACE = "coalesce((SELECT id FROM letters WHERE ident = :before), 9223372036854775807)"

_RECEIVED = f"""
SELECT {_LETTER} FROM letters
WHERE receiver = :account AND id < {_PLACE}
ORDER BY id DESC LIMIT :most
"""

# Each half reads no more than what may be wanted of it; what somebody says to themselves
# stands in both.
_BETWEEN = f"""
SELECT {_LETTER} FROM (
    SELECT * FROM (
        SELECT * FROM letters WHERE sender = :account AND receiver = :other AND id < {_PLACE}
        ORDER BY id DESC LIMIT :most
    ) UNION SELECT * FROM (
        SELECT * FROM letters WHERE sender = :other AND receiver = :account AND id < {_PLACE}
        ORDER BY id DESC LIMIT :most
    )
) ORDER BY id DESC LIMIT :most
"""

_PRUNE_LETTERS = """
DELETE FROM letters WHERE id IN (
    SELECT id FROM (SELECT id, time FROM letters ORDER BY id LIMIT ?) WHERE time < ?
)
"""


class _Table:
    """
    Where records of one kind are.

    @ivar put: the statement that keeps rows.
    @ivar remove: the statement that takes rows away, by their keys.
    @ivar load: the statement that reads all rows.
    @ivar values: gives the row of a record.
    """

    def __init__(self, name: str, kind: type[Record]) -> None:
        """
        @param name: of the table.
        @param kind: of the records; their fields are its columns.
        """
        names = [each.name for each in fields(kind)]
        every = ", ".join(f'"{each}"' for each in names)
        key = ", ".join(f'"{each}"' for each in kind.KEY)
        self.put = (
            f"INSERT OR REPLACE INTO {name} ({every})"
            f" SELECT {columns(len(names))} FROM json_each(?)"
        )
        self.remove = (
            f"DELETE FROM {name} WHERE ({key}) IN"
            f" (SELECT {columns(len(kind.KEY))} FROM json_each(?))"
        )
        self.load = f"SELECT {every} FROM {name} ORDER BY {key}"
        self.values = attrgetter(*names)


_TABLES: dict[type[Record], _Table] = {
    Account: _Table("accounts", Account),
    Restraint: _Table("restraints", Restraint),
    Standing: _Table("standings", Standing),
    ReadMark: _Table("readMarks", ReadMark),
}


def statementsFor(batches: Sequence[Batch]) -> list[tuple[str, str, int]]:
    """
    @param batches: some, in order.
    @return: the statements that keep their records and letters, each with its parameter
        and how many rows that is: none if there are none, and never more than two for
        each table.
    """
    kept: dict[tuple[object, ...], Record | None] = {}
    letters: list[Letter] = []
    forgotten: set[str] = set()
    for batch in batches:
        if batch.kept:
            kept.update(batch.kept)
        if batch.forgotten:
            those = set(batch.forgotten)
            forgotten |= those
            letters = [each for each in letters if not those & {each.sender, each.receiver}]
        if batch.letters:
            letters.extend(batch.letters)
    statements: list[tuple[str, str, int]] = []
    if kept:
        for kind, table in _TABLES.items():
            mine = [(key, record) for key, record in kept.items() if key[0] is kind]
            gone = [key[1:] for key, record in mine if record is None]
            there = [table.values(record) for _, record in mine if record is not None]
            if gone:
                statements.append((table.remove, asJSON(gone), len(gone)))
            if there:
                statements.append((table.put, asJSON(there), len(there)))
    if forgotten:
        statements.append((_FORGET, asJSON(list(forgotten)), INBOX_UNREAD))
    if letters:
        rows = [
            (
                letter.ident,
                letter.time,
                letter.sender,
                letter.receiver,
                letter.nick,
                letter.to,
                letter.kind,
                letter.text,
            )
            for letter in letters
        ]
        statements.append((_KEEP_LETTERS, asJSON(rows), len(rows)))
    return statements


def _foldNames(connection: sqlite3.Connection) -> None:
    """
    Keep the folded names of restraints from before these were kept.

    @param connection: to the database, in a transaction.
    @raise sqlite3.Error: it can't be done.
    """
    table = _TABLES[Restraint]
    found = [Restraint(*row) for row in connection.execute(table.load)]
    if lacking := [replace(each, key=fold(each.name)) for each in found if not each.key]:
        connection.execute(table.put, (asJSON([table.values(each) for each in lacking]),))


def loadKept(connection: sqlite3.Connection, now: int) -> list[Record]:
    """
    Read all records; restraints whose end is past are no more.

    @param connection: to the database, in a transaction.
    @param now: the time: nanoseconds since 1970, UTC.
    @return: the records.
    @raise sqlite3.Error: it can't be done.
    """
    connection.execute("DELETE FROM restraints WHERE until <> 0 AND until <= ?", (now,))
    _foldNames(connection)
    kept: list[Record] = []
    for kind, table in _TABLES.items():
        rows = connection.execute(table.load)
        if kind is Standing:
            # SQLite has no other way to say yes and no.
            kept += [
                Standing(room, account, bool(operator), bool(invited), admitted)
                for room, account, operator, invited, admitted in rows
            ]
        else:
            kept += [kind(*row) for row in rows]
    return kept


def letters(
    connection: sqlite3.Connection, account: str, other: str, before: str, most: int
) -> list[Letter]:
    """
    @param connection: to the database.
    @param account: the key of one of the two.
    @param other: the key of the other one; nothing: anybody, who said it to the first.
    @param before: the id of a message: only those before it; not known: all.
    @param most: how many.
    @return: the newest, in order.
    @raise sqlite3.Error: it can't be done.
    """
    statement = _BETWEEN if other else _RECEIVED
    names = {"account": account, "other": other, "before": before, "most": most}
    rows: Iterable[tuple[str, int, str, str, str, str, str, str]]
    rows = connection.execute(statement, names).fetchall()
    return [Letter(*row) for row in rows][::-1]


def pruneLetters(connection: sqlite3.Connection, before: int, most: int) -> int:
    """
    Delete old letters.

    @param connection: to the database, outside of any transaction.
    @param before: the time before which one is old: nanoseconds since 1970, UTC.
    @param most: how many may be deleted.
    @return: how many were.
    @raise sqlite3.Error: it can't be done.
    """
    return connection.execute(_PRUNE_LETTERS, (most, before)).rowcount
