"""
Rooms and records: the tables C{rooms}, C{accounts}, C{restraints}, C{standings}, C{readMarks},
C{ignored}, C{tokens}, C{shares} and C{receipts}.

All are loaded at the start, and the chat keeps them in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter

from tsservices.chat.names import fold
from tsservices.chat.records import (
    Account,
    AccountToken,
    Ignored,
    InboxShare,
    PostReceipt,
    ReadMarker,
    Record,
    Restriction,
    RoomRecord,
    RoomRole,
    TimeMark,
)
from tsservices.storage.sqlite.rows import asJSON, columns, isPlain

# The fields of L{RoomRecord} have the same names.
_ROOM_COLUMNS = (
    "key, name, seq, time, topic, topicBy, topicTime, founder, private, openFrom,"
    " modes, joinKey, memberLimit, created"
)

# Not INSERT OR REPLACE, which would change the numbers of rooms: messages refer to rooms by number.
_CHANGE_ROOM = """
ON CONFLICT (key) DO UPDATE SET name = excluded.name, seq = excluded.seq,
    time = excluded.time, topic = excluded.topic, topicBy = excluded.topicBy,
    topicTime = excluded.topicTime, founder = excluded.founder, private = excluded.private,
    openFrom = excluded.openFrom, modes = excluded.modes, joinKey = excluded.joinKey,
    memberLimit = excluded.memberLimit, created = excluded.created
