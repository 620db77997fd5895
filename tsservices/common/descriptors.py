"""
The standard descriptors 0, 1 and 2 of the process, which may be closed at its start, and the limit
of descriptors.

This module does not import Twisted, because the prompt of the chat needs it before that.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

#: The names of the standard streams in L{sys}, by descriptor, and how each is opened.
_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))

#: A limit that every system accepts, even if its hard limit "infinite" means less (macOS).
DESCRIPTORS_ANYWHERE = 10_240


def openMissing() -> list[int]:
    """
    Open the null device for each closed standard descriptor, and make its stream if Python has not.

    Otherwise the next socket or file would get that number: it would be used as the input or
    output, and a process that becomes a daemon would replace it.  Therefore call this before
    anything is opened.

    @return: the descriptors that were closed at the start, and were already taken by something
        opened before this call.
    """
    taken = []
    for descriptor, (name, mode) in enumerate(_STREAMS):
        # Python makes no stream if the descriptor is closed at the start.
        closedAtStart = getattr(sys, f"__{name}__") is None
        try:
            os.fstat(descriptor)
        except OSError:
            # `open` returns the lowest free number, which is the missing one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        else:
            if closedAtStart:
                taken.append(descriptor)
                continue
        if closedAtStart:
            stream = os.fdopen(descriptor, mode, encoding="utf-8", errors="replace", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    return taken


def raiseDescriptorLimit() -> int | None:
    """Raise the limit of descriptors as far as allowed, and return it; L{None} for no limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, DESCRIPTORS_ANYWHERE):
        if soft != hard and wanted != soft:
            # Some systems refuse a soft limit of "infinite", even if that is the hard limit.
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                soft = wanted
                break
    return None if soft == resource.RLIM_INFINITY else soft
