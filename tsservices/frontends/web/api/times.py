"""Times in the format of RFC 3339, with nanoseconds.  Pure."""

from __future__ import annotations

import time as clock

from tsservices.common.timestamps import NANOSECONDS

# A cache: all times in one second have the same text up to the second.
_last: tuple[int, str] = (-1, "")


def rfc3339(time: int) -> str:
    """@param time: nanoseconds since 1970, UTC."""
    global _last
    seconds, nanoseconds = divmod(time, NANOSECONDS)
    if seconds != _last[0]:
        _last = seconds, clock.strftime("%Y-%m-%dT%H:%M:%S", clock.gmtime(seconds))
    return f"{_last[1]}.{nanoseconds:09d}Z"
