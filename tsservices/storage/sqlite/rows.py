"""
How rows go to SQLite and come back: as JSON, many at once.

A step of SQLite takes the interpreter from the reactor and gives it back; beside a busy
reactor each of them waits for its turn, so there is not to be one for each row.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def asJSON(rows: Sequence[object]) -> str:
    """Rows as JSON, as SQLite's functions read it."""
    text = json.dumps(rows)
    if "\\u0000" in text:
        # SQLite's JSON ends a text at a NUL: U+2400, its picture, is better than half a text.
        text = _NUL.sub(r"\1\\u2400", text)
    return text


def isPlain(text: str) -> bool:
    """
    Whether a text is stored the same as a parameter of its own and by L{asJSON}: a NUL is not, and
    halves of surrogate pairs are refused as parameters.
    """
    return "\0" not in text if text.isascii() else text.isprintable()


def columns(count: int) -> str:
    """The SQL that takes so many columns from the rows of C{json_each}."""
    return ", ".join(f"json_extract(value, '$[{number}]')" for number in range(count))


def select(
    connection: sqlite3.Connection,
    names: str,
    source: str,
    parameters: Sequence[Any] | Mapping[str, Any],
) -> list[list[Any]]:
    """
    Read rows in one step of SQLite.

    @param names: the columns, with commas between.
    @param source: the statement that gives them.
    @raise sqlite3.Error: it can't be done.
    """
    statement = f"SELECT json_group_array(json_array({names})) FROM ({source})"
    (text,) = connection.execute(statement, parameters).fetchone()
    rows: list[list[Any]] = json.loads(text)
    return rows