"""

#: Adds or updates the rows of L{roomRows}, given as JSON.
UPSERT_ROOMS = f"""
INSERT INTO rooms ({_ROOM_COLUMNS}) SELECT {columns(14)} FROM json_each(?) WHERE true {_CHANGE_ROOM}
"""

#: Adds or updates one of these rows.
UPSERT_ROOM = f"""
INSERT INTO rooms ({_ROOM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) {_CHANGE_ROOM}
"""


#: Rooms with a statement each: for more rooms, one statement for all waits less for the lock.
DIRECT_UPSERTS = 4


class _Table:
    """
    The table of one kind of record.

    @ivar put: the statement that inserts or replaces rows.
    @ivar remove: the statement that deletes rows by their keys.
    @ivar load: the statement that reads all rows.
    @ivar values: makes the row of a record.
    """

    def __init__(self, name: str, kind: type[Record], *names: str) -> None:
        attributes = [field.name for field in fields(kind)]
        if len(attributes) != len(names) or tuple(attributes[: len(kind.KEY)]) != kind.KEY:
            raise TypeError(f"these are not the columns of {kind}: {names}")
        every = ", ".join(f'"{column}"' for column in names)
        key = ", ".join(f'"{column}"' for column in names[: len(kind.KEY)])
        self.put = (
            f"INSERT OR REPLACE INTO {name} ({every})"
            f" SELECT {columns(len(names))} FROM json_each(?)"
        )
        self.remove = (
            f"DELETE FROM {name} WHERE ({key}) IN"
            f" (SELECT {columns(len(kind.KEY))} FROM json_each(?))"
        )
        self.load = f"SELECT {every} FROM {name} ORDER BY {key}"
        self.values = attrgetter(*attributes)


# Existing databases have these column names, so they stay if a field of a record is renamed.
_TABLES: dict[type[Record], _Table] = {
    Account: _Table(
        "accounts",
        Account,
        "key",
        "name",
        "verifier",
        "version",
        "created",
        "seen",
        "unread",
        "position",
    ),
    Restriction: _Table(
        "restraints",
        Restriction,
        "room",
        "kind",
        "mask",
        "name",
        "by",
        "time",
        "until",
        "why",
        "key",
        "position",
        "countedFrom",
    ),
    RoomRole: _Table(
        "standings", RoomRole, "room", "account", "operator", "invited", "admitted", "voice"
    ),
    ReadMarker: _Table("readMarks", ReadMarker, "account", "room", "seq"),
    TimeMark: _Table("timeMarks", TimeMark, "account", "target", "time"),
    Ignored: _Table("ignored", Ignored, "owner", "mask", "name"),
    AccountToken: _Table(
        "tokens",
        AccountToken,
        "id",
        "account",
        "name",
        "key",
        "scope",
        "digest",
        "created",
        "used",
        "cloak",
    ),
    InboxShare: _Table("shares", InboxShare, "account", "sender", "count"),
    PostReceipt: _Table(
        "receipts",
        PostReceipt,
        "account",
        "requestKey",
        "digest",
        "room",
        "seq",
        "lines",
        "time",
        "ident",
        "kept",
    ),
}


_roomRow: Callable[[RoomRecord], tuple[object, ...]] = attrgetter(
    *_ROOM_COLUMNS.replace(",", " ").split()
)


def roomRows(records: Iterable[RoomRecord]) -> str:
    """Return rows for L{UPSERT_ROOMS}."""
    return asJSON(list(map(_roomRow, records)))


def directUpserts(
    records: Sequence[RoomRecord],
) -> list[tuple[str, Sequence[object]]] | None:
    """
    Return statements with parameters that add or update rooms, as L{UPSERT_ROOMS} does.

    @return: L{None} if there are too many rooms, or a text has to be changed before it is stored.
    """
    if len(records) > DIRECT_UPSERTS or not all(
        isPlain(record.topic + record.joinKey) for record in records
    ):
        return None
    return [(UPSERT_ROOM, _roomRow(record)) for record in records]


def roomNumbers(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, int]:
    """@raise sqlite3.Error: a statement failed."""
    rows = connection.execute(
        "SELECT key, number FROM rooms WHERE key IN (SELECT value FROM json_each(?))",
        (asJSON(list(keys)),),
    )
    return dict(rows.fetchall())


def recordStatements(
    records: Mapping[tuple[object, ...], Record | None],
) -> list[tuple[str, str, int]]:
    """
    Return the statements that store records, each with its parameter and its number of rows.

    @param records: by kind and key; L{None}: delete the record.
    """
    statements: list[tuple[str, str, int]] = []
    if not records:
        return statements
    for kind, table in _TABLES.items():
        own = [(key, record) for key, record in records.items() if key[0] is kind]
        deleted = [key[1:] for key, record in own if record is None]
        rows = [table.values(record) for _, record in own if record is not None]
        if deleted:
            statements.append((table.remove, asJSON(deleted), len(deleted)))
        if rows:
            statements.append((table.put, asJSON(rows), len(rows)))
    return statements


def loadRooms(connection: sqlite3.Connection) -> list[RoomRecord]:
    """@raise sqlite3.Error: a statement failed."""
    rows: list[tuple[str, str, int, int, str, str, int, str, int, int, str, str, int, int]]
    rows = connection.execute(f"SELECT {_ROOM_COLUMNS} FROM rooms ORDER BY number").fetchall()
    # SQLite has no boolean type.
    return [RoomRecord(*row[:8], bool(row[8]), *row[9:]) for row in rows]


def loadRecords(connection: sqlite3.Connection) -> list[Record]:
    """
    Read all records.

    @raise sqlite3.Error: a statement failed.
    """
    # Expired restrictions too: they expire by the clock, which may be wrong at this start.
    _foldNames(connection)
    records: list[Record] = []
    for kind, table in _TABLES.items():
        rows = connection.execute(table.load)
        if kind is RoomRole:
            records += [
                RoomRole(room, account, bool(operator), bool(invited), admitted, bool(voice))
                for room, account, operator, invited, admitted, voice in rows
            ]
        elif kind is PostReceipt:
            # Ordered by age, in which they are dropped, and not by key.
            receipts = [PostReceipt(*row) for row in rows]
            records += sorted(receipts, key=attrgetter("kept"))
        else:
            records += [kind(*row) for row in rows]
    return records


def _foldNames(connection: sqlite3.Connection) -> None:
    # Restrictions from before the third schema have no folded names.
    table = _TABLES[Restriction]
    restrictions = [Restriction(*row) for row in connection.execute(table.load)]
    if old := [
        replace(restriction, key=fold(restriction.name))
        for restriction in restrictions
        if not restriction.key
    ]:
        connection.execute(table.put, (asJSON([table.values(restriction) for restriction in old]),))
