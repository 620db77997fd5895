"""
The standard descriptors 0, 1 and 2 of the process, which may be closed at its start, and how many
others it may have.

Nothing of Twisted is imported here: the prompt of the chat needs this before.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

#: The names of the standard streams in L{sys}, by descriptor, and how each is opened.
_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))

#: Descriptors that every system gives, also one that says "infinite" and means less (macOS).
DESCRIPTORS_ANYWHERE = 10_240


def openMissing() -> list[int]:
    """
    Put the null device in place of each standard descriptor that is closed, and a stream on it in
    place of each that Python has not made.

    Otherwise the next socket or file would get its number: it would be read as the input or written
    to as the output, and a process that becomes a daemon would replace it.  So this comes before
    anything is opened.

    @return: descriptors that were closed at the start, and now belong to something that was opened
        before this call.
    """
    taken = []
    for descriptor, (name, mode) in enumerate(_STREAMS):
        # Python has made no stream if the descriptor was closed when it started.
        closedAtStart = getattr(sys, f"__{name}__") is None
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is the one that was found missing.
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
    """Allow this process as many as the system does, and say how many; L{None} for any number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, DESCRIPTORS_ANYWHERE):
        if soft != hard and wanted != soft:
            # Where the hard limit is "infinite" the soft one may not be set to it.
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                soft = wanted
                break
    return None if soft == resource.RLIM_INFINITY else soft
