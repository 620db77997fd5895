"""The encoding of lines of IRC, and their common parts.  Pure."""

from __future__ import annotations

import time as clocks
from collections.abc import Sequence
from functools import lru_cache

from tsservices.chat.operations import ME, MESSAGE, NOTICE
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc.message import BODY_BYTES, cut

#: The end of each line.
ENDING = "\r\n"

#: The commands of messages from people.
SPOKEN = {MESSAGE: "PRIVMSG", ME: "PRIVMSG", NOTICE: "NOTICE"}

#: The beginning and the end of an action (CTCP).
ACTION, ACTION_END = "\x01ACTION ", "\x01"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return clocks.strftime("%Y-%m-%dT%H:%M:%S", clocks.gmtime(seconds))


def timeText(nanoseconds: int) -> str:
    """Write a time for tags: in UTC, with milliseconds."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}Z"


def withTag(tag: str, line: str) -> str:
    """Add a tag to a line."""
    return f"@{tag};{line[1:]}" if line.startswith("@") else f"@{tag} {line}"


#: Characters of a line that always fits: each takes at most four bytes.
_SURELY_FITS = BODY_BYTES // 4


def encodeLines(lines: Sequence[str]) -> bytes:
    """Encode lines; one that is too long after its tags is cut between characters."""
    fitting = [
        line
        if len(line) <= _SURELY_FITS or (len(line) <= BODY_BYTES and line.isascii())
        else _fitted(line)
        for line in lines
    ]
    return "".join([line + ENDING for line in fitting]).encode("utf-8", "replace")


def _fitted(line: str) -> str:
    tags, space, body = line.partition(" ") if line.startswith("@") else ("", "", line)
    return tags + space + cut(body, BODY_BYTES)
