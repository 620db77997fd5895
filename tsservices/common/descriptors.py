"""
The standard descriptors 0, 1 and 2 of the process, which may be closed at its start.

Nothing of Twisted is imported here: the prompt of the chat needs this before.
"""

from __future__ import annotations

import os
import sys

#: The names of the standard streams in L{sys}, by descriptor, and how each is opened.
_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


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
