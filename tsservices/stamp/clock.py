"""The possible error of the system's clock, as reported by Linux in adjtimex(2)."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from tsservices.stamp.timestamps import ErrorEstimate

#: The status bit of a clock that is not synchronised.
STA_UNSYNC = 0x0040

#: The clock's state when it is not synchronised.
TIME_ERROR = 5

#: Nanoseconds: the system counts whole microseconds.
MINIMUM_ERROR = 1000

#: Nanoseconds, for a clock whose error is unknown.
UNKNOWN_ERROR = 255_000_000_000

_LONGS = ("offset", "freq", "maxerror", "esterror")


class Timex(ctypes.Structure):
    """The first fields of Linux's C{struct timex}, padded: the kernel writes all of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in _LONGS),
        ("status", ctypes.c_int),
        ("padding", ctypes.c_byte * 256),
    )


def findAdjtimex() -> Callable[[Any], int] | None:
    """Return the C library's function, which fills a L{Timex} and returns the clock's state."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        adjtimex: Callable[[Any], int] = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    return adjtimex


def readClockError(adjtimex: Callable[[Any], int] | None) -> ErrorEstimate:
    """Read the error of the system's clock; a clock with unknown error is not synchronised."""
    timex = Timex()
    state = -1 if adjtimex is None else adjtimex(ctypes.byref(timex))
    if state < 0:
        return ErrorEstimate.atLeast(UNKNOWN_ERROR, synchronised=False)
    # The S bit must be correct: peers trust the one-way delays because of it.
    synchronised = state != TIME_ERROR and not timex.status & STA_UNSYNC
    # Some programs that set the clock leave the estimate at 0; the maximum grows by itself.
    microseconds = (timex.esterror if synchronised else 0) or timex.maxerror
    return ErrorEstimate.atLeast(max(MINIMUM_ERROR, microseconds * 1000), synchronised)
