"""Times as IRCv3 writes them.  Pure."""

from __future__ import annotations

import calendar
import re

from tsservices.common.timestamps import NANOSECONDS

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z"
)


def parseTime(text: str) -> int | None:
    """Nanoseconds since 1970, UTC, of a time as tags have it; L{None} if it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if not (1970 <= year <= 2261 or (year, month) <= (2262, 3)) or year < 1970:
        # What nanoseconds in 63 bits reach.
        return None
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    seconds = calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0))
    return seconds * NANOSECONDS + int((match[7] or "0").ljust(9, "0"))
