"""
Rows passed to SQLite and back as JSON, many at once.

Each step of SQLite releases the interpreter lock and waits to get it back, which takes long beside
a busy reactor.  Therefore there must not be one step for each row.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def asJSON(rows: Sequence[object]) -> str:
    """Encode rows as JSON for SQLite's functions."""
    text = json.dumps(rows)
    if "\\u0000" in text:
        # SQLite's JSON ends a text at a NUL: its symbol U+2400 is better than a truncated text.
        text = _NUL.sub(r"\1\\u2400", text)
    return text


def isPlain(text: str) -> bool:
    """
    Whether a text is stored the same as a parameter and by L{asJSON}: a text with a NUL is not, and
    halves of surrogate pairs are refused as parameters.
    """
    return "\0" not in text if text.isascii() else text.isprintable()


def columns(count: int) -> str:
    """Return SQL that extracts C{count} columns from the rows of C{json_each}."""
    return ", ".join(f"json_extract(value, '$[{number}]')" for number in range(count))


def select(
    connection: sqlite3.Connection,
    names: str,
    source: str,
    parameters: Sequence[Any] | Mapping[str, Any],
) -> list[list[Any]]:
    """
    Read rows in one step of SQLite.

    @param names: the columns, separated by commas.
    @param source: the statement that returns them.
    @raise sqlite3.Error: a statement failed.
    """
    statement = f"SELECT json_group_array(json_array({names})) FROM ({source})"
    (text,) = connection.execute(statement, parameters).fetchone()
    rows: list[list[Any]] = json.loads(text)
    return rows
