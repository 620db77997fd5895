"""
Colours and styles of text on a terminal.  Pure.

A line is a list of spans, each a style and a text.  L{Styler} converts it to text with escape
sequences, or to plain text without colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

from tsservices.chat.names import fold
from tsservices.storage.words import searchable

#: A style and a text.
Span = tuple[str, str]

#: Numbers of those of the 256 terminal colours that are readable on white and on black, with a
#: contrast of at least 3 to 1.
PALETTE = (27, 29, 31, 33, 62, 64, 66, 93, 94, 98, 127, 130, 133, 161, 163, 166, 168, 199)

#: SGR codes of the eight-colour palette, without black, white and yellow.
BASIC = (31, 32, 34, 35, 36)

#: SGR codes of all styles except those of names.
_STYLES = {
    "time": "2",
    "event": "2",
    "refusal": "1;31",
    "mark": "1;35",
    "own": "1",
    "mention": "1;7",
    "found": "1;4",
}

#: The prefix of the style of a name; the name follows.
NICK = "nick "


@lru_cache(1024)
def _hash(nick: str) -> int:
    # Not hash(), whose result differs in each process.
    return int.from_bytes(blake2b(fold(nick).encode("utf-8", "replace"), digest_size=4).digest())


def colourNumber(nick: str, count: int = 0) -> int:
    """
    Choose the colour of a name among the 256.

    @param count: if not 0, return a number below it instead.
    """
    return _hash(nick) % count if count else PALETTE[_hash(nick) % len(PALETTE)]


def depth(environ: Mapping[str, str]) -> int:
    """Return the number of colours of the terminal: 0, 8 or 256."""
    term = environ.get("TERM", "").lower()
    if environ.get("NO_COLOR") or term in ("", "dumb", "unknown"):
        return 0
    return 256 if "256" in term or environ.get("COLORTERM") else 8


class Styler:
    """Converts lines of spans to text for a terminal."""

    def __init__(self, depth: int) -> None:
        self._depth = depth

    def paint(self, line: Sequence[Span]) -> str:
        """Convert one line, without its ending."""
        if not self._depth:
            return "".join(text for _, text in line)
        return "".join(self._span(style, text) for style, text in line)

    def _span(self, style: str, text: str) -> str:
        code = self.nick(style.removeprefix(NICK)) if style.startswith(NICK) else ""
        code = code or _STYLES.get(style, "")
        return f"\x1b[{code}m{text}\x1b[0m" if code else text

    def nick(self, nick: str) -> str:
        """Return the SGR code of a name's colour, the same for all spellings and in all runs."""
        if self._depth == 256:
            return f"38;5;{colourNumber(nick)}"
        return str(BASIC[colourNumber(nick, len(BASIC))])


def highlighted(text: str, words: Sequence[str]) -> list[Span]:
    """Highlight words in a text."""
    if not words:
        return [("", text)]
    # The longest first, because a regular expression takes the first alternative that matches.
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    wanted = {word for given in words for word in searchable(given).split()}
    spans: list[Span] = []
    for number, part in enumerate(re.split(f"({pattern})", text, flags=re.IGNORECASE)):
        if number % 2:
            spans.append(("found", part))
        else:
            spans += _foundOtherwise(part, wanted)
    return _joined(spans)


def _foundOtherwise(text: str, wanted: set[str]) -> list[Span]:
    # The words may differ in accents, for example: highlight each part between spaces with one.
    if not wanted.intersection(searchable(text).split()):
        return [("", text)]
    return [
        ("found" if wanted.intersection(searchable(part).split()) else "", part)
        for part in re.split(r"(\s+)", text)
    ]


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for style, text in spans:
        if text and joined and joined[-1][0] == style:
            joined[-1] = (style, joined[-1][1] + text)
        elif text:
            joined.append((style, text))
    return joined


def marked(text: str, ranges: Iterable[tuple[int, int]], style: str) -> list[Span]:
    """
    Set parts of a text in a style.

    @param ranges: the start and the end of each part, in order.
    """
    spans: list[Span] = []
    at = 0
    for start, end in ranges:
        spans += [("", text[at:start]), (style, text[start:end])]
        at = end
    return _joined([*spans, ("", text[at:])])
