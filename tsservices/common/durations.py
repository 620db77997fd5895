"""Durations and points in time in users' notation: C{90d}, C{2026-11-20T12:10}.  Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from tsservices.common.timestamps import NANOSECONDS

#: The longest ban or mute in seconds, unless it lasts for ever: ten years.
LONGEST_SECONDS = 10 * 365 * 86_400

#: The seconds of each unit of time, by its sign; the longest first.
UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}

#: The word for a duration without an end.
FOREVER = "forever"

# Nine digits of seconds are 31 years; int would accept any number of digits.
_SPAN = re.compile(f"([0-9]{{1,9}})([{''.join(UNITS)}])")

# A text that may be meant as a duration: a typing error must not make a ban permanent.
_LIKE_SPAN = re.compile(r"[+-]?[.,]?\d\S*")

#: The first and the last point in time, in nanoseconds since 1970: points beyond them, such as in
#: 1903 or 2263, are replaced by them.  0 means no time, and SQLite's integers end at 2**63.
EARLIEST, LATEST = 1, 2**63 - 1

# Not `datetime.fromisoformat`, which accepts weeks and times without colons, but not 2026-1-5.
_DATE = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:T(\d\d?):(\d\d?)(?::(\d\d?)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)


class DurationError(ValueError):
    """A text is no duration, or a too long one.  The argument is the text."""


def splitDuration(text: str) -> tuple[int, str] | None:
    """Get the number and the unit of a duration like C{90d}; L{None}: it is no duration."""
    match = _SPAN.fullmatch(text)
    return (int(match[1]), match[2]) if match else None


def parseDuration(text: str) -> int:
    """
    Get the seconds of a duration; 0: for ever.

    @raise DurationError: it is no duration, or too long.
    """
    if text.lower() == FOREVER:
        return 0
    count, unit = splitDuration(text.lower()) or (0, "s")
    seconds = count * UNITS[unit]
    if not 0 < seconds <= LONGEST_SECONDS:
        raise DurationError(text)
    return seconds


def spanAndWords(text: str) -> tuple[int, str]:
    """
    Get the seconds of the duration at the beginning of a text, and the rest of the text; 0: the
    duration is for ever or missing.

    @raise DurationError: the first word looks like a duration, but is none.
    """
    first, *words = text.split(None, 1) or [""]
    if first.lower() != FOREVER and not _LIKE_SPAN.fullmatch(first):
        return 0, text
    return parseDuration(first), "".join(words).strip()


def spanText(seconds: int) -> str:
    """Write a duration for L{parseDuration}, in the longest unit that needs no fraction."""
    if not seconds:
        return FOREVER
    unit = next(unit for unit, size in UNITS.items() if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def parseMoment(text: str, now: int, latest: bool = False) -> int:
    """
    Read a point in time, written as a date or as a duration before now.

    @param now: nanoseconds since 1970, UTC.
    @param latest: of an ambiguous local time the later meaning counts: see L{parseDate}.
    @return: nanoseconds since 1970, UTC; from L{EARLIEST} to L{LATEST}.
    @raise ValueError: it is no point in time.
    """
    if splitDuration(text.lower()):
        return _bounded(now - parseDuration(text) * NANOSECONDS)
    return parseDate(text, latest)


def parseDate(text: str, latest: bool) -> int:
    """
    Read a point in time, written as a date with or without the time of day: as in ISO 8601, with
    C{Z} or an offset from UTC like C{+02:00}, otherwise in the zone of this process.

    A local time that occurs twice, because the clocks are set back, has two meanings.  So has one
    that is skipped, because they are set forward: by the offset before, and by the one after.

    @param latest: the later of two meanings counts; otherwise the earlier one.
    @return: nanoseconds since 1970, UTC; from L{EARLIEST} to L{LATEST}.
    @raise ValueError: it is no point in time.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    *numbers, fraction, zone = match.groups()
    try:
        # Not `time.mktime`: for two meanings its result depends on earlier calls.
        year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
        local = datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone))
        if not 1900 < local.year < 2300:
            # Beyond the bounds in any zone, and perhaps too far for the system's conversion.
            local = local.replace(tzinfo=UTC)
        meanings = {int(local.replace(fold=fold).timestamp()) for fold in (0, 1)}
    except (ValueError, OverflowError):
        raise ValueError(text) from None
    seconds = max(meanings) if latest else min(meanings)
    return _bounded(seconds * NANOSECONDS + int((fraction or "0").ljust(9, "0")))


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if minutes > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _bounded(nanoseconds: int) -> int:
    return min(max(nanoseconds, EARLIEST), LATEST)
