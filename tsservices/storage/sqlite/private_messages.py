"""Private messages between accounts: the table C{letters}."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from tsservices.chat.operations import DELETED
from tsservices.chat.records import StoredPrivateMessage
from tsservices.chat.storage import ALL_SIDES
from tsservices.storage.sqlite.rows import asJSON, columns

_COLUMNS = "ident, time, sender, receiver, nick, recipient, kind, text"

#: Adds the rows of L{privateMessageRows}.
INSERT_PRIVATE_MESSAGES = f"INSERT INTO letters ({_COLUMNS}) SELECT {columns(8)} FROM json_each(?)"

#: Deletes all messages that a list of accounts has sent and received.
DELETE_INBOXES = """
DELETE FROM letters WHERE sender IN (SELECT value FROM json_each(?1))
    OR receiver IN (SELECT value FROM json_each(?1))
"""

#: Removes the texts of a list of messages, given by their ids.
BLANK_PRIVATE_MESSAGES = f"""
UPDATE letters SET kind = '{DELETED}', text = ''
WHERE ident IN (SELECT value FROM json_each(?))
"""

_ONE = f"SELECT {_COLUMNS} FROM letters WHERE ident = ?"

_PLACE = "coalesce((SELECT id FROM letters WHERE ident = :before), 9223372036854775807)"

_WANTED = f"id < {_PLACE} AND sender NOT IN (SELECT value FROM json_each(:ignored))"

_RECEIVED = f"""
SELECT {_COLUMNS} FROM letters
WHERE receiver = :account AND {_WANTED}
ORDER BY id DESC LIMIT :most
"""

# Two halves, because an OR would use neither index in order.  Each half has its own LIMIT; messages
# of an account to itself are in both, and UNION removes the duplicates.
_TWO_HALVES = f"""
SELECT {_COLUMNS} FROM (
    SELECT * FROM (
        SELECT * FROM letters WHERE {{first}} AND {_WANTED}
        ORDER BY id DESC LIMIT :most
    ) UNION SELECT * FROM (
        SELECT * FROM letters WHERE {{second}} AND {_WANTED}
        ORDER BY id DESC LIMIT :most
    )
) ORDER BY id DESC LIMIT :most
"""

_BETWEEN = _TWO_HALVES.format(
    first="sender = :account AND receiver = :other",
    second="sender = :other AND receiver = :account",
)

_BOTH_WAYS = _TWO_HALVES.format(first="sender = :account", second="receiver = :account")


def privateMessageRows(messages: Iterable[StoredPrivateMessage]) -> str:
    rows = [
        (
            message.ident,
            message.time,
            message.sender,
            message.receiver,
            message.nick,
            message.to,
            message.kind,
            message.text,
        )
        for message in messages
    ]
    return asJSON(rows)


def readPrivateMessages(
    connection: sqlite3.Connection,
    account: str,
    other: str,
    before: str,
    maximum: int,
    ignored: frozenset[str],
) -> list[StoredPrivateMessage]:
    """
    Read the newest messages of an account, the oldest first.

    @param other: the other account; empty: received from all; L{ALL_SIDES}: exchanged with all.
    @param before: the id of the message that follows them; empty: none.
    @raise sqlite3.Error: a statement failed.
    """
    statement = _BETWEEN if other else _RECEIVED
    if other == ALL_SIDES:
        statement = _BOTH_WAYS
    names = {
        "account": account,
        "other": other,
        "before": before,
        "most": maximum,
        "ignored": asJSON(sorted(ignored)),
    }
    rows: list[tuple[str, int, str, str, str, str, str, str]]
    rows = connection.execute(statement, names).fetchall()
    return [StoredPrivateMessage(*row) for row in reversed(rows)]


def readPrivateMessage(connection: sqlite3.Connection, ident: str) -> list[StoredPrivateMessage]:
    """
    Read the message with this id; the list is empty if there is none.

    @raise sqlite3.Error: a statement failed.
    """
    return [StoredPrivateMessage(*row) for row in connection.execute(_ONE, (ident,))]


def prunePrivateMessages(connection: sqlite3.Connection, last: int) -> int:
    """
    Delete old messages.

    @param last: the id of the last message to delete.
    @return: how many were deleted.
    @raise sqlite3.Error: a statement failed.
    """
    return connection.execute("DELETE FROM letters WHERE id <= ?", (last,)).rowcount
