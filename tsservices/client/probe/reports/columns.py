"""Text in the columns of a terminal: widths, lines that fit, and figures in little space."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable

#: Columns of every line of a summary.
WIDTH = 80

#: Before text that did not fit into the line above.
INDENT = "    "

#: Stands for an unknown value.
UNKNOWN = "?"

_PARTS = re.compile(r"(?<=[,;:]) ")


def displayWidth(text: str) -> int:
    """Return the columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_characterWidth, text))


def _characterWidth(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """Return the text, padded to C{width} columns."""
    return text + " " * (width - displayWidth(text))


def clipped(text: str, width: int) -> str:
    """Return as much of the text as fits into C{width} columns."""
    while displayWidth(text) > width:
        text = text[: min(len(text) - 1, width)]
    return text


def fitted(line: str, width: int = WIDTH) -> list[str]:
    """
    Split a line into lines that fit: after commas, otherwise between words, and within a word only
    if the word is too long for a line.
    """
    lines = []
    current = ""
    parts = deque(_PARTS.split(line) if displayWidth(line) > width else [line])
    while parts:
        part = parts.popleft()
        longer = f"{current} {part}" if current.strip() else current + part
        if displayWidth(longer) <= width:
            current = longer
        elif displayWidth(part) + len(INDENT) > width and " " in part:
            parts.extendleft(reversed(part.split(" ")))
        elif current.strip():
            lines.append(current)
            current = INDENT
            parts.appendleft(part)
        else:
            taken = clipped(part, width - displayWidth(current))
            lines.append(current + taken)
            current = INDENT
            parts.appendleft(part[len(taken) :])
    return [*lines, current]


def allFitted(lines: Iterable[str]) -> list[str]:
    """Return the lines, each split as by L{fitted}."""
    return [part for line in lines for part in fitted(line)]


def milliseconds(nanoseconds: float | None) -> str:
    """Format with an accuracy of a microsecond."""
    return UNKNOWN if nanoseconds is None else f"{nanoseconds / 1e6:.3f}"


def millisecondsIn(nanoseconds: float, width: int) -> str:
    """Format to the microsecond, or as exactly as C{width} columns, at least 9, allow."""
    value = nanoseconds / 1e6
    for decimals in (3, 2, 1, 0):
        text = f"{value:.{decimals}f}"
        if len(text) <= width:
            return text
    return f"{value:.2e}"


def shortMilliseconds(nanoseconds: float | None) -> str:
    """Format with four digits, where fping has three; C{-} for L{None}."""
    if nanoseconds is None:
        return "-"
    value = nanoseconds / 1e6
    decimals = next((count for count in (3, 2, 1) if len(f"{value:.{count}f}") <= 5), 0)
    return f"{value:.{decimals}f}"


def percentText(value: float | None) -> str:
    """Format as in ping."""
    return UNKNOWN if value is None else f"{value:.6g}%"


def shortPercent(value: float | None) -> str:
    """Format in five columns, so that a small loss, or a few replies of very many, are visible."""
    if value is None:
        return "-"
    if 0 < value < 0.01:
        return "<.01%"
    text = f"{value:.2g}%" if value < 10 else f"{value:.1f}%".replace(".0%", "%")
    return text if value in (0, 100) or text != "100%" else "99.9%"
