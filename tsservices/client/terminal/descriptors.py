"""
Writing to the standard descriptors of the process, and leaving them as they were.

Nothing of Twisted is imported here: the prompt of the chat needs these before.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Seconds to wait for a standard error that takes nothing because it shares a full pipe with
#: standard output.
COMPLAINT_PATIENCE = 2.0


def writeError(text: str) -> None:
    """Write to standard error, also when its descriptor is non-blocking."""
    _write(2, text)


def writeOutput(text: str) -> None:
    """Write to standard output, also when its descriptor is non-blocking."""
    _write(1, text)


def _write(descriptor: int, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            if not select.select([], [descriptor], [], COMPLAINT_PATIENCE)[1]:
                return
        except OSError:
            return


@contextmanager
def blockingRestored() -> Iterator[None]:
    """Give the standard descriptors back in the mode they had, blocking or not."""
    # The mode belongs to the open file, not to this process: a shell or the next program on the
    # same terminal or pipe would find it as it is left.
    modes = [(descriptor, os.get_blocking(descriptor)) for descriptor in (0, 1, 2)]
    try:
        yield
    finally:
        for descriptor, blocking in modes:
            with suppress(OSError):
                os.set_blocking(descriptor, blocking)
