"""
The tables of the chat's database, and how older ones become these.
"""

from __future__ import annotations

import sqlite3

from tsservices.journal.interface import JournalError

APPLICATION = 0x74736368
"""
What marks a database as this program's: C{tsch}.
"""

# Lines get their ids in the order of the log.  A full-text index wants stable ids that
# grow, searches want the newest first, and retention takes the lowest.
_FIRST = f"""
PRAGMA application_id = {APPLICATION};
CREATE TABLE meta (
    log TEXT NOT NULL,
    position INTEGER NOT NULL
);
CREATE TABLE rooms (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    topic TEXT NOT NULL,
    topicBy TEXT NOT NULL,
    topicTime INTEGER NOT NULL
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    position INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    kind TEXT NOT NULL,
    nick TEXT NOT NULL,
    account TEXT,
    text TEXT NOT NULL
);
CREATE UNIQUE INDEX messagesInRooms ON messages (room, seq);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST,)
"""
The scripts that lead from an empty database to the present schema.  The version of a
database is the number of those it has seen, so none is ever changed or taken out.
"""


def migrate(
    connection: sqlite3.Connection, path: str, migrations: tuple[str, ...] = MIGRATIONS
) -> None:
    """
    Bring a database to the present schema.

    @param connection: to the database, outside of any transaction.
    @param path: of the database.
    @param migrations: all scripts.
    @raise JournalError: it is none of ours, or newer than we are.
    @raise sqlite3.Error: it can't be done; the script that failed left nothing behind.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (application or version or tables):
        raise JournalError(f"{path} is a database of another program")
    if version > len(migrations):
        raise JournalError(
            f"{path} was written by a newer version"
            f" (schema {version}, this one knows {len(migrations)})"
        )
    for number, script in enumerate(migrations[version:], version + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
