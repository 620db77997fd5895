"""
Times and dates for people, in this system's time zone, and the handling of changes of that zone.
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

#: Seconds whose time of day is cached: those of current messages, and of the last messages in a
#: few hundred rooms, which are shown to each user who joins.
SECONDS_REMEMBERED = 4096

#: The file of the system's zone, used unless the environment names one: often a symbolic link.
ZONE_FILE = "/etc/localtime"

#: Seconds between two checks of that file: the longest time until a new zone is used.
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


#: The end of a ban or mute, as written in errors.
_END = re.compile(r"\buntil (\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")


class Moment(NamedTuple):
    """One second, as people read it."""

    #: The time of day: C{12:10:05}.
    clock: str

    #: The day: C{Saturday 21 November 2026}.
    date: str


#: All instances, for clearing their caches.
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
        """Clear the cache of times in the old zone."""
        self._cached.cache_clear()

    def minute(self, second: int) -> str:
        """
        Day and minute: C{2026-11-20 12:10}.

        @param second: since 1970.
        """
        year, month, day, hour, minute = self._localtime(second)[:5]
        return f"{year}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}"

    def withLocalEnd(self, text: str) -> str:
        """Convert the end of a restriction in an error's text, if there is one, to this zone."""

        def local(match: re.Match[str]) -> str:
            # The text comes from another machine, so it may not be a valid time.
            with contextlib.suppress(ValueError, OverflowError):
                end = datetime.fromisoformat(f"{match[1]}+00:00")
                return f"until {self.minute(int(end.timestamp()))}"
            return match[0]

        # Only the first: after it comes the reason, in a person's words.
        return _END.sub(local, text, count=1)

    def _moment(self, second: int) -> Moment:
        year, month, day, hour, minute, sec, weekday = self._localtime(second)[:7]
        return Moment(
            f"{hour:02d}:{minute:02d}:{sec:02d}",
            f"{_WEEKDAYS[weekday]} {day} {_MONTHS[month - 1]} {year}",
        )


class SystemZone:
    """
    The watch for changes of the system's time zone, for this process.

    The C library reads the zone once, and again only on C{tzset}.
    """

    def __init__(
        self,
        path: str = ZONE_FILE,
        environ: Mapping[str, str] = os.environ,
        tzset: Callable[[], None] = time.tzset,
    ) -> None:
        """@param tzset: makes the library read the zone again."""
        self._path = path
        # If TZ names the zone, the file is not used.
        self._fixed = "TZ" in environ
        self._tzset = tzset
        self._identities: list[tuple[int, ...] | None] = []

    def refresh(self) -> None:
        """
        Apply a change of the zone since the last call; to be called every L{ZONE_SECONDS}.

        The first call changes nothing: if twistd has changed the root directory since the zone was
        read, the file is missing, and the zone must not become UTC.
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
        # Without the file the zone is UTC.
        return None
