"""
What a server says in the JSON form, read without trusting it.  Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tsservices.common.text import visible

#: Bytes of one line of a server. The longest that it writes lists some hundred people.
LONGEST = 4 * 1024 * 1024


class LineTooLong(Exception):
    """A line does not end: this is no server of ours."""


class Lines:
    """Puts lines together, however the network has cut them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> list[bytes]:
        """
        The lines that are whole now.

        @raise Unbounded: one is longer than L{LONGEST}.
        """
        first, *others = data.split(b"\n")
        lines = []
        self._rest.append(first)
        self._length += len(first)
        for part in others:
            lines.append(b"".join(self._rest).removesuffix(b"\r"))
            self._rest, self._length = [part], len(part)
        if self._length > LONGEST:
            raise LineTooLong
        return lines


def clean(text: str) -> str:
    """The same as one line that can do nothing to a terminal."""
    if text.isprintable():
        return text
    return visible(text).replace("\n", "\\n").replace("\t", "    ")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """
    One object from the server.  What is missing, or of another kind than it should be,
    reads as empty.

    @ivar type: what it is.
    @ivar fields: the object itself.
    @ivar raw: the line it came in.
    """

    type: str
    fields: Mapping[str, object]
    raw: str = ""

    def text(self, name: str) -> str:
        """Its text, harmless."""
        value = self.fields.get(name)
        return clean(value) if isinstance(value, str) else ""

    def secret(self, name: str) -> str:
        """Its text as it is, if that is one word."""
        value = self.fields.get(name)
        return value if isinstance(value, str) and value.split() == [value] else ""

    def number(self, name: str) -> int:
        """Its number, or 0."""
        return self.perhaps(name) or 0

    def perhaps(self, name: str) -> int | None:
        """Its number, if it has one."""
        value = self.fields.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def truth(self, name: str) -> bool:
        """Whether it says so."""
        return self.fields.get(name) is True

    def texts(self, name: str) -> list[str]:
        """Its list of texts, harmless."""
        value = self.fields.get(name)
        if not isinstance(value, list):
            return []
        return [clean(each) for each in value if isinstance(each, str)]

    def span(self, name: str) -> tuple[int, int] | None:
        """Its two numbers, if it has them."""
        value = self.fields.get(name)
        if isinstance(value, list) and len(value) == 2:
            first, last = value
            if isinstance(first, int) and isinstance(last, int):
                return first, last
        return None

    def each(self, name: str) -> list[ServerEvent]:
        """Its list of objects, or its one object."""
        value = self.fields.get(name)
        values = value if isinstance(value, list) else [value]
        return [ServerEvent("", each) for each in values if isinstance(each, dict)]


def decode(line: bytes) -> ServerEvent | None:
    """What it says; L{None} if it is no object with a type."""
    if not line.startswith(b"{"):
        return None
    text = line.decode("utf-8", "backslashreplace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    kind = found.get("type") if isinstance(found, dict) else None
    return ServerEvent(kind, found, text) if isinstance(kind, str) else None
