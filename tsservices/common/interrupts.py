"""
What Ctrl-C does to a program that is still being imported.  Pure.

Python raises KeyboardInterrupt, which at that time is a traceback of some import.  So the signal
ends the process, as it ends any other program, until there is somebody who handles it.
"""

from __future__ import annotations

# Not signal, which takes five milliseconds to import: those in which this is to help.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)


def endQuietly() -> None:
    """Let Ctrl-C end the process without a word, unless it is ignored or handled."""
    if getsignal(SIGINT) is default_int_handler:
        signal(SIGINT, SIG_DFL)


def raiseAgain() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, where it ended the process until now."""
    if getsignal(SIGINT) == SIG_DFL:
        signal(SIGINT, default_int_handler)
