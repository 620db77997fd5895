"""
How far the system's clock may be off, as the system itself knows it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from tsservices.measure.ntptime import ErrorEstimate

UNSYNCHRONISED = 0x0040
"""
The bit of the clock's status that says that it follows nothing.
"""

CLOCK_ERROR = 5
"""
The clock's state when it is not to be relied on.
"""

LEAST_ERROR = 1000
"""
Nanoseconds: the system counts whole microseconds.
"""

LONGEST_ERROR = 255_000_000_000
"""
Nanoseconds that are said of a clock of which nothing is known.
"""

_LONGS = ("offset", "freq", "maxerror", "esterror")


class Timex(ctypes.Structure):
    """
    The beginning of Linux's C{struct timex}, and room for the rest.
    """

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in _LONGS),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def systemCall() -> Callable[[Any], int] | None:
    """
    @return: what fills a L{Timex} and returns the clock's state, if the system has it.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[[Any], int] = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    return found


def clockError(adjtimex: Callable[[Any], int] | None) -> ErrorEstimate:
    """
    @param adjtimex: what L{systemCall} has found.
    @return: what the system knows; a clock of which it knows nothing is not
        synchronised.
    """
    timex = Timex()
    state = -1 if adjtimex is None else adjtimex(ctypes.byref(timex))
    if state < 0:
        return ErrorEstimate.of(LONGEST_ERROR, synchronised=False)
    synchronised = state != CLOCK_ERROR and not timex.status & UNSYNCHRONISED
    # Some programs that set the clock leave the estimate at 0; the maximum grows by itself.
    microseconds = (timex.esterror if synchronised else 0) or timex.maxerror
    return ErrorEstimate.of(max(LEAST_ERROR, microseconds * 1000), synchronised)
