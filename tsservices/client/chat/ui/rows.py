"""The width of texts on a terminal, and their wrapping into rows.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from wcwidth import wcwidth

from tsservices.client.chat.colours import Span

#: The most characters shown of one line, three times the longest line of this suite's server.
#: Without a limit, a line of a megabyte would be wrapped at every key.
SHOWN_CHARACTERS = 40_000

#: One emoji of several characters; terminals differ in its width, but most show it in two columns.
SEQUENCE = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"  # a flag
    "|[0-9#*\xa9\xae\u203c-\u3299\U0001f000-\U0001faff]"
    "(?:[\ufe0f\u20e3\U0001f3fb-\U0001f3ff]"  # emoji style, keycap, skin colour
    "|\u200d[\u2190-\u2bff\U0001f000-\U0001faff]"  # joined to another emoji
    "|[\U000e0020-\U000e007f])+"  # the flag of a region
)

#: The columns of such an emoji.
SEQUENCE_COLUMNS = 2


class _Widths(dict[str, int]):
    # The widths of single characters, the same as prompt_toolkit's.
    def __missing__(self, character: str) -> int:
        width = self[character] = max(0, wcwidth(character))
        return width


_WIDTHS = _Widths()


def units(text: str) -> Sequence[str]:
    """Split a text into characters, with the characters of one emoji together."""
    if text.isascii() or SEQUENCE.search(text) is None:
        return text
    parts: list[str] = []
    at = 0
    for match in SEQUENCE.finditer(text):
        parts += [*text[at : match.start()], match[0]]
        at = match.end()
    return [*parts, *text[at:]]


def _columns(unit: str) -> int:
    return _WIDTHS[unit] if len(unit) == 1 else SEQUENCE_COLUMNS


def textWidth(text: str) -> int:
    """Count the columns of a text."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, units(text)))


def cut(text: str, width: int) -> str:
    """Cut a text to a width, with an ellipsis if it is longer."""
    if textWidth(text) <= width:
        return text
    return _beginning(text, width - 1) + "…" if width > 0 else ""


def padded(text: str, width: int) -> str:
    """Cut or pad a text to a width."""
    shown = cut(text, width)
    return shown + " " * (width - textWidth(shown))


def _beginning(text: str, width: int) -> str:
    taken = length = 0
    for unit in units(text):
        taken += _columns(unit)
        if taken > width:
            return text[:length]
        length += len(unit)
    return text


def wrapped(spans: Sequence[Span], width: int, indent: int) -> list[list[Span]]:
    """
    Wrap a line into rows, between words if possible.

    @param indent: the indent of all rows but the first; reduced if it leaves too few columns.
    """
    text = "".join(part for _, part in spans)
    if len(text) > SHOWN_CHARACTERS:
        more = len(text) - SHOWN_CHARACTERS
        spans = [*_slice(spans, 0, SHOWN_CHARACTERS), ("event", f" ({more} more characters)")]
        text = "".join(part for _, part in spans)
    if "\n" not in text and len(text) <= width and textWidth(text) <= width:
        return [list(spans)]
    width = max(width, 2)
    if indent > width // 2:
        indent = 2 if width >= 8 else 0
    margin: list[Span] = [("", " " * indent)] if indent else []
    if "\n" in text:
        # A message of several lines.
        rows: list[list[Span]] = []
        at = 0
        for line in text.split("\n"):
            part = _slice(spans, at, at + len(line))
            rows += wrapped([*(margin if at else []), *part], width, indent)
            at += len(line) + 1
        return rows
    parts = units(text)
    ranges = list(_ranges(parts, width, width - indent))
    if parts is not text:
        places = [0, *accumulate(map(len, parts))]
        ranges = [(places[start], places[end]) for start, end in ranges]
    return [
        [*(margin if number else []), *_slice(spans, *part)] for number, part in enumerate(ranges)
    ]


def _ranges(text: Sequence[str], first: int, other: int) -> Iterable[tuple[int, int]]:
    # The start and the end of each row, counted in units.
    start, space = 0, first
    taken, breakAt, after = 0, -1, 0
    number, end = 0, len(text)
    wasWide = False
    while number < end:
        character = text[number]
        width = _columns(character)
        isWide = width == 2
        if wasWide and width and not character.isspace():
            # Scripts with wide characters have no spaces between words.
            breakAt = after = number
        if character == " ":
            # Of several spaces at the end of a row, none is kept.
            if not (number > start and text[number - 1] == " "):
                breakAt = number
            after = number + 1
        elif taken + width > space:
            if breakAt > start:
                yield start, breakAt
                start = after
            else:
                yield start, number
                start = number
            while start < end and text[start] == " ":
                start += 1
            number, taken, breakAt, space = start, 0, -1, other
            wasWide = False
            continue
        taken += width
        wasWide = isWide
        number += 1
    while end > start and text[end - 1] == " ":
        end -= 1
    if start < end or not len(text):
        yield start, end


def _slice(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    parts: list[Span] = []
    at = 0
    for style, text in spans:
        following = at + len(text)
        if following > start and at < end:
            parts.append((style, text[max(0, start - at) : end - at]))
        at = following
    return parts
