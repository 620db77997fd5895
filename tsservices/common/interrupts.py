"""
The handling of Ctrl-C while a program is still being imported.  Pure.

Python raises KeyboardInterrupt, which at that time is the traceback of an import.  Therefore the
signal ends the process, as it ends any other program, until the program handles it.
"""

from __future__ import annotations

# Not signal, whose import takes five milliseconds without this handling.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)


def endQuietly() -> None:
    """Make Ctrl-C end the process without output, unless it is ignored or handled."""
    if getsignal(SIGINT) is default_int_handler:
        signal(SIGINT, SIG_DFL)


def raiseAgain() -> None:
    """Make Ctrl-C raise KeyboardInterrupt, if until now it ended the process."""
    if getsignal(SIGINT) == SIG_DFL:
        signal(SIGINT, default_int_handler)
