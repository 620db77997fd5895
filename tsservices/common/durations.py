"""Durations and points in time, as people write them: C{90d}, C{2026-11-20T12:10}.  Pure."""

from __future__ import annotations

import re
import time

from tsservices.common.timestamps import NANOSECONDS

#: Seconds that a ban or a mute may last, unless it lasts for ever: ten years.
LONGEST_SECONDS = 10 * 365 * 86_400

#: The seconds of each unit of time, by its sign; the longest first.
UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}

#: The word for a duration without an end.
FOREVER = "forever"

# Nine digits of seconds are 31 years; int would take any number of them.
_SPAN = re.compile(f"([0-9]{{1,9}})([{''.join(UNITS)}])")

# What somebody may have meant as a duration: a ban must not become one for ever by a typing error.
_LIKE_SPAN = re.compile(r"[+-]?[.,]?\d\S*")

_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


class DurationError(ValueError):
    """A text is no duration, or one that is too long.  The argument is the text."""


def parts(text: str) -> tuple[int, str] | None:
    """The number and the unit of a duration like C{90d}; L{None}: it is none."""
    match = _SPAN.fullmatch(text)
    return (int(match[1]), match[2]) if match else None


def span(text: str) -> int:
    """
    The seconds of a duration; 0: for ever.

    @raise DurationError: it is none, or too long.
    """
    if text.lower() == FOREVER:
        return 0
    count, unit = parts(text.lower()) or (0, "s")
    seconds = count * UNITS[unit]
    if not 0 < seconds <= LONGEST_SECONDS:
        raise DurationError(text)
    return seconds


def spanAndWords(text: str) -> tuple[int, str]:
    """
    The seconds of the duration that a text may begin with, 0 for ever, and what follows it.

    @raise DurationError: it begins with what looks like a duration and is none.
    """
    first, _, words = text.partition(" ")
    if first.lower() != FOREVER and not _LIKE_SPAN.fullmatch(first):
        return 0, text
    return span(first), words.strip()


def spanText(seconds: int) -> str:
    """A duration as L{span} reads it, in the longest unit that needs no fraction."""
    if not seconds:
        return FOREVER
    unit = next(unit for unit, size in UNITS.items() if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def moment(text: str, now: int) -> int:
    """
    A point in time, written as a local date or as a duration before now.

    @param now: the time: nanoseconds since 1970, UTC.
    @return: nanoseconds since 1970, UTC.
    @raise ValueError: it is none.
    """
    if parts(text.lower()):
        return max(0, now - span(text) * NANOSECONDS)
    for form in _DATES:
        try:
            return max(0, int(time.mktime(time.strptime(text, form))) * NANOSECONDS)
        except (ValueError, OverflowError):
            continue
    raise ValueError(text)
