"""
The names in a channel (RPL_NAMREPLY), written once for all clients that get them.  Pure.

When a thousand people join a channel, each gets the names of all before.  Only the client's nick in
each line and the few names at the end differ.  Therefore the lines are cached with a placeholder
for the nick, and a join adds to the last line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tsservices.frontends.irc.formats.lines import ENDING
from tsservices.frontends.irc.message import BODY_BYTES
from tsservices.frontends.irc.people import isLonger

#: A placeholder for a nick; no line contains it.
NICK = "\0"

#: Clients with nicks of up to so many bytes share lines, so do clients with up to twice as many,
#: and so on.
_NICK_BYTES = 8

#: Channels whose lines are cached.
_KEPT = 64


class NameLines:
    """The lines of names of one channel, for clients with nicks of about one length."""

    def __init__(self, head: str, size: int) -> None:
        """
        @param head: the beginning of each line, with L{NICK} in place of the nick.
        @param size: bytes of names in a line.
        """
        self._head = head
        self._size = size
        self._forget({})

    def _forget(self, signs: Mapping[str, str]) -> None:
        # The names that were written, the complete lines of them, and the names of the last line.
        self._names = self._last = ""
        self._whole = b""
        self._signs = signs

    def text(self, names: str, signs: Mapping[str, str], nick: str) -> bytes:
        """
        Write the lines with their endings.

        @param names: separated by spaces.
        @param signs: the signs before some of them.
        """
        if signs != self._signs or not isLonger(names, self._names):
            self._forget(signs)
        if len(names) > len(self._names):
            self._add(names[len(self._names) :].lstrip(" "))
            self._names = names
        last = f"{self._head}{self._last}{ENDING}".replace(NICK, nick).encode("utf-8", "replace")
        if not self._whole:
            return last
        return self._whole.replace(NICK.encode(), nick.encode("utf-8", "replace")) + last

    def _add(self, names: str) -> None:
        if signs := self._signs:
            names = " ".join([signs.get(name, "") + name for name in names.split(" ")])
        *whole, self._last = divide(f"{self._last} {names}" if self._last else names, self._size)
        if whole:
            lines = "".join([f"{self._head}{line}{ENDING}" for line in whole])
            self._whole += lines.encode("utf-8", "replace")


def divide(names: str, size: int) -> list[str]:
    """Divide names, separated by spaces, into as few lines of C{size} bytes as possible."""
    if len(names) <= size and names.isascii():
        return [names]
    if names.isascii():
        # The same as below, without a step for each name.
        return re.findall(rf"(.{{1,{size}}})(?: |$)", names)
    lines: list[str] = []
    for name in names.split(" "):
        if lines and len(f"{lines[-1]} {name}".encode("utf-8", "replace")) <= size:
            lines[-1] += f" {name}"
        else:
            lines.append(name)
    return lines


class NamesCache:
    """The cached lines of the last channels whose names were requested."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], NameLines] = {}

    def lines(self, head: str, names: str, signs: Mapping[str, str], nick: str) -> bytes:
        """
        Write the lines of one channel, as L{NameLines.text}.

        @param nick: the nick of the client that gets them.
        """
        nickBytes = len(nick) if nick.isascii() else len(nick.encode("utf-8", "replace"))
        size = _NICK_BYTES
        while size < nickBytes:
            size *= 2
        found = self._lines.get((head, size))
        if found is None:
            if len(self._lines) >= _KEPT:
                del self._lines[next(iter(self._lines))]
            found = self._lines[head, size] = NameLines(head, space(head) + len(NICK) - size)
        return found.text(names, signs, nick)


def space(head: str) -> int:
    """Count the bytes that are free in a line after its head."""
    return BODY_BYTES - len(head.encode("utf-8", "replace"))
