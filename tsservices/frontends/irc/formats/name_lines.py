"""
The names of a channel (RPL_NAMREPLY), written once for all who ask for them.  Pure.

When a thousand people join a channel, each gets the names of all before.  What differs is the nick
in each line, and the few names at the end: so the lines are kept with a sign in place of the nick,
and a join adds to the last of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tsservices.frontends.irc.formats.lines import ENDING
from tsservices.frontends.irc.message import BODY_BYTES
from tsservices.frontends.irc.people import isLonger

#: Stands in place of a nick; no line has it.
NICK = "\0"

#: Nicks of up to so many bytes, of up to the double, and so on, share their lines.
_NICK_BYTES = 8

#: Channels of which the lines are kept.
_KEPT = 64


class NameLines:
    """The lines of names of one channel, for clients with nicks of about one length."""

    def __init__(self, head: str, size: int) -> None:
        """
        @param head: what each line begins with, with L{NICK} in place of the nick.
        @param size: bytes of names in a line.
        """
        self._head = head
        self._size = size
        self._forget({})

    def _forget(self, signs: Mapping[str, str]) -> None:
        # The names that are written, whole lines of them, and those of the last line.
        self._names = self._last = ""
        self._whole = b""
        self._signs = signs

    def text(self, names: str, signs: Mapping[str, str], nick: str) -> bytes:
        """
        The lines with their endings.

        @param names: with spaces between.
        @param signs: what stands before some of them.
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
    """Names with spaces between, in as few lines of so many bytes as they need."""
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
    """The lines of the channels whose names were asked for last."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], NameLines] = {}

    def lines(self, head: str, names: str, signs: Mapping[str, str], nick: str) -> bytes:
        """
        Those of one channel, as in L{NameLines}.

        @param nick: that of who gets them.
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
    """Bytes of a line behind its head."""
    return BODY_BYTES - len(head.encode("utf-8", "replace"))
