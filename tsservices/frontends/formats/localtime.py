"""
The time of day and the date for people, in the time zone of where they are written, and what
follows the system when that zone changes.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakSet

#: Seconds whose time of day is remembered: those of the messages that come now, and of the last
#: ones in some hundred rooms, which everybody is shown who joins.
SECONDS_REMEMBERED = 4096

#: What says in which zone the system is, unless the environment does: often a symbolic link.
ZONE_FILE = "/etc/localtime"

#: Seconds between two looks at that file: within them a new zone is known everywhere.
ZONE_SECONDS = 30.0

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


#: The end of a ban or mute, as errors have it.
_END = re.compile(r"\buntil (\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")


class Moment(NamedTuple):
    """One second, as people read it."""

    #: The time of day: C{12:10:05}.
    clock: str

    #: The day: C{Saturday 21 November 2026}.
    date: str


#: All that remember times.
_INSTANCES: WeakSet[LocalTime] = WeakSet()


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
        self._cached = lru_cache(SECONDS_REMEMBERED)(self._moment)
        self.moment: Callable[[int], Moment] = self._cached
        _INSTANCES.add(self)

    def zoneChanged(self) -> None:
        """Forget what was written in the zone before."""
        self._cached.cache_clear()

    def minute(self, second: int) -> str:
        """
        Day and minute: C{2026-11-20 12:10}.

        @param second: since 1970.
        """
        year, month, day, hour, minute = self._localtime(second)[:5]
        return f"{year}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}"

    def withLocalEnd(self, text: str) -> str:
        """An error, with the time in it until which something holds, if any, in this zone."""

        def local(match: re.Match[str]) -> str:
            # It comes from another machine, so it may be no time at all.
            with contextlib.suppress(ValueError, OverflowError):
                end = datetime.fromisoformat(f"{match[1]}+00:00")
                return f"until {self.minute(int(end.timestamp()))}"
            return match[0]

        # What follows is the reason, in the words of a person.
        return _END.sub(local, text, count=1)

    def _moment(self, second: int) -> Moment:
        year, month, day, hour, minute, sec, weekday = self._localtime(second)[:7]
        return Moment(
            f"{hour:02d}:{minute:02d}:{sec:02d}",
            f"{_WEEKDAYS[weekday]} {day} {_MONTHS[month - 1]} {year}",
        )


class SystemZone:
    """
    Has this process follow the system to another zone.

    The C library reads the zone once, and again only when it is told to.
    """

    def __init__(
        self,
        path: str = ZONE_FILE,
        environ: Mapping[str, str] = os.environ,
        tzset: Callable[[], None] = time.tzset,
    ) -> None:
        """@param tzset: has the library read the zone again."""
        self._path = path
        # Where TZ names the zone, the file has nothing to say.
        self._fixed = "TZ" in environ
        self._tzset = tzset
        self._identities: list[tuple[int, ...] | None] = []

    def refresh(self) -> None:
        """
        Look whether it has changed since the last call; to be called every L{ZONE_SECONDS}.

        The first call changes nothing: a file that is not there because twistd has changed the
        root since the zone was read must not make it UTC.
        """
        if self._fixed or (identity := self._identify()) in self._identities:
            return
        known, self._identities = bool(self._identities), [identity]
        if known:
            self._tzset()
            for instance in _INSTANCES:
                instance.zoneChanged()

    def _identify(self) -> tuple[int, ...] | None:
        with contextlib.suppress(OSError):
            status = os.stat(self._path)
            return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        # Without the file it is UTC.
        return None
