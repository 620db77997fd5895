"""
How far the system's clock may be off, as the system itself knows it.

Times as measuring packets carry them: 64 bits, and what their clock is worth.  Pure.

There are two formats, told apart by the Z bit of the error estimate that goes with them:

  - NTP (Z is 0): 32 bits of seconds since 1900 and 32 bits of fraction.  The seconds
    wrap in 2036; a time is taken for the one of its era that is nearest to another;
  - PTP (Z is 1): 32 bits of seconds since 1970 and 32 bits of nanoseconds.  Whether
    leap seconds are in it, the packet does not say: they are left in.

All else in this suite counts whole nanoseconds since 1970.  Nothing here is ever a
float, whose steps at this size are 238 nanoseconds.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from tsservices.stamp.timestamps import ErrorEstimate

#: The bit of the clock's status that says that it follows nothing.
UNSYNCHRONISED = 0x0040

#: The clock's state when it is not to be relied on.
CLOCK_ERROR = 5

#: Nanoseconds: the system counts whole microseconds.
LEAST_ERROR = 1000

#: Nanoseconds that are said of a clock of which nothing is known.
LONGEST_ERROR = 255_000_000_000

_LONGS = ("offset", "freq", "maxerror", "esterror")


class Timex(ctypes.Structure):
    """The beginning of Linux's C{struct timex}, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in _LONGS),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def systemCall() -> Callable[[Any], int] | None:
    """What fills a L{Timex} and returns the clock's state, if the system has it."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[[Any], int] = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    return found


def clockError(adjtimex: Callable[[Any], int] | None) -> ErrorEstimate:
    """What the system knows; a clock of which it knows nothing is not synchronised."""
    timex = Timex()
    state = -1 if adjtimex is None else adjtimex(ctypes.byref(timex))
    if state < 0:
        return ErrorEstimate.of(LONGEST_ERROR, synchronised=False)
    synchronised = state != CLOCK_ERROR and not timex.status & UNSYNCHRONISED
    # Some programs that set the clock leave the estimate at 0; the maximum grows by itself.
    microseconds = (timex.esterror if synchronised else 0) or timex.maxerror
    return ErrorEstimate.of(max(LEAST_ERROR, microseconds * 1000), synchronised)
