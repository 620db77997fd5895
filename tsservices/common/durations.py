"""
How long and when, as people write it.  Pure.
"""

from __future__ import annotations

import re
import time

from tsservices.common.timestamps import NANOSECONDS

#: Seconds that a ban or a mute may last, unless it lasts for ever: ten years.
LONGEST_SECONDS = 10 * 365 * 86_400


#: The seconds of each unit of time, by its sign; the longest first.
UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}

#: What has no end.
FOREVER = "forever"

_SPAN = re.compile(r"([0-9]{1,9})([wdhms])")
_TRIED = re.compile(r"[+-]?[.,]?\d\S*")


class DurationError(ValueError):
    """What was given is no duration, or too long a one."""


def span(given: str) -> int:
    """
    The same in seconds; 0: for ever.

    @raise DurationError: it is none, or too long.
    """
    if given.lower() == FOREVER:
        return 0
    found = _SPAN.fullmatch(given.lower())
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise DurationError(given)
    return seconds


def spanAndWords(given: str) -> tuple[int, str]:
    """
    The seconds, 0 for ever, and the words.

    @raise DurationError: what looks like a time is none.
    """
    first, _, words = given.partition(" ")
    if first.lower() != FOREVER and not _TRIED.fullmatch(first):
        return 0, given
    return span(first), words.strip()


def spanText(seconds: int) -> str:
    """The same, as L{span} reads it."""
    if not seconds:
        return FOREVER
    unit = next(unit for unit, size in UNITS.items() if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def moment(given: str, now: int) -> int:
    """
    That time, likewise.

    @param now: the time: nanoseconds since 1970, UTC.
    @raise ValueError: it is none.
    """
    if _SPAN.fullmatch(given.lower()):
        return max(0, now - span(given) * NANOSECONDS)
    for shape in ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"):
        try:
            return max(0, int(time.mktime(time.strptime(given, shape))) * NANOSECONDS)
        except (ValueError, OverflowError):
            continue
    raise ValueError(given)
