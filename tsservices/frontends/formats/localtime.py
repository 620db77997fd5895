"""
The time of day and the date for people, in the time zone of where they are written.  Pure:
the zone comes from the caller.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

#: Seconds whose time of day is remembered: those of the messages that come now, and of the last
#: ones in some hundred rooms, which everybody is shown who joins.
SECONDS_REMEMBERED = 4096

# Not strftime's, which follow the locale: the lines around them are English.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Moment(NamedTuple):
    """One second, as people read it."""

    #: The time of day: C{12:10:05}.
    clock: str

    #: The day: C{Saturday 21 November 2026}.
    date: str


class LocalTime:
    """
    Writes times for people.

    @ivar moment: gives the L{Moment} of seconds since 1970.
    """

    def __init__(self, localtime: Callable[[float], time.struct_time]) -> None:
        """
        @param localtime: gives the local time of seconds since 1970, as
            C{time.localtime} does.
        """
        self._localtime = localtime
        self.moment: Callable[[int], Moment] = lru_cache(SECONDS_REMEMBERED)(self._moment)

    def minute(self, second: int) -> str:
        """
        Day and minute: C{2026-11-20 12:10}.

        @param second: since 1970.
        """
        year, month, day, hour, minute = self._localtime(second)[:5]
        return f"{year}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}"

    def _moment(self, second: int) -> Moment:
        year, month, day, hour, minute, sec, weekday = self._localtime(second)[:7]
        return Moment(
            f"{hour:02d}:{minute:02d}:{sec:02d}",
            f"{_WEEKDAYS[weekday]} {day} {_MONTHS[month - 1]} {year}",
        )
