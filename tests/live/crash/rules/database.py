"""Reads the database of a chat whose server is down."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.crash.rules.log import Line

#: Its name in the state folder.
FILE = "chat.sqlite"


@dataclass
class PrivateMessage:
    ident: str
    sender: str
    receiver: str
    text: str


@dataclass
class Tables:
    lines: dict[str, list[Line]]
    accounts: set[str]
    unread: dict[str, int]
    privateMessages: list[PrivateMessage]
    tokens: dict[str, set[str]] = field(default_factory=dict)


@contextmanager
def openCopy(state: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy: the file itself is for the server to recover."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            source = state / f"{FILE}{suffix}"
            if source.exists():
                shutil.copy(source, folder)
        with closing(sqlite3.connect(Path(folder) / FILE)) as connection:
            yield connection


def readTables(connection: sqlite3.Connection, rooms: set[str]) -> Tables:
    lines: dict[str, list[Line]] = {}
    for name, *row in connection.execute(
        "SELECT rooms.name, messages.seq, kind, nick, text,"
        " meta.log || '-' || messages.position || '-' || idx, messages.time"
        " FROM messages JOIN rooms ON rooms.number = messages.room JOIN meta"
        " ORDER BY rooms.number, messages.seq"
    ):
        if name in rooms:
            lines.setdefault(name, []).append(Line(name, *row))
    unread = dict(connection.execute("SELECT key, unread FROM accounts").fetchall())
    letters = [
        PrivateMessage(*row)
        for row in connection.execute(
            "SELECT ident, sender, receiver, text FROM letters ORDER BY id"
        )
    ]
    tokens: dict[str, set[str]] = {}
    for account, name in connection.execute("SELECT account, name FROM tokens"):
        tokens.setdefault(account, set()).add(name)
    return Tables(lines, set(unread), unread, letters, tokens)


def containsText(connection: sqlite3.Connection, word: str) -> bool:
    like = f"%{word}%"
    (count,) = connection.execute(
        "SELECT (SELECT count(*) FROM messages WHERE text LIKE ?)"
        " + (SELECT count(*) FROM rooms WHERE topic LIKE ?)"
        " + (SELECT count(*) FROM letters WHERE text LIKE ?)"
        " + (SELECT count(*) FROM tokens WHERE digest LIKE ?)"
        " + (SELECT count(*) FROM words WHERE words MATCH ?)",
        (like, like, like, like, f'text : "{word}"'),
    ).fetchone()
    return bool(count)
